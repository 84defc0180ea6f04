"""The broker of the soak: jobs of every kind, none of which does much. `SOAK_URL` names the server."""

from __future__ import annotations

import os

from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext

broker = JobBroker(os.environ.get("SOAK_URL", "redis://localhost:6379/0"), prefix="soak", lease_s=5, result_ttl_s=600)


@broker.task(task_name="quiet")
async def quiet(number: int) -> int:
    """Return."""
    return number


@broker.task(task_name="talkative", queue="talk")
async def talkative(number: int, job: JobContext = TaskiqDepends()) -> dict[str, int]:
    """Tell of progress and write lines."""
    for step in range(3):
        job.log("step %d of job %d", level="INFO", step=step, number=number)
        job.progress(100 * (step + 1) / 3, step=f"Step {step}")
    return {"number": number}


@broker.task(task_name="thread")
def thread(number: int) -> int:
    """Return, in a thread."""
    return number


@broker.task(task_name="flaky", max_attempts=2, backoff_s=0.05)
async def flaky(number: int, job: JobContext = TaskiqDepends()) -> int:
    """Fail at the first attempt."""
    if job.attempt == 1:
        raise ConnectionError(f"number {number} fails at first")
    return number


@broker.task(task_name="failing", queue="fail")
async def failing(number: int) -> None:
    """Fail for good."""
    raise ValueError(f"number {number} fails")


@broker.task(task_name="limited", queue="limits", concurrency=3, concurrency_key="tenant:{number}")
async def limited(number: int) -> int:
    """Return, a few at a time."""
    return number


@broker.task(task_name="rated", queue="limits", rate_limit=(5000, 1))
async def rated(number: int) -> int:
    """Return, so many a second."""
    return number
