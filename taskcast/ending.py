"""Ending a background task for sure."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.2


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks until they are done; what they raise is left in them.

    Once is not enough: on Python 3.11 `asyncio.wait_for`, which redis-py reads with, swallows a cancel that comes at
    the moment the read ends.
    """
    running = [task for task in tasks if task is not None]
    left = set(running)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
    for task in running:
        if not task.cancelled():
            task.exception()
