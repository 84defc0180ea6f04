"""A job that tells its progress ten times a second, with the time of telling in its message."""

from __future__ import annotations

import asyncio
import os
import time

from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext

broker = JobBroker(os.environ.get("TASKCAST_REDIS_URL", "redis://localhost:6379/0"))
HZ = 10


@broker.task(task_name="tick", queue="bench", timeout_s=None)
async def tick(seconds: float, job: JobContext = TaskiqDepends()) -> int:
    """Tick for so many seconds; the message is `t=<milliseconds since 1970>`."""
    began, ticks = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        ticks += 1
        job.progress(100 * passed / seconds, step="Ticking", message=f"t={time.time() * 1000:.0f}")
        await asyncio.sleep(began + ticks / HZ - time.monotonic())
    return ticks
