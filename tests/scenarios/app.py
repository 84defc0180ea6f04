"""The jobs of the scenarios: they write what they did to a ledger file, and end in every way a job can."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from taskiq import TaskiqDepends

from taskcast import JobContext
from tests.taskcast.process_tasks import end as end_of_process
from workers.broker import broker

__all__ = ["broker"]

broker.queues = None  # these tests put their jobs into whatever queue they like
broker.lease_s = float(os.environ.get("TASKCAST_TEST_LEASE_S", broker.lease_s))


def write(line: str) -> None:
    """Append one line to the ledger in one system call, so that lines of several processes never mix."""
    descriptor = os.open(os.environ["TASKCAST_TEST_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (line + "\n").encode())
    os.close(descriptor)


@broker.task(task_name="ledger", queue="scenario", timeout_s=60)
async def ledger(
    number: int, steps: int = 3, pause_s: float = 0.02, job: JobContext = TaskiqDepends()
) -> dict[str, int]:
    write(f"begin {job.id} {job.attempt} {number}")
    for step in range(1, steps + 1):
        await asyncio.sleep(pause_s)
        job.progress(100 * step / steps, step=f"Step {step}", completed=step, total=steps)
        job.log(f"step {step} of {steps}")
    write(f"end {job.id} {job.attempt} {number}")
    return {"number": number}


@broker.task(task_name="quick", queue="scenario")
async def quick(number: int, outcome: str = "completed") -> int:
    await asyncio.sleep(0.002)
    if outcome == "failed":
        raise ValueError(f"number {number} was told to fail")
    return number


@broker.task(task_name="wait", queue="scenario", timeout_s=300)
async def wait(seconds: float = 60.0, job: JobContext = TaskiqDepends()) -> str:
    write(f"begin {job.id} {job.attempt} 0")
    for tick in range(int(seconds * 20)):
        job.progress(100 * tick / (seconds * 20), step="Waiting", message=f"tick {tick}")
        await asyncio.sleep(0.05)
    return "waited"


@broker.task(task_name="single", queue="scenario", concurrency=1, rate_limit="600/m", timeout_s=300)
async def single(seconds: float = 60.0) -> str:
    await asyncio.sleep(seconds)
    return "was alone"


@broker.task(task_name="poison", queue="scenario")
async def poison(job: JobContext = TaskiqDepends()) -> int:
    write(f"begin {job.id} {job.attempt} 0")
    if job.attempt <= 3:
        os._exit(1)
    return job.attempt


@broker.task(task_name="child", queue="scenario", executor="process", timeout_s=300)
def child(how: str = "", seconds: float = 0.0, job: JobContext = TaskiqDepends()) -> int:
    write(f"begin {job.id} {job.attempt} {os.getpid()}")
    job.log(f"about to {how or 'sleep'}")
    job.progress(50, step="Half")
    end_of_process(how if job.attempt == 1 else "")
    time.sleep(seconds if job.attempt == 1 else 0)
    write(f"end {job.id} {job.attempt} {os.getpid()}")
    return job.attempt


class Invoice(BaseModel):
    number: int
    total: Decimal
    at: datetime


@dataclass
class Point:
    x: int
    y: int


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("this error cannot say what it is")


RESULTS: dict[str, Any] = {
    "none": None,
    "int": 42,
    "bigint": 2**80,
    "str": "<b>bold</b><script>window.hacked = 1</script> \u0000 \ud800 ✓",
    "bytes": b"\x00\xff\x10binary",
    "nested": {"a": [1, {"b": [None, True, {"c": "d"}]}], ":key": "() => alert(1)"},
    "nan": [float("nan"), float("inf"), -float("inf"), 1.5],
    "long": "y" * 200_000,
    "large": "x" * 5_000_000,
    "pydantic": Invoice(number=7, total=Decimal("12.50"), at=datetime(2026, 1, 2, tzinfo=UTC)),
    "dataclass": Point(1, 2),
    "set": {1, 2, 3},
    "uuid": UUID(int=5),
    "object": object(),
}


@broker.task(task_name="kinds", queue="scenario", max_attempts=1)
async def kinds(kind: str) -> Any:
    if kind == "cause":
        try:
            raise KeyError("the first error")
        except KeyError as error:
            raise RuntimeError("the second error") from error
    if kind == "unprintable":
        raise Unprintable
    if kind == "exit":
        raise SystemExit(3)
    return RESULTS[kind]
