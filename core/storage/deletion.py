"""Finds and deletes ended jobs with all that hangs on them, and corrects the kept counts in the same transaction.

`delete_jobs` is the one function that deletes jobs: by hand from the gateway, in batches by age from the pruner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.storage.connection import connection, transaction
from taskcast.states import FINAL

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class EndedJob:
    """What names an ended job."""

    id: str
    type: str
    queue: str
    user_id: str | None
    created_at: datetime


async def ended_before(
    before: datetime,
    *,
    since: datetime | None = None,
    status: Sequence[str] = (),
    queue: str | None = None,
    task: str | None = None,
    size: int,
) -> AsyncIterator[list[EndedJob]]:
    """Yield the jobs that ended before a time, and not before `since`, in pages, the oldest first.

    What is deleted meanwhile does no harm.
    """
    for state in status or FINAL:
        after: tuple[datetime, str] | None = None
        while page := await ended_page(str(state), before, since=since, queue=queue, task=task, after=after, size=size):
            yield page
            after = page[-1].created_at, page[-1].id


async def ended_page(
    state: str,
    before: datetime,
    *,
    since: datetime | None = None,
    queue: str | None = None,
    task: str | None = None,
    after: tuple[datetime, str] | None = None,
    size: int,
) -> list[EndedJob]:
    """Return the oldest jobs of a final state that ended before a time, after the one created at a time with an id."""
    created_at, job_id = after or (datetime.min.replace(tzinfo=UTC), "")
    # What ended before was created before, which an index knows.
    async with connection() as lent:
        records = await lent.fetch(
            "SELECT id, type, queue_name, user_id, created_at FROM jobs WHERE status = $1 AND created_at < $2"
            " AND coalesce(completed_at, failed_at, cancelled_at, updated_at) < $2"
            " AND ($3::text IS NULL OR queue_name = $3) AND ($4::text IS NULL OR type = $4)"
            " AND (created_at, id) > ($5, $6)"
            " AND ($8::timestamptz IS NULL OR coalesce(completed_at, failed_at, cancelled_at, updated_at) >= $8)"
            " ORDER BY created_at, id LIMIT $7",
            state, before, queue, task, created_at, job_id, size, since,
        )  # fmt: skip
    return [EndedJob(*record) for record in records]


async def ended_jobs(ids: Sequence[str]) -> list[EndedJob]:
    """Return those of the jobs that have ended by what the table says."""
    async with connection() as lent:
        records = await lent.fetch(
            "SELECT id, type, queue_name, user_id, created_at FROM jobs"
            " WHERE id = ANY($1::text[]) AND status = ANY($2::text[])",
            list(ids),
            [str(state) for state in FINAL],
        )
    return [EndedJob(*record) for record in records]


async def count_ended_before(
    before: datetime, *, status: Sequence[str] = (), queue: str | None = None, task: str | None = None
) -> int:
    """Return how many jobs ended before a time."""
    async with connection() as lent:
        count: int = await lent.fetchval(
            "SELECT count(*) FROM jobs WHERE status = ANY($1::text[]) AND created_at < $2"
            " AND coalesce(completed_at, failed_at, cancelled_at, updated_at) < $2"
            " AND ($3::text IS NULL OR queue_name = $3) AND ($4::text IS NULL OR type = $4)",
            [str(state) for state in status or FINAL], before, queue, task,
        )  # fmt: skip
    return count


async def delete_jobs(ids: Sequence[str]) -> list[str]:
    """Delete those of up to 1,000 jobs that have ended by what the table says; return their ids.

    Raises:
        ValueError: for more than 1,000 ids.
    """
    if len(ids) > MOST_AT_ONCE:
        raise ValueError(f"ids: {len(ids)} are too many, give {MOST_AT_ONCE} at most")
    async with transaction() as connection:
        # Whoever writes jobs holds the recorder's position, so that no batch is half-way while we count.
        await connection.execute("SELECT seq FROM recorder FOR UPDATE")
        rows = await connection.fetch(
            "SELECT id, type, queue_name, status FROM jobs WHERE id = ANY($1::text[]) AND status = ANY($2::text[])"
            " ORDER BY id FOR UPDATE",
            list(ids),
            [str(state) for state in FINAL],
        )
        if not rows:
            return []
        found = [row["id"] for row in rows]
        await connection.execute("DELETE FROM job_logs WHERE job_id = ANY($1::text[])", found)
        await connection.execute("DELETE FROM job_attempts WHERE job_id = ANY($1::text[])", found)
        await connection.execute("DELETE FROM jobs WHERE id = ANY($1::text[])", found)
        counts = Counter((row["type"], row["queue_name"], row["status"]) for row in rows)
        keys = sorted(counts)
        await connection.execute(
            "UPDATE job_counts AS c SET count = c.count - d.n"
            " FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS d (type, queue_name, status, n)"
            " WHERE c.type = d.type AND c.queue_name = d.queue_name AND c.status = d.status",
            [key[0] for key in keys],
            [key[1] for key in keys],
            [key[2] for key in keys],
            [counts[key] for key in keys],
        )
    return found


async def delete_logs(ids: Sequence[str]) -> int:
    """Delete all log lines of jobs; return how many there were."""
    async with connection() as lent:
        status: str = await lent.execute("DELETE FROM job_logs WHERE job_id = ANY($1::text[])", list(ids))
    return int(status.rsplit(maxsplit=1)[-1])
