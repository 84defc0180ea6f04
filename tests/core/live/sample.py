"""Events as lines, made by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from core.gateway.live.entry import Entry

STATES = {
    "job.scheduled": (None, "scheduled"),
    "job.queued": (None, "queued"),
    "job.started": ("queued", "running"),
    "job.completed": ("running", "completed"),
    "job.failed": ("running", "failed"),
    "job.retrying": ("running", "retrying"),
    "job.cancelled": ("running", "cancelled"),
}


def line(type_: str, seq: int, **fields: Any) -> bytes:
    was, state = STATES.get(type_, (None, None))
    event: dict[str, Any] = {
        "type": type_,
        "seq": seq,
        "at": seq // 1000,
        "job": "j1",
        "task": "import",
        "queue": "imports",
        "user": "ada",
        "attempt": 1,
    }
    if state is not None:
        event |= {"was": was, "state": state}
    data: dict[str, Any] = {}
    if type_ in ("job.queued", "job.scheduled"):
        data = {"priority": 2, "data": None, "created_at": "2026-01-01T00:00:00.000Z", "reason": "enqueued"}
    elif type_ == "job.progressed":
        data = {"percentage": 10}
    elif type_ == "job.logged":
        data = {"line": 1, "level": "INFO", "message": "x"}
    event["data"] = data | fields.pop("data", {})
    return msgspec.json.encode(event | fields)


def entry(type_: str, seq: int, **fields: Any) -> Entry:
    return Entry(line(type_, seq, **fields))
