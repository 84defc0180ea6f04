"""Jobs per second of one worker process: a no-op async task, beside the stock `RedisStreamBroker`.

The queue is filled first; the time runs from the first run of the function to the last. Stock runs unwatched; ours
writes every event. The recorder starts after the worker is done, and its drain time is given.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from redis import Redis

from benchmarks.figures import Figure, median
from benchmarks.servers import folder, valkey

JOBS = 8000
RUNS = 3
KINDS = ("stock", "ours", "ours-quiet")
FILL = """
import asyncio, os
from benchmarks import tasks
async def main():
    task = getattr(tasks, os.environ["BENCH_TASK"])
    await tasks.broker.startup()
    if hasattr(tasks.broker, "enqueue_many"):
        await tasks.broker.enqueue_many(task, [{"number": n} for n in range(tasks.JOBS)])
    else:
        for start in range(0, tasks.JOBS, 100):
            await asyncio.gather(*(task.kiq(n) for n in range(start, start + 100)))
    await tasks.broker.shutdown()
asyncio.run(main())
"""


def one_run(url: str, kind: str, task: str) -> float:
    """Return jobs per second of one fresh worker on one filled queue."""
    with Redis.from_url(url) as redis, folder() as stamps:
        redis.flushall()
        env = {
            **os.environ,
            "BENCH_BROKER": kind,
            "BENCH_URL": url,
            "BENCH_JOBS": str(JOBS),
            "BENCH_STAMPS": str(stamps),
            "BENCH_TASK": task,
        }
        subprocess.run([sys.executable, "-c", FILL], env=env, check=True)
        receiver = [] if kind == "stock" else ["--receiver", "taskcast:JobReceiver"]
        command = ["taskiq", "worker", "benchmarks.tasks:broker", "--workers", "1", "--log-level", "WARNING", *receiver]
        command[0] = str(Path(sys.executable).parent / "taskiq")
        worker = subprocess.Popen([*command, "--max-async-tasks", "100"], env=env, start_new_session=True)
        try:
            until = time.monotonic() + 90
            while not (stamps / "last").exists() or not (stamps / "last").read_text():
                if time.monotonic() > until:
                    raise RuntimeError(f"{kind} did not run {JOBS} jobs within 90 s")
                time.sleep(0.05)
            last, first = float((stamps / "last").read_text()), float((stamps / "first").read_text())
            return JOBS / (last - first)
        finally:
            os.killpg(worker.pid, 15)
            try:
                worker.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(worker.pid, 9)
                worker.wait()


def drain_seconds(url: str) -> float:
    """Return how long the recorder takes for the events of the last run."""
    from benchmarks.recorder_drain import drain

    return asyncio.run(drain(url))


def run() -> list[Figure]:
    """Measure all kinds in turn, several times; the order alternates, so that no kind has the warm machine."""
    plain: dict[str, list[float]] = {kind: [] for kind in KINDS}
    injected: dict[str, list[float]] = {"stock": [], "ours": []}
    with valkey() as url:
        for number in range(RUNS):
            for kind in KINDS if number % 2 == 0 else reversed(KINDS):
                plain[kind].append(one_run(url, kind, "noop"))
        for _ in range(RUNS):
            for kind, speeds in injected.items():
                speeds.append(one_run(url, kind, "noop_with_context"))
        one_run(url, "ours", "noop")
        drained = drain_seconds(url)
    stock, ours, quiet = (median(plain[kind]) for kind in KINDS)
    stock_injected, ours_injected = median(injected["stock"]), median(injected["ours"])
    against = f"stock RedisStreamBroker, unwatched: {stock:.0f} jobs/s"
    return [
        Figure(name="jobs per second, one worker, no-op async", value=ours, unit="jobs/s", target="ratio >= 4", against=against, ratio=ours / stock),
        Figure(name="jobs per second, a task with a dependency", value=ours_injected, unit="jobs/s", target="ratio >= 3", against=f"stock: {stock_injected:.0f} jobs/s", ratio=ours_injected / stock_injected),
        Figure(name="the same engine with events", value=ours, unit="jobs/s", target="ratio >= 0.92", against=f"without XADD and PUBLISH: {quiet:.0f} jobs/s", ratio=ours / quiet),
        Figure(name=f"recorder's drain of {JOBS} jobs' events", value=drained, unit="s", target="given"),
    ]  # fmt: skip
