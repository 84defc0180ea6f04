"""One job of a real worker process: how fast it was, and the most memory that the process had."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
from taskiq import TaskiqResult

from benchmarks.figures import Figure, median
from benchmarks.servers import folder, valkey
from taskcast import JobBroker

TIMEOUT_S = 1800
WORKER = "taskiq worker workers.broker:broker --receiver taskcast:JobReceiver --workers 1 --log-level WARNING"

OneRun = Callable[[str, Path], Coroutine[Any, Any, tuple[float, float]]]
"""Does one run on a queue server and in a folder; returns things per second and the peak memory in MB."""


async def run_job(
    task: str, *, queue: str, redis_url: str, database_url: str, data_dir: Path, **kwargs: Any
) -> tuple[TaskiqResult[Any], float]:
    """Run a job in a worker process of its own; return its result and the process's peak memory in MB."""
    environment = {
        **os.environ,
        "TASKCAST_REDIS_URL": redis_url,
        "TASKCAST_DATABASE_URL": database_url,
        "TASKCAST_DATA_DIR": str(data_dir),
        "TMPDIR": str(data_dir),
    }
    worker = subprocess.Popen([sys.executable, "-m", *WORKER.split()], env=environment)
    broker = JobBroker(redis_url)
    await broker.startup()
    try:
        job = await broker.enqueue(task, kwargs=kwargs, queue=queue)
        return await job.wait_result(timeout=TIMEOUT_S), _peak_mb(worker.pid)
    finally:
        await broker.shutdown()
        worker.terminate()
        worker.wait(30)


def measure(name: str, one_run: OneRun, *, runs: int, unit: str, target: str, memory_target: str) -> list[Figure]:
    """Return the medians of some runs, each in a folder of its own."""
    speeds, peaks = [], []
    with valkey() as url:
        for _ in range(runs):
            with folder() as data_dir:
                speed, peak = asyncio.run(one_run(url, data_dir))
            speeds.append(speed)
            peaks.append(peak)
    memory = f"{name}, peak memory of the worker process"
    return [
        Figure(name=name, value=median(speeds), unit=unit, target=target),
        Figure(name=memory, value=median(peaks), unit="MB", target=memory_target),
    ]


def _peak_mb(pid: int) -> float:
    """Return the largest peak of the worker's processes, as the kernel counted it."""
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    peaks = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{each}/status").read_text()) for each in pids]
    return max(int(peak[1]) for peak in peaks if peak) / 1024
