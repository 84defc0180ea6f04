"""Sending: one by one and many at once, beside a loop of the stock broker's `kiq`; all senders in this process."""

from __future__ import annotations

import asyncio
import time

from benchmarks.figures import Figure, median
from benchmarks.servers import valkey

ONE_BY_ONE = 3000
MANY = 20000
RUNS = 3


async def _measure(url: str) -> tuple[float, float, float]:
    from taskiq_redis import RedisStreamBroker

    from taskcast import JobBroker

    stock, ours = RedisStreamBroker(url, queue_name="bench", consumer_id="0"), JobBroker(url)

    async def noop(number: int) -> int:
        return number

    stock_task = stock.register_task(noop, task_name="bench_stock")
    our_task = ours.task(task_name="bench_ours")(noop)
    await stock.startup()
    await ours.startup()
    speeds = []
    for task in (stock_task, our_task):
        began = time.perf_counter()
        for number in range(ONE_BY_ONE):
            await task.kiq(number)
        speeds.append(ONE_BY_ONE / (time.perf_counter() - began))
    began = time.perf_counter()
    await ours.enqueue_many(our_task, [{"number": number} for number in range(MANY)])
    speeds.append(MANY / (time.perf_counter() - began))
    await stock.shutdown()
    await ours.shutdown()
    return speeds[0], speeds[1], speeds[2]


def _median_of_runs(appendfsync: str) -> tuple[float, float, float]:
    """Return the medians of a fresh server each time: stock, ours one by one, ours many at once."""
    runs = []
    for _ in range(RUNS):
        with valkey(appendfsync=appendfsync) as url:
            runs.append(asyncio.run(_measure(url)))
    stock, single, many = (median(speeds) for speeds in zip(*runs, strict=True))
    return stock, single, many


def run() -> list[Figure]:
    """Measure as Taskcast runs its server, where both wait for the disk, and as most people run theirs."""
    stock, single, many = _median_of_runs("always")
    against = f"stock kiq loop: {stock:.0f}/s"
    stock_unsynced, single_unsynced, _ = _median_of_runs("everysec")
    against_unsynced = f"stock kiq loop: {stock_unsynced:.0f}/s"
    return [
        Figure(name="enqueue one by one", value=single_unsynced, unit="jobs/s", target="ratio >= 1.3", against=against_unsynced, ratio=single_unsynced / stock_unsynced),
        Figure(name="enqueue one by one, appendfsync always", value=single, unit="jobs/s", target="reported", against=against, ratio=single / stock),
        Figure(name="enqueue_many", value=many, unit="jobs/s", target="ratio >= 7", against=against, ratio=many / stock),
    ]  # fmt: skip
