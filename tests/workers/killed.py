"""Runs one job in processes of their own, each killed (-9) at a moment of its work: `python -m tests.workers.killed`.

A moment is the number of a checkpoint, counted from 1; 0 is behind the last line of the job, before anybody has heard of its
end. The imports are made once, and every process is forked from there.
"""

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
    """Call a built-in task as a worker would, with the job given and its store and cache from the environment."""
    from workers.broker import broker, file_store
    from workers.tasks.cache_cleanup import open_cache

    task = broker.find_task(name)
    assert task is not None
    wanted = inspect.signature(task.original_func).parameters
    if "store" in wanted:
        arguments = arguments | {"store": file_store()}
    if "cache" in wanted:
        async for cache in open_cache():
            return await task.original_func(**arguments, cache=cache, job=job)
    return await task.original_func(**arguments, job=job)


async def main(name: str, job_id: str, at: int, arguments: dict[str, Any]) -> None:
    """Run the task until its checkpoint number `at`, and be killed there."""
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
        if at == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def each_in_a_child(name: str, job_id: str, moments: list[int], arguments: dict[str, Any]) -> None:
    """Fork a process for each moment, one after the other; fail if one of them ends in another way."""
    import workers.tasks  # noqa: F401

    for at in moments:
        if (child := os.fork()) == 0:
            asyncio.run(main(name, job_id, at, arguments))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.exit(f"{name} ended before its checkpoint {at}: {status}")


if __name__ == "__main__":
    each_in_a_child(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4]))
