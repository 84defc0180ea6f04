"""The scheduler: `taskiq scheduler schedules.scheduler:scheduler`. Run as many as you like; each slot is one job."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from taskiq import ScheduledTask, ScheduleSource, TaskiqScheduler

from schedules.slots import latest_slot, slot_job_id
from schedules.table import SCHEDULES, Schedule
from taskcast import JobBroker
from taskcast.ending import end
from taskcast.errors import ConfigurationError, EngineFull, EngineUnavailable, TaskcastError
from taskcast.names import DEFAULT_PREFIX

logger = logging.getLogger(__name__)

LATE = timedelta(minutes=50)
"""How late a slot may still be sent. The engine knows the id of an ended job for an hour; after that it could run twice."""

JUST_NOW = timedelta(minutes=2)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class TableSource(ScheduleSource):
    """Gives Taskiq the schedules of the table in code."""

    def __init__(self, schedules: Sequence[Schedule] = SCHEDULES) -> None:
        self.schedules = {schedule.name: schedule for schedule in schedules}

    async def get_schedules(self) -> list[ScheduledTask]:
        """Return all of them; Taskiq compares their cron with the clock every second."""
        return [
            ScheduledTask(
                schedule_id=schedule.name,
                task_name=schedule.task,
                labels={},
                args=[],
                kwargs=dict(schedule.arguments),
                cron=schedule.cron,
                cron_offset=schedule.time_zone,
            )
            for schedule in self.schedules.values()
        ]


class SlotScheduler(TaskiqScheduler):
    """Sends each slot of the table as one job, again and again until it is accepted.

    A start looks back 50 minutes and sends the last slot of each schedule once more; it is accepted only if nobody sent it.
    """

    def __init__(self, broker: JobBroker, source: TableSource, *, url_is_set: bool = True) -> None:
        super().__init__(broker, [source])
        self._jobs, self._source, self._url_is_set = broker, source, url_is_set
        self._catching_up: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Connect, and catch up with what was missed.

        Raises:
            ConfigurationError: if there is no queue server to send to.
        """
        if not self._url_is_set:
            raise ConfigurationError(
                "TASKCAST_REDIS_URL is not set; start with `taskcast up`, or give your server's URL"
            )
        await super().startup()
        self._catching_up = asyncio.create_task(self._catch_up(), name="schedules-catch-up")

    async def shutdown(self) -> None:
        """Disconnect."""
        task, self._catching_up = self._catching_up, None
        await end(task)
        await super().shutdown()

    async def on_ready(self, source: ScheduleSource, task: ScheduledTask) -> None:
        """Send the slot that is due now."""
        schedule = self._source.schedules[task.schedule_id]
        slot = latest_slot(schedule, datetime.now(UTC), JUST_NOW)
        if slot is not None:
            await self.send_slot(schedule, slot)

    async def send_slot(self, schedule: Schedule, slot: datetime) -> bool:
        """Send one slot until it is accepted or too late; return whether this call was the one that made the job."""
        job_id = slot_job_id(schedule, slot)
        pause_s = FIRST_PAUSE_S
        while datetime.now(UTC) - slot < LATE:
            try:
                job = await self._jobs.enqueue(
                    schedule.task,
                    kwargs=schedule.arguments,
                    job_id=job_id,
                    queue=schedule.queue,
                    priority=schedule.priority,
                    max_attempts=schedule.max_attempts,
                    timeout_s=schedule.timeout_s,
                    by=f"schedule:{schedule.name}",
                    metadata={"schedule": schedule.name, "slot": f"{slot:%Y-%m-%dT%H:%MZ}"},
                )
            except (EngineUnavailable, EngineFull) as error:
                logger.warning("slot %s is not accepted yet: %s", job_id, error)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            else:
                if job.outcome == "accepted":
                    await self._tell_fired(schedule, slot, job_id)
                return job.outcome == "accepted"
        logger.error("slot %s was missed: it could not be sent within %s", job_id, LATE)
        return False

    async def _tell_fired(self, schedule: Schedule, slot: datetime, job_id: str) -> None:
        data = {"schedule": schedule.name, "slot": f"{slot:%Y-%m-%dT%H:%MZ}", "job": job_id}
        try:
            await self._jobs.engine.tell([("schedule.fired", b"", msgspec.json.encode(data))])
        except TaskcastError as error:
            logger.warning("that slot %s fired could not be told: %s", job_id, error)

    async def _catch_up(self) -> None:
        now = datetime.now(UTC)
        for schedule in self._source.schedules.values():
            try:
                slot = latest_slot(schedule, now, LATE - timedelta(minutes=5))
                if slot is not None and await self.send_slot(schedule, slot):
                    logger.info("slot %s was missed and is sent now", slot_job_id(schedule, slot))
            except Exception:
                logger.exception("could not catch up with schedule %s", schedule.name)


_url = os.environ.get("TASKCAST_REDIS_URL")
scheduler = SlotScheduler(
    JobBroker(_url or "redis://127.0.0.1:6379/0", prefix=os.environ.get("TASKCAST_PREFIX") or DEFAULT_PREFIX),
    TableSource(),
    url_is_set=bool(_url),
)
