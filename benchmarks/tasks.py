"""The same no-op task on two brokers: the stock one and ours. `BENCH_BROKER`, `BENCH_URL` and `BENCH_JOBS` choose.

The task stamps the time of its first and its last run into files, so that both brokers are timed alike.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from taskiq import AsyncBroker, Context, TaskiqDepends

URL = os.environ.get("BENCH_URL", "redis://localhost:6379/0")
JOBS = int(os.environ.get("BENCH_JOBS", "0"))
STAMPS = Path(os.environ.get("BENCH_STAMPS", "."))


def make_broker(kind: str) -> AsyncBroker:
    """Return the broker: `stock`, `ours`, or `ours-quiet`, which writes no events."""
    if kind == "stock":
        from taskiq_redis import RedisStreamBroker

        # Stopped while it looks for unacknowledged messages, it leaves a pipeline to the garbage collector; redis-py says so.
        logging.getLogger("asyncio").addFilter(lambda record: record.getMessage() != "Unclosed Pipeline client")
        return RedisStreamBroker(URL, queue_name="bench", consumer_id="0", xread_count=100)
    from taskcast import JobBroker

    broker = JobBroker(URL, keep_results=False)
    if kind == "ours-quiet":
        from taskcast.engine.engine import Engine

        broker.engine = Engine.connect(URL, events=False)
    return broker


broker = make_broker(os.environ.get("BENCH_BROKER", "ours"))
_runs = 0


def _ran() -> None:
    global _runs
    if _runs == 0:
        (STAMPS / "first").write_text(str(time.time()))
    _runs += 1
    if _runs == JOBS:
        (STAMPS / "last").write_text(str(time.time()))


@broker.task(task_name="noop")
async def noop(number: int) -> int:
    """Do nothing, quickly."""
    _ran()
    return number


@broker.task(task_name="noop_with_context")
async def noop_with_context(number: int, context: Context = TaskiqDepends()) -> int:
    """Do nothing, with a dependency."""
    _ran()
    return number
