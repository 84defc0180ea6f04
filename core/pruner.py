"""The pruner: once an hour it deletes jobs, and the log lines of completed ones, that are older than is kept."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from redis.exceptions import RedisError

from core.cleaning import BATCH, delete_ended
from core.loops import Loop, jittered
from core.storage import deletion
from core.storage.connection import DatabaseAway
from core.storage.operations import delete_operations_before
from core.storage.queues import delete_queues_unseen_since
from core.storage.schedules import delete_runs_before
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from taskcast.states import JobState

logger = logging.getLogger(__name__)

EVERY_S = 3600.0


class Pruner(Loop):
    """Deletes by age, in batches; any number of pruners may run.

    Args:
        engine: tells what was deleted.
        jobs: how long ended jobs are kept.
        logs: how long the log lines of completed jobs are kept; those of failed and cancelled ones go with their jobs.
        every_s: seconds between rounds.
    """

    name = "pruner"
    away = (EngineUnavailable, RedisError, *DatabaseAway)
    longest_pause_s = 60.0

    def __init__(self, *, engine: Engine, jobs: timedelta, logs: timedelta, every_s: float = EVERY_S) -> None:
        super().__init__()
        self._engine, self._jobs, self._logs, self._every_s = engine, jobs, logs, every_s
        self._logs_pruned_to: datetime | None = None

    async def prune(self) -> tuple[int, int]:
        """Do one round; returns how many jobs and how many log lines it deleted."""
        now = datetime.now(UTC)
        jobs = await delete_ended(self._engine, before=now - self._jobs, by=None)
        await delete_runs_before(now - self._jobs)
        await delete_operations_before(now - self._jobs)
        await delete_queues_unseen_since(now - self._jobs)
        lines, until = 0, now - self._logs
        async for page in deletion.ended_before(
            until, since=self._logs_pruned_to, status=[JobState.COMPLETED], size=BATCH
        ):
            lines += await deletion.delete_logs([job.id for job in page])
        self._logs_pruned_to = until
        if jobs or lines:
            logger.info("what was kept long enough is deleted", extra={"jobs": jobs, "log_lines": lines})
        return jobs, lines

    async def _step(self) -> None:
        await self.prune()
        await asyncio.sleep(jittered(self._every_s))
