"""Ending asyncio tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any


async def end_task(task: asyncio.Task[Any] | None) -> None:
    """Cancel a task and wait until it has ended; its own failure is not raised.

    It is cancelled again and again: on Python 3.11 a wait inside redis-py may swallow a cancellation.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)
    if task is not None and not task.cancelled():
        task.exception()  # seen, so that asyncio does not complain of it
