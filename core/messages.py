"""Taskiq messages as JSON text, made and edited without importing anybody's tasks.

The message is what the worker runs from: kept exactly as it was sent, unless somebody changes arguments by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import InvalidInput
from taskcast.redaction import MASK, Redactor
from taskcast.values import DATA_BYTES, cut, encode

Arguments = Mapping[str, Any]

_redactor = Redactor()


def new_message(job_id: str, task: str, arguments: Arguments) -> bytes:
    """Return the message that calls `task` with arguments by name."""
    return _text(
        {
            "task_id": job_id,
            "task_name": task,
            "labels": {},
            "labels_types": None,
            "args": [],
            "kwargs": dict(arguments),
        }
    )


def edited(message: bytes, changes: Arguments, names: Sequence[str] | None) -> bytes:
    """Return the message with some arguments changed; `names` are the task's parameters in order, None if unknown.

    Raises:
        InvalidInput: if a change still holds the mask of a secret, or an argument was sent by position and nobody
            knows the names of the positions.
    """
    masked = {name: "holds *** where a secret was hidden; give the secret, or leave the argument out"
              for name, value in changes.items() if _holds_mask(value)}  # fmt: skip
    if masked:
        raise InvalidInput(fields={f"arguments.{name}": text for name, text in masked.items()})
    content = json.loads(message)
    args, kwargs = list(content["args"]), dict(content["kwargs"])
    if args and names is None:
        raise InvalidInput(
            fields={
                "arguments": "cannot be changed: they were sent by position and no worker has announced their names"
            }
        )
    positions = {name: index for index, name in enumerate((names or ())[: len(args)])}
    for name, value in changes.items():
        if name in positions:
            args[positions[name]] = value
        else:
            kwargs[name] = value
    return _text(content | {"args": args, "kwargs": kwargs})


def by_name(message: bytes, names: Sequence[str] | None) -> dict[str, Any]:
    """Return the message's arguments by name; a position without one is named by its place: "0", "1"."""
    content = json.loads(message)
    known = list(names or ())
    named: dict[str, Any] = {
        known[index] if index < len(known) else str(index): value for index, value in enumerate(content["args"])
    }
    return {**named, **content["kwargs"]}


def shown(arguments: Arguments) -> Any:
    """Return arguments as the job's row may show them: secrets masked, cut to 16 KiB."""
    return json.loads(cut(_redactor.json(encode(dict(arguments))), DATA_BYTES))


def _holds_mask(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_mask(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_mask(item) for item in value)
    return bool(value == MASK)


def _text(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
