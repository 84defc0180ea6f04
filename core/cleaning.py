"""Deletes jobs that have ended, with their events: by hand from the gateway, by age from the pruner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.storage import deletion
from taskcast.engine import wire
from taskcast.engine.engine import Engine

BATCH = 500


async def delete_ended(
    engine: Engine,
    *,
    before: datetime,
    status: Sequence[str] = (),
    queue: str | None = None,
    task: str | None = None,
    by: str | None,
    limit: int | None = None,
) -> int:
    """Delete the jobs that ended before a time; return how many.

    Args:
        engine: tells `job.deleted` of each.
        before: the time.
        status: final states; all three if empty.
        queue: only jobs of this queue.
        task: only jobs of this task.
        by: who wants it; None for their age.
        limit: so many at most; all if None.

    Raises:
        EngineUnavailable: with whole batches deleted before.
    """
    count = 0
    data = msgspec.json.encode({"by": by})
    async for page in deletion.ended_before(before, status=status, queue=queue, task=task, size=BATCH):
        # One that was sent again and is not recorded yet is no ended job any more.
        known = await engine.known([job.id for job in page])
        gone = [job for job in page if known[job.id] != "record"][: None if limit is None else limit - count]
        # As with one job by hand: the events are the command, the rows go now so that nobody sees them again.
        await engine.tell(("job.deleted", wire.head(job.id, job.type, job.queue, job.user_id), data) for job in gone)
        await deletion.delete_jobs([job.id for job in gone])
        count += len(gone)  # the recorder may have been faster with some of them
        if limit is not None and count >= limit:
            break
    return count
