"""Deletes jobs that have ended, with their events: page by page for an operation, by age for the pruner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.storage import deletion
from core.storage.deletion import EndedJob
from taskcast.engine import wire
from taskcast.engine.engine import Engine

BATCH = 500


async def delete_ended(engine: Engine, *, before: datetime, by: str | None) -> int:
    """Delete the jobs that ended before a time; return how many.

    Raises:
        EngineUnavailable: with whole batches deleted before.
    """
    count = 0
    async for page in deletion.ended_before(before, size=BATCH):
        count += len(await delete_batch(engine, page, by=by))
    return count


async def delete_batch(engine: Engine, jobs: Sequence[EndedJob], *, by: str | None) -> list[str]:
    """Delete up to 1,000 ended jobs and tell `job.deleted` of each; return their ids.

    Raises:
        EngineUnavailable: with nothing deleted, or all of them by their events.
    """
    if not jobs:
        return []
    data = msgspec.json.encode({"by": by})
    # One that was sent again and is not recorded yet is no ended job any more.
    known = await engine.known([job.id for job in jobs])
    gone = [job for job in jobs if known[job.id] != "record"]
    # As with one job by hand: the events are the command, the rows go now so that nobody sees them again.
    await engine.tell(("job.deleted", wire.head(job.id, job.type, job.queue, job.user_id), data) for job in gone)
    await deletion.delete_jobs([job.id for job in gone])
    return [job.id for job in gone]  # the recorder may have been faster with some of them
