"""The scheduler: `taskiq scheduler schedules.scheduler:scheduler`. Run as many as you like; each slot is one job."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack

from taskiq import ScheduledTask, ScheduleSource, TaskiqScheduler

from core.storage import schedules as stored
from core.storage.connection import connected
from schedules.firing import Firing, fire
from schedules.table import SCHEDULES, Schedule
from taskcast import JobBroker
from taskcast.ending import end
from taskcast.errors import ConfigurationError
from taskcast.names import DEFAULT_PREFIX

logger = logging.getLogger(__name__)


class NoSource(ScheduleSource):
    """Gives Taskiq's own loop nothing: it forgets what was missed, and two of it fire everything twice."""

    async def get_schedules(self) -> list[ScheduledTask]:
        """Return none."""
        return []


class SlotScheduler(TaskiqScheduler):
    """Writes the table in code into the database and fires what is there, stored schedules included."""

    def __init__(
        self,
        broker: JobBroker,
        *,
        database_url: str | None,
        table: Sequence[Schedule] = SCHEDULES,
        url_is_set: bool = True,
    ) -> None:
        super().__init__(broker, [NoSource()])
        self._jobs, self._database_url, self._table, self._url_is_set = broker, database_url, table, url_is_set
        self._resources = AsyncExitStack()
        self._firing: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Connect and begin.

        Raises:
            ConfigurationError: if there is no queue server to send to, or no database to know what was sent.
        """
        for name, there in (
            ("TASKCAST_REDIS_URL", self._url_is_set),
            ("TASKCAST_DATABASE_URL", bool(self._database_url)),
        ):
            if not there:
                raise ConfigurationError(f"{name} is not set; start with `taskcast up`, or give your server's URL")
        await super().startup()
        await self._resources.enter_async_context(connected(self._database_url or "", pool_size=3))
        self._firing = asyncio.create_task(self._run(), name="schedules")

    async def shutdown(self) -> None:
        """Stop and disconnect; a slot that is being sent is sent by the next scheduler."""
        task, self._firing = self._firing, None
        await end(task)
        await self._resources.aclose()
        await super().shutdown()

    async def _run(self) -> None:
        while True:
            try:
                await write_table(self._table)
                break
            except Exception as error:
                logger.warning("the schedules of the code cannot be stored yet: %s", error)
                await asyncio.sleep(1.0)
        await fire(Firing(self._jobs.engine))


async def write_table(table: Sequence[Schedule]) -> None:
    """Store the schedules of the code in place of those of an earlier deploy; pauses and positions stay."""
    for schedule in table:
        fields = {
            "name": schedule.name,
            "title": schedule.title,
            "task": schedule.task,
            "arguments": dict(schedule.arguments),
            "queue": schedule.queue,
            "priority": schedule.priority.name,
            "max_attempts": schedule.max_attempts,
            "timeout_s": schedule.timeout_s,
            "why": schedule.why,
            "policy": schedule.policy,
            "source": "code",
        }
        await stored.add(fields, schedule.timing(), by="code", replace=True)
    for name in await stored.remove_others_of_code([schedule.name for schedule in table]):
        logger.warning("schedule %s is not in the code any more and is gone", name)


_url = os.environ.get("TASKCAST_REDIS_URL")
scheduler = SlotScheduler(
    JobBroker(_url or "redis://127.0.0.1:6379/0", prefix=os.environ.get("TASKCAST_PREFIX") or DEFAULT_PREFIX),
    database_url=os.environ.get("TASKCAST_DATABASE_URL"),
    url_is_set=bool(_url),
)
