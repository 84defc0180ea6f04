"""Queries of table `pauses`: the queues and tasks that are paused, as the events told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.storage.connection import connection
from core.storage.shapes import iso

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

    def shown(self) -> Row:
        """Return it as the rows of queues and tasks show it."""
        return {"by": self.by, "reason": self.reason, "at": iso(self.at), "until": iso(self.until)}


async def list_pauses() -> dict[str, Pause]:
    """Return what is paused by the engine's key, `q:<queue>` or `t:<task>`."""
    async with connection() as lent:
        records = await lent.fetch("SELECT key, by, reason, at, until FROM pauses")
    return {key: Pause(*_named(key), *rest) for key, *rest in map(tuple, records)}


def _named(key: str) -> tuple[str | None, str | None]:
    kind, _, name = key.partition(":")
    return (name, None) if kind == "q" else (None, name)
