"""Deletes ended jobs with all that hangs on them, and corrects the kept counts in the same transaction.

The one function that deletes jobs: by hand from the gateway, in batches from the pruner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.storage.connection import transaction
from taskcast.states import FINAL

MOST_AT_ONCE = 1000


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
