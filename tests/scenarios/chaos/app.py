"""The jobs of the chaos runs: of every kind, each writing into the ledger when it begins and when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext
from tests.scenarios.chaos.ledger import write

LEASE_S = 5.0
QUEUE = "chaos"
RETRY_S = 0.3
PATIENCE_S = 30.0
OVERTIME_S = 1.0
POISON_DELIVERIES = 2
PAUSED_QUEUE = "chaos-paused"
PAUSED_TASK = "stoppable"
CONCURRENCY = 2
RATE, RATE_PERIOD_S = 10, 2
OFTEN = 100
"""Deliveries of the kinds that must not become dead letters, however often their workers are killed."""

broker = JobBroker(os.environ.get("TASKCAST_REDIS_URL", "redis://"), lease_s=LEASE_S)


class Told(Exception):
    """The job was told to fail."""


@broker.task(task_name="quick", queue=QUEUE, max_deliveries=OFTEN)
async def quick(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    await asyncio.sleep(0.005)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="threaded", queue=QUEUE, max_deliveries=OFTEN)
def threaded(number: int, seconds: float, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    time.sleep(seconds)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(
    task_name="retrying", queue=QUEUE, max_attempts=9, backoff="fixed", backoff_s=RETRY_S, max_deliveries=OFTEN
)
async def retrying(number: int, errors: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    if job.errors < errors:
        write("error", job.id, job.attempt, number)
        raise Told(f"error {job.errors + 1} of {errors}")
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="failing", queue=QUEUE, max_attempts=2, backoff="fixed", backoff_s=RETRY_S, max_deliveries=OFTEN)
async def failing(number: int, outcome: str = "failed", job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    if outcome == "failed":
        write("error", job.id, job.attempt, number)
        raise Told("to the end")
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="slow", queue=QUEUE, timeout_s=300)
async def slow(number: int, seconds: float, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    for step in range(1, 11):
        await asyncio.sleep(seconds / 10)
        job.progress(10 * step, step=f"Step {step}", completed=step, total=10)
        job.log(f"step {step} of 10")
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="patient", queue=QUEUE, timeout_s=300, max_deliveries=OFTEN)
async def patient(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    await asyncio.sleep(PATIENCE_S)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="patient_thread", queue=QUEUE, timeout_s=300, max_deliveries=OFTEN)
def patient_thread(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        time.sleep(0.05)
        job.checkpoint()
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="overtime", queue=QUEUE, timeout_s=OVERTIME_S, max_deliveries=OFTEN)
async def overtime(number: int, job: JobContext = TaskiqDepends()) -> None:
    write("begin", job.id, job.attempt, number)
    await asyncio.sleep(PATIENCE_S)


@broker.task(task_name="poison", queue=QUEUE, max_deliveries=POISON_DELIVERIES)
async def poison(number: int, job: JobContext = TaskiqDepends()) -> None:
    write("begin", job.id, job.attempt, number)
    write("poison", job.id, job.attempt, number)
    os.kill(os.getpid(), signal.SIGKILL)


@broker.task(task_name="in_process", queue=QUEUE, executor="process", max_deliveries=OFTEN)
def in_process(number: int, seconds: float, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    time.sleep(seconds)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="patient_process", queue=QUEUE, executor="process", timeout_s=300, max_deliveries=OFTEN)
def patient_process(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    time.sleep(PATIENCE_S)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="overtime_process", queue=QUEUE, executor="process", timeout_s=OVERTIME_S, max_deliveries=OFTEN)
def overtime_process(number: int, job: JobContext = TaskiqDepends()) -> None:
    write("begin", job.id, job.attempt, number)
    time.sleep(PATIENCE_S)


@broker.task(task_name="crashing", queue=QUEUE, executor="process", max_deliveries=OFTEN)
def crashing(number: int, job: JobContext = TaskiqDepends()) -> None:
    write("begin", job.id, job.attempt, number)
    os._exit(3)


@broker.task(task_name="narrow", queue=QUEUE, concurrency=CONCURRENCY, concurrency_key="narrow", max_deliveries=OFTEN)
async def narrow(number: int, seconds: float, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    await asyncio.sleep(seconds)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="metered", queue=QUEUE, rate_limit=(RATE, RATE_PERIOD_S), max_deliveries=OFTEN)
async def metered(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name=PAUSED_TASK, queue=QUEUE, max_deliveries=OFTEN)
async def stoppable(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    write("end", job.id, job.attempt, number)
    return number


@broker.task(task_name="on_paused_queue", queue=PAUSED_QUEUE, max_deliveries=OFTEN)
async def on_paused_queue(number: int, job: JobContext = TaskiqDepends()) -> int:
    write("begin", job.id, job.attempt, number)
    write("end", job.id, job.attempt, number)
    return number
