"""Runs one job in a process of its own that is killed (-9) at one of its checkpoints: `python -m tests.workers.killed`."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import sys
from typing import Any

from tests.workers.conftest import ToldJob


async def run_task(name: str, arguments: dict[str, Any], job: ToldJob) -> Any:
    """Call a built-in task as a worker would, with the job given and its store from the environment."""
    import workers.tasks  # noqa: F401
    from workers.broker import broker, file_store

    task = broker.find_task(name)
    assert task is not None
    wanted = inspect.signature(task.original_func).parameters
    if "store" in wanted:
        arguments = arguments | {"store": file_store()}
    return await task.original_func(**arguments, job=job)


async def main(name: str, job_id: str, at: int, arguments: dict[str, Any]) -> None:
    """Run the task until its checkpoint number `at`, counted from 1."""
    from core.storage.connection import connected

    job, seen = ToldJob(job_id), 0

    def count(_: ToldJob) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    job.at_checkpoint = count
    async with connected(os.environ["TASKCAST_DATABASE_URL"]):
        await run_task(name, arguments, job)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])))
