"""CLEAN_OLD_JOBS: has the gateway delete what ended long ago, in bounded steps."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from pydantic import Field
from taskiq import TaskiqDepends

from taskcast import JobContext, Priority
from taskcast.client import Client
from taskcast.errors import ConfigurationError
from workers.app import broker, settings
from workers.arguments import checked
from workers.finance.steps import Steps
from workers.upkeep.gateway import GatewayAway, ServiceTokenRefused, service_client
from workers.words import counted

STEP = 500
LOOK_S = 1.0
DAY_S = 86400.0


@broker.task(
    task_name="CLEAN_OLD_JOBS",
    queue="maintenance",
    priority=Priority.LOW,
    max_attempts=5,
    backoff_s=10,
    retry_on=(GatewayAway,),
    never_retry_on=(ServiceTokenRefused, ConfigurationError),
    timeout_s=3600,
)
@checked
async def clean_old_jobs(
    older_than_days: Annotated[float | None, Field(ge=0)] = None,
    status: list[Literal["completed", "failed", "cancelled"]] | None = None,
    queue: str | None = None,
    job: JobContext = TaskiqDepends(),
) -> dict[str, Any]:
    """Delete ended jobs with their logs and attempts; those deleted stay deleted, however this job ends.

    Args:
        older_than_days: days since the end; TASKCAST_RETENTION_DAYS if left out.
        status: completed, failed, cancelled; all three if left out.
        queue: only jobs of this queue.
        job: the running job.
    """
    days = settings.retention_days if older_than_days is None else older_than_days
    chosen: dict[str, Any] = {"older_than_s": days * DAY_S, "status": status, "queue": queue}
    steps = Steps(job, {"Counting": 5, "Deleting": 95})
    steps.tell("Counting", 0, f"jobs that ended more than {_days(days)} ago")
    deleted = 0
    async with service_client(settings) as gateway:
        total = int((await gateway.clean_jobs(**chosen, dry_run=True))["count"])
        job.log(f"{counted(total, 'job')} ended more than {_days(days)} ago")
        while deleted < total:
            await job.checkpoint()
            count = await _step(gateway, chosen, job)
            if count == 0:
                break
            deleted += count
            steps.tell("Deleting", deleted / max(1, total), f"{deleted:,} of {total:,} jobs")
    summary = f"{counted(deleted, 'job')} deleted that had ended more than {_days(days)} ago"
    job.log(summary)
    steps.end(summary)
    return {
        "summary": summary,
        "figures": [{"label": "Deleted", "value": f"{deleted:,}", "unit": "jobs", "tone": None}],
        "deleted": deleted,
        "older_than_days": days,
    }


async def _step(gateway: Client, chosen: dict[str, Any], job: JobContext) -> int:
    """Have up to 500 jobs deleted; return how many were.

    A step that takes long is waited for: where the gateway's servers are away, each further one would wait beside it.
    """
    answer = await gateway.clean_jobs(**chosen, limit=STEP)
    if answer["count"] is not None:
        return int(answer["count"])
    while (operation := await gateway.operation(answer["operation"]))["state"] == "running":
        await job.checkpoint()
        await asyncio.sleep(LOOK_S)
    if operation["state"] == "failed":
        raise GatewayAway(f"the gateway failed to delete: {operation['error']}")
    return int(operation["done"])


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:g} days"
