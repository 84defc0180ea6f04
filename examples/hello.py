"""A whole Taskcast app in one file.

Give both terminals a queue server (`export TASKCAST_REDIS_URL=redis://localhost:6379/0`), then:

    $ taskiq worker examples.hello:broker --receiver taskcast:JobReceiver
    $ python -m examples.hello

Beside a running `make up`, with its TASKCAST_REDIS_URL, the dashboard shows these jobs too.
"""

from __future__ import annotations

import asyncio
import logging
import os

from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext, Priority

broker = JobBroker(
    os.environ.get("TASKCAST_REDIS_URL", "redis://localhost:6379/0"),
    prefix=os.environ.get("TASKCAST_PREFIX", "taskcast"),
    queues=["kitchen"],
)
logger = logging.getLogger("hello")


@broker.task(task_name="brew_coffee", queue="kitchen", timeout_s=60)
async def brew_coffee(cups: int, pause_s: float = 0.5, job: JobContext = TaskiqDepends()) -> dict[str, int]:
    for cup in range(1, cups + 1):
        await asyncio.sleep(pause_s)
        job.progress(100 * cup / cups, step="Brewing", completed=cup, total=cups, message=f"cup {cup} of {cups}")
        job.log("a cup is ready", cup=cup)  # a line of the job's log, with a field
        await job.checkpoint()  # stops here if someone cancelled the job
    return {"cups": cups}


@broker.task(task_name="toast", queue="kitchen", max_attempts=3, backoff_s=1, retry_on=(RuntimeError,))
def toast(slices: int, job: JobContext = TaskiqDepends()) -> str:
    # A sync function runs in a thread; standard logging goes into the job's log as well.
    logger.info("toasting %d slices", slices)
    if job.attempt == 1:
        raise RuntimeError("the toaster is jammed")  # tried again after about a second, three times at most
    return f"{slices} slices, golden"


async def main() -> None:
    await broker.startup()
    coffee = await broker.enqueue(brew_coffee, 5, priority=Priority.HIGH, user_id="ada")
    slices = await broker.enqueue_many(toast, [(n,) for n in range(1, 4)], user_id="ada")
    for job in (coffee, *slices):
        result = await job.wait_result(timeout=60)
        print(job.id, result.error if result.is_err else result.return_value)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
