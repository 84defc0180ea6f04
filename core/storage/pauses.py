"""Queries of table `pauses`: the queues and tasks that are paused, as the events told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.storage.connection import connection
from core.storage.shapes import iso
from taskcast.engine.jobs import Paused

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused what, why, and until when; one of `queue` and `task` is set."""

    queue: str | None
    task: str | None
    by: str | None
    reason: str | None
    at: datetime
    until: datetime | None


async def list_pauses() -> dict[str, Pause]:
    """Return what is paused by the engine's key, `q:<queue>` or `t:<task>`."""
    async with connection() as lent:
        records = await lent.fetch("SELECT key, by, reason, at, until FROM pauses")
    return {key: Pause(*_named(key), *rest) for key, *rest in map(tuple, records)}


def pause_of(key: str, paused: Paused) -> Pause:
    """Return a pause as the queue server has it under this key."""
    until = None if paused.until_ms is None else _moment(paused.until_ms)
    return Pause(*_named(key), paused.by, paused.reason, _moment(paused.at_ms), until)


def shown(paused: Paused | None) -> Row | None:
    """Return a pause, as the queue server has it, in the shape of REST."""
    if paused is None:
        return None
    pause = pause_of("", paused)
    return {"by": pause.by, "reason": pause.reason, "at": iso(pause.at), "until": iso(pause.until)}


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _named(key: str) -> tuple[str | None, str | None]:
    kind, _, name = key.partition(":")
    return (name, None) if kind == "q" else (None, name)
