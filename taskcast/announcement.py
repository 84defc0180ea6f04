"""What a worker says of itself: its process, its slots, and the tasks it knows with their parameters as JSON Schema."""

from __future__ import annotations

import inspect
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_type_hints

import msgspec
from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from taskiq import AsyncTaskiqDecoratedTask

from taskcast.events import WorkerInfo
from taskcast.memory import rss_bytes
from taskcast.options import TaskOptions
from taskcast.parameters import Parameters
from taskcast.plan import injected_names
from taskcast.values import encode, encode_plain

TASKS_BYTES = 48 * 1024
"""All tasks together; an event holds 64 KiB."""

Tasks = dict[str, dict[str, Any]]


class Announcement:
    """A worker's identity, and its figures at the moment they are asked for.

    Args:
        queues: the queues it serves, None for all.
        slots: how many jobs it runs at once.
        tasks: what `tasks_of` returned.
    """

    def __init__(self, *, queues: Sequence[str] | None, slots: int, tasks: Tasks) -> None:
        self.host = socket.gethostname()[:255]
        self.pid = os.getpid()
        self.worker = f"{re.sub(r'[^A-Za-z0-9._~-]', '-', self.host)[:64]}:{self.pid}:{secrets.token_hex(4)}"
        self._queues = None if queues is None else list(queues)
        self._slots, self._tasks = slots, tasks
        self._version = _version()
        self._measured_at = time.monotonic()
        self._cpu_s = time.process_time()

    @property
    def started(self) -> bytes:
        """The part that `job.started` repeats, as JSON text."""
        return encode_plain({"worker": self.worker, "host": self.host, "pid": self.pid})

    def info(
        self,
        *,
        busy: Sequence[str] = (),
        lingering: Sequence[str] = (),
        loop_lag_ms: float = 0.0,
        with_tasks: bool = False,
    ) -> bytes:
        """Return the `WorkerInfo` as JSON text; the share of the CPU is that since the last call."""
        now, cpu_s = time.monotonic(), time.process_time()
        passed = now - self._measured_at
        cpu = (cpu_s - self._cpu_s) / passed if passed > 0.05 else 0.0
        self._measured_at, self._cpu_s = now, cpu_s
        return encode_plain(
            WorkerInfo(
                worker=self.worker,
                host=self.host,
                pid=self.pid,
                queues=self._queues,
                slots=self._slots,
                busy=list(busy)[:500],
                lingering=list(lingering)[:500],
                loop_lag_ms=round(loop_lag_ms, 2),
                cpu=round(cpu, 4),
                rss_bytes=rss_bytes(),
                version=self._version,
                tasks=self._tasks if with_tasks else None,
            )
        )


def tasks_of(
    tasks: Mapping[str, AsyncTaskiqDecoratedTask[Any, Any]], options_of: Callable[[str], TaskOptions]
) -> Tasks:
    """Return each task's options and the `schema` of its parameters, the largest schemas left out if it is too much.

    With very many tasks the options that are the defaults are left out too.
    """
    found = {
        name: options_of(name).public() | {"schema": schema_of(task.original_func)} for name, task in tasks.items()
    }
    sizes = {name: len(encode(task)) for name, task in found.items()}
    total = sum(sizes.values())
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if total <= TASKS_BYTES:
            break
        found[name] = found[name] | {"schema": {}}
        total -= sizes[name] - len(encode(found[name]))
    if total > TASKS_BYTES:
        usual = TaskOptions().public()
        found = {
            name: {option: value for option, value in task.items() if option == "schema" or usual[option] != value}
            for name, task in found.items()
        }
    return found


def schema_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the JSON Schema of a function's parameters, without those that are injected; `{}` if it has none to tell.

    `x-positions` holds the names of the positions in order, for those who read arguments that were sent by position.
    """
    try:
        hints, skipped = get_type_hints(function), injected_names(function)
        parameters = inspect.signature(function).parameters.values()
    except (NameError, TypeError, ValueError):
        return {}
    schema: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    schema["x-positions"] = Parameters(function).positions
    description = inspect.getdoc(function)
    if description:
        schema["description"] = description.splitlines()[0][:300]
    definitions: dict[str, Any] = {}
    told = _descriptions(description or "")
    for parameter in parameters:
        if parameter.name in skipped or parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            schema["additionalProperties"] = True
            continue
        one = _schema_of_annotation(hints.get(parameter.name))
        definitions |= one.pop("$defs", {})
        if parameter.default is parameter.empty:
            schema["required"].append(parameter.name)
        else:
            one["default"] = msgspec.json.decode(encode(parameter.default))
        if parameter.name in told:
            one.setdefault("description", told[parameter.name])
        schema["properties"][parameter.name] = one
    if definitions:
        schema["$defs"] = definitions
    return schema


def _descriptions(docstring: str) -> dict[str, str]:
    """Return what the section `Args:` of a docstring says of each parameter."""
    _, _, rest = docstring.partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if not line.startswith(" "):
            break
        if match := re.match(r" {4}(\w+)(?: \([^)]*\))?: (.*)", line):
            name = match[1]
            found[name] = match[2].strip()
        elif name and line.startswith("        "):
            found[name] = f"{found[name]} {line.strip()}"
    return {name: text[:300] for name, text in found.items()}


def _schema_of_annotation(annotation: Any) -> dict[str, Any]:
    if annotation is None:
        return {}
    try:
        return dict(TypeAdapter(annotation).json_schema())
    except (PydanticUserError, ValueError, TypeError, RuntimeError, NameError):
        return {}


def _version() -> str:
    try:
        return version("taskcast")
    except PackageNotFoundError:
        return ""
