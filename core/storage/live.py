"""What the live part of the gateway asks of the database beside the lists: positions, owners, priorities."""

from __future__ import annotations

from typing import Any

from core.storage.connection import connection, transaction
from core.storage.jobs import detail_by
from core.storage.logs import tail_by

Row = dict[str, Any]


async def position() -> int:
    """Return the recorder's position: the seq up to which every event is in the tables."""
    async with connection() as lent:
        return int(await lent.fetchval("SELECT seq FROM recorder") or 0)


async def owner(job_id: str) -> tuple[str | None] | None:
    """Return the `user_id` of a job, in a tuple because it may be None; None if there is no such row."""
    async with connection() as lent:
        found = await lent.fetchrow("SELECT user_id FROM jobs WHERE id = $1", job_id)
    return None if found is None else (found["user_id"],)


async def priorities(job_ids: list[str]) -> dict[str, int]:
    """Return the priorities of those jobs that have a row."""
    async with connection() as lent:
        rows = await lent.fetch("SELECT id, priority FROM jobs WHERE id = ANY($1::text[])", job_ids)
    return {row["id"]: row["priority"] for row in rows}


async def job_snapshot(job_id: str, tail: int) -> tuple[Row | None, list[Row], int]:
    """Return a job, its last log lines, and the recorder's position at which they are so."""
    async with transaction("repeatable_read", readonly=True) as lent:
        at = int(await lent.fetchval("SELECT seq FROM recorder") or 0)
        row = await detail_by(lent, job_id)
        lines = await tail_by(lent, job_id, tail) if row is not None and tail else []
    return row, lines, at
