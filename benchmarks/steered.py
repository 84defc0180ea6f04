"""Jobs that write down when they begin and when they are stopped: `BENCH_STAMPS` names the file, a line a stamp."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from benchmarks.ticking import broker

STAMPS = Path(os.environ.get("BENCH_STAMPS", "stamps"))


def _stamp(word: str, number: int) -> None:
    with STAMPS.open("a") as file:
        file.write(f"{word} {number} {time.time():.6f}\n")


@broker.task(task_name="begin", queue="begin")
async def begin(number: int) -> None:
    """Stamp the begin and end."""
    _stamp("begun", number)


@broker.task(task_name="stay", queue="stay", timeout_s=None)
async def stay(number: int) -> None:
    """Stamp the begin, stay until it is cancelled, and stamp that."""
    _stamp("begun", number)
    try:
        await asyncio.sleep(3600)
    finally:
        _stamp("stopped", number)


@broker.task(task_name="nap", queue="nap")
async def nap(number: int) -> None:
    """Stamp the begin, and keep a slot for a tenth of a second."""
    _stamp("begun", number)
    await asyncio.sleep(0.1)
