"""The rows of the state topics and the events that change them."""

from __future__ import annotations

from core.gateway.live.states import Row, Topic
from core.storage.operations import live_operations
from core.storage.queues import list_queues
from core.storage.schedules import list_schedules
from core.storage.statistics import minutes, totals
from core.storage.tasks import task_rows
from core.storage.workers import list_workers
from taskcast.engine.engine import Engine

ENDS = ("job.started", "job.completed", "job.failed", "job.cancelled")
MOVES = (
    "job.scheduled",
    "job.queued",
    "job.started",
    "job.completed",
    "job.failed",
    "job.retrying",
    "job.cancelled",
    "job.deleted",
)


def tables(engine: Engine) -> list[Topic]:
    """Return all state topics of one installation."""

    async def queues() -> list[Row]:
        return await list_queues(engine)

    async def tasks() -> list[Row]:
        return await task_rows(engine)

    return [
        Topic("statistics", _statistics, changed_by=MOVES),
        Topic("queues", queues, changed_by=(*MOVES, "queue.", "worker.started", "worker.stopped")),
        Topic("workers", list_workers, changed_by=("worker.",)),
        Topic("tasks", tasks, changed_by=("queue.", "worker.started")),
        Topic("schedules", list_schedules, changed_by=("schedule.", *ENDS)),
        Topic("operations", live_operations, changed_by=("operation.",)),
        Topic("alerts", _nothing, changed_by=("alert.",)),
    ]


async def _statistics() -> list[Row]:
    return [await totals(), *await minutes()]


async def _nothing() -> list[Row]:
    return []
