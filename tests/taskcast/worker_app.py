"""The broker of the worker processes that tests start; what their jobs do they write to a file."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from itertools import count
from pathlib import Path

if os.environ.get("WITHOUT_UVLOOP"):
    sys.modules["uvloop"] = None  # type: ignore[assignment]

from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext
from tests.taskcast import process_tasks

broker = JobBroker(
    os.environ["WORKER_URL"],
    prefix=os.environ["WORKER_PREFIX"],
    lease_s=float(os.environ.get("WORKER_LEASE_S", "4")),
    queues=os.environ["WORKER_QUEUES"].split(",") if "WORKER_QUEUES" in os.environ else None,
    loop_blocked_s=float(os.environ.get("WORKER_LOOP_BLOCKED_S", "0.5")),
    loop_kill_s=float(os.environ.get("WORKER_LOOP_KILL_S", "600")),
)


def tell(what: str) -> None:
    with open(os.environ["WORKER_FILE"], "a") as file:  # noqa: PTH123
        file.write(f"{what} {os.getpid()}\n")


def may_go() -> bool:
    return Path(os.environ["WORKER_FILE"] + ".go").exists()


@broker.task(task_name="work")
async def work(seconds: float, job: JobContext = TaskiqDepends()) -> int:
    tell(f"begin {job.attempt}")
    await asyncio.sleep(seconds if job.attempt == 1 else 0)
    tell(f"end {job.attempt}")
    return job.attempt


@broker.task(task_name="until_told")
async def until_told(job: JobContext = TaskiqDepends()) -> int:
    """Run until the test lets all of them go."""
    tell(f"begin {job.attempt}")
    while not may_go():
        await asyncio.sleep(0.01)
    tell(f"end {job.attempt}")
    return job.attempt


@broker.task(task_name="thread")
def thread(seconds: float, job: JobContext = TaskiqDepends()) -> int:
    tell(f"begin {job.attempt}")
    time.sleep(seconds if job.attempt == 1 else 0)
    tell(f"end {job.attempt}")
    return job.attempt


@broker.task(task_name="talk_until_told")
async def talk_until_told(job: JobContext = TaskiqDepends()) -> None:
    tell(f"begin {job.attempt}")
    for line in count(1):
        job.log("still there")
        job.progress(line % 100)
        await asyncio.sleep(0.02)
        if may_go():
            break
    tell(f"end {job.attempt}")


@broker.task(task_name="block")
async def block(seconds: float, job: JobContext = TaskiqDepends()) -> int:
    tell(f"begin {job.attempt}")
    time.sleep(seconds if job.attempt == 1 else 0)
    return job.attempt


@broker.task(task_name="child", executor="process")
def child(seconds: float, job: JobContext = TaskiqDepends()) -> int:
    """Write a line every 10 ms for as long as it runs."""
    tell(f"begin {job.attempt}")
    until = time.monotonic() + (seconds if job.attempt == 1 else 0)
    while time.monotonic() < until:
        tell(f"tick {job.attempt}")
        time.sleep(0.01)
    tell(f"end {job.attempt}")
    return job.attempt


@broker.task(task_name="forks")
def forks() -> int:
    """Leave a process behind that has all of the worker's descriptors."""
    pid = os.fork()
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    tell("forked")
    return pid


@broker.task(task_name="child_dies", executor="process")
def child_dies(how: str) -> None:
    process_tasks.end(how)


@broker.task(task_name="child_tells", executor="process")
def child_tells(job: JobContext = TaskiqDepends()) -> dict[str, str]:
    job.progress(50, step="half")
    job.log("a line")
    logging.getLogger("app").info("logged")
    return {"password": "x", "is_worker": str(broker.is_worker_process)}


@broker.task(task_name="exit")
async def leave() -> None:
    os._exit(1)
