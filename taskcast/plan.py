"""What can be known once per task: its function, how its arguments are read, and what must be injected."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from taskiq_dependencies import DependencyGraph

from taskcast.children.functions import check_reference
from taskcast.context import JobContext
from taskcast.errors import ConfigurationError
from taskcast.message import Message
from taskcast.options import TaskOptions

Check = tuple[Any, Callable[[Any], Any]]
"""A parameter's annotation and what reads a value as it."""


class Plan:
    """How to call one task's function.

    Attributes:
        is_async: whether the function runs in the event loop; others run in threads or child processes.
        in_child: whether it runs in a child process.
        injected: names of the parameters that want the `JobContext`.
        graph: the other dependencies, None if there are none.
    """

    __slots__ = (
        "_by_name",
        "_positional",
        "_rest",
        "function",
        "graph",
        "in_child",
        "injected",
        "is_async",
        "options",
    )

    def __init__(self, function: Callable[..., Any], options: TaskOptions, *, validate: bool = True) -> None:
        self.function = function
        self.options = options
        self.is_async = is_async(self.function)
        self.in_child = options.executor == "process" and not self.is_async
        self.injected, self.graph = _dependencies(self.function)
        self._positional: list[Check | None] = []
        self._by_name: dict[str, Check] = {}
        self._rest: Check | None = None
        if validate:
            self._read_signature()

    def arguments(self, message: Message, job: JobContext) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments read as the function's annotations.

        One that cannot be read goes in as it came, as everywhere in Taskiq, and the job's log says so.
        """
        args, kwargs = message.args, message.kwargs
        positional = self._positional
        for i, value in enumerate(args):
            if value is None:
                continue
            check = positional[i] if i < len(positional) else self._rest
            if check is not None and type(value) is not check[0]:
                try:
                    args[i] = check[1](value)
                except (ValueError, RuntimeError) as error:
                    _note_unread(job, f"argument {i + 1}", error)
        if kwargs:
            for name, value in kwargs.items():
                named = self._by_name.get(name)
                if named is not None and value is not None and type(value) is not named[0]:
                    try:
                        kwargs[name] = named[1](value)
                    except (ValueError, RuntimeError) as error:
                        _note_unread(job, f"argument {name}", error)
        return args, kwargs

    def misfit(self, message: Message) -> str | None:
        """Return why the function cannot be called with a message's arguments; None if it can."""
        injected = dict.fromkeys(injected_names(self.function) - message.kwargs.keys())
        try:
            inspect.signature(self.function).bind(*message.args, **message.kwargs, **injected)
        except TypeError as error:
            return f"its arguments do not fit the task: {error}"
        return None

    def check_child(self) -> None:
        """See whether the function can run in a child process.

        Raises:
            ConfigurationError: if it cannot, saying why.
        """
        reference = check_reference(self.function)
        if self.graph is not None:
            raise ConfigurationError(
                f'executor="process": {reference} has dependencies besides the JobContext, which belong to the worker\'s '
                "process; make them inside the function, or run it in a thread"
            )
        if sys.platform == "win32":
            raise ConfigurationError('executor="process": child processes need a Unix system')

    def _read_signature(self) -> None:
        hints = get_type_hints(self.function)
        for name, parameter in inspect.signature(self.function).parameters.items():
            annotation = hints.get(name)
            reader = None if annotation is None or name in self.injected else _reader(annotation)
            check = None if reader is None else (annotation, reader)
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._rest = check
            elif parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}:
                self._positional.append(check)
            if check is not None and parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
                self._by_name[name] = check


def _note_unread(job: JobContext, name: str, error: Exception) -> None:
    job.log(f"{name} does not fit its annotation and is passed as it came: {error}", "WARNING")


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether calling the function gives a coroutine; an object with an async `__call__` counts."""
    if inspect.iscoroutinefunction(function) or isinstance(function, types.FunctionType):
        return inspect.iscoroutinefunction(function)
    return inspect.iscoroutinefunction(type(function).__call__)


def injected_names(function: Callable[..., Any]) -> set[str]:
    """Return the parameters that Taskiq or Taskcast fill in, so that no sender has to."""
    graph = DependencyGraph(function)
    return {dependency.param_name for dependency in _own_dependencies(graph)}


def _dependencies(function: Callable[..., Any]) -> tuple[tuple[str, ...], DependencyGraph | None]:
    graph = DependencyGraph(function)
    if graph.is_empty():
        return (), None
    own = _own_dependencies(graph)
    names = tuple(dependency.param_name for dependency in own if dependency.dependency is JobContext)
    # A graph whose only dependency is the JobContext need not be resolved: the short way.
    return names, None if len(names) == len(own) else graph


def _own_dependencies(graph: DependencyGraph) -> list[Any]:
    """Return the dependencies of the function itself; the last of the ordered ones is the function."""
    return list(graph.dependencies[graph.ordered_deps[-1]]) if graph.ordered_deps else []


def _reader(annotation: Any) -> Callable[[Any], Any] | None:
    try:
        return TypeAdapter(annotation).validate_python
    except (PydanticUserError, ValueError, RuntimeError, TypeError, NameError):
        return None  # a type without a schema: the value goes in as it came
