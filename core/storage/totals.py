"""Numbers over all time, for metrics: what has ended, what there is."""

from __future__ import annotations

from core.storage.connection import connection

ENDS = ("completed", "failed", "cancelled", "retried")


async def ended_in_all() -> dict[tuple[str, ...], float]:
    """Return how many attempts ended how, by queue and end; deleted jobs still count."""
    async with connection() as lent:
        records = await lent.fetch(
            "SELECT queue_name, sum(completed), sum(failed), sum(cancelled), sum(retried) FROM job_days GROUP BY 1"
        )
    return {(record[0], word): float(record[i]) for record in records for i, word in enumerate(ENDS, start=1)}


async def kept_jobs() -> dict[tuple[str, ...], float]:
    """Return how many jobs the table has, by status."""
    async with connection() as lent:
        records = await lent.fetch("SELECT status, sum(count) FROM job_counts GROUP BY 1")
    return {(record[0],): float(record[1]) for record in records}


async def running_operations() -> int:
    """Return how many commands about many jobs go on."""
    async with connection() as lent:
        return int(await lent.fetchval("SELECT count(*) FROM operations WHERE state = 'running'"))
