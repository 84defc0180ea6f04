"""Database values in the shapes of REST: times as ISO 8601 with `Z`, JSON text as values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, overload

import msgspec

from taskcast.states import Priority
from taskcast.values import HEAD_CHARACTERS

PRIORITIES = {int(priority): priority.name for priority in Priority}

_decode = msgspec.json.Decoder().decode


@overload
def iso(at: datetime) -> str: ...
@overload
def iso(at: None) -> None: ...
def iso(at: datetime | None) -> str | None:
    """Return the time in UTC with milliseconds and `Z`; one at the edge of the calendar stays as it is."""
    if at is None:
        return None
    try:
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = at.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds")[:-6] + "Z"


def from_json(text: str | None) -> Any:
    """Return the value of JSON text; None for SQL's NULL. A value that Python cannot hold is described, as jobs' are."""
    if text is None:
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):  # PostgreSQL holds numbers and depths that Python does not
        return {"$cut": {"bytes": len(text.encode()), "head": text[:HEAD_CHARACTERS]}}


def error_of(text: str | None) -> dict[str, Any] | None:
    """Return an error's type, message and code."""
    found = from_json(text)
    if not isinstance(found, dict):
        return None
    code = found.get("code")
    return {
        "type": str(found.get("type", "")),
        "message": str(found.get("message", "")),
        "code": None if code is None else str(code),
    }
