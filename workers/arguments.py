"""Checks a job's arguments against its annotations before it does anything.

Taskiq hands an argument that does not fit its annotation to the function as it came, and a limit (`ge=1`) is a hint to forms
alone. The built-in jobs delete backups and empty caches, so they look for themselves.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from taskcast.errors import TaskcastError
from taskcast.plan import injected_names

P = ParamSpec("P")
T = TypeVar("T")


class ArgumentWrong(TaskcastError, ValueError):
    """An argument of the job is of the wrong kind or beyond its limits."""

    code = "argument_wrong"


def checked(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Read the arguments of an async function as its annotations, limits included; stands below `@broker.task`.

    Raises, when it is called:
        ArgumentWrong: naming the argument and what it may be.
    """
    signature = inspect.signature(function)

    @functools.cache
    def readers() -> dict[str, Callable[[Any], Any]]:
        given = injected_names(function)
        hints = get_type_hints(function, include_extras=True)
        return {
            name: TypeAdapter(hint).validate_python
            for name, hint in hints.items()
            if name in signature.parameters and name not in given
        }

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        bound = signature.bind(*args, **kwargs)
        for name, read in readers().items():
            if name in bound.arguments:
                bound.arguments[name] = _read(name, read, bound.arguments[name])
        return await function(*bound.args, **bound.kwargs)

    return call


def _read(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        said = wrong["msg"].replace("Input should be", "it should be", 1)
        raise ArgumentWrong(f"{name}: {repr(wrong['input'])[:80]} will not do; {said}") from None
