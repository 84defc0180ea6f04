"""How a function is named so that another process finds it: `package.module:name`, never a pickle."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from taskiq import AsyncTaskiqDecoratedTask

from taskcast.errors import ConfigurationError

RENAMED = "__taskiq_original"
"""What Taskiq puts behind a function's name, each time it is declared as a task."""


def reference_to(function: Callable[..., Any]) -> str:
    """Return the name under which a child process can import a function.

    Raises:
        ConfigurationError: for one that is not at the top of a module that can be imported.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    name = name.replace(RENAMED, "") if name else None
    if not module or not name or "<" in name or module in {"__main__", "__mp_main__"}:
        raise ConfigurationError(
            f'executor="process": a child process cannot import {name or function!r}; write the function at the top of '
            "a module (not inside another function, and not in the script that is run)"
        )
    return f"{module}:{name}"


def check_reference(function: Callable[..., Any]) -> str:
    """Do the same, and look whether it really leads to this function.

    Raises:
        ConfigurationError: also if something else stands at that name.
    """
    reference = reference_to(function)
    try:
        found: object = resolve(reference)
    except (ImportError, AttributeError):
        found = None
    if found is not function:
        raise ConfigurationError(
            f'executor="process": {reference} leads to something else than the task\'s function; a decorator outside of '
            "@broker.task does that, or a second object of the same name"
        )
    return reference


def resolve(reference: str) -> Callable[..., Any]:
    """Return the function of a name, importing its module if need be.

    Raises:
        ImportError, AttributeError: if it is not there.
    """
    module, _, name = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = found.original_func if isinstance(found, AsyncTaskiqDecoratedTask) else found
    return function
