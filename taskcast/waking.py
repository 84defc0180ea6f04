"""How a worker waits: until there may be work or room for it, never longer than it must, never through the order to stop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

TICK_S = 0.25
"""How often the order to stop is looked at where a signal wakes no waiter."""
IDLE_S = 1.0


class Waker:
    """What a waiting worker listens to.

    Args:
        is_stopping: tells whether the worker takes no more jobs.

    Attributes:
        lanes_empty: whether the lanes are known to be empty, so that a free slot alone is no reason to look again.
    """

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self.lanes_empty = False
        self._is_stopping = is_stopping
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the wait: there may be something to do."""
        self._event.set()

    def slot_is_free(self) -> None:
        """End the wait because a slot is free, unless the lanes are known to be empty."""
        if not self.lanes_empty:
            self._event.set()

    def clear(self) -> None:
        """Count only what comes from now on."""
        self._event.clear()

    async def wait(self) -> None:
        """Wait to be woken, for as long as it takes."""
        await self._event.wait()

    async def rest(self, most_ms: int | None) -> None:
        """Wait to be woken, for at most a second and `most_ms`."""
        rest_s = IDLE_S if most_ms is None else min(IDLE_S, max(most_ms / 1000, 0.001))
        timer = asyncio.get_running_loop().call_later(rest_s, self._event.set)
        try:
            await self._event.wait()
        finally:
            timer.cancel()

    async def pause(self, seconds: float) -> None:
        """Sleep, but not through the order to stop."""
        until = time.monotonic() + seconds * random.uniform(0.8, 1.2)
        while (left := until - time.monotonic()) > 0 and not self._is_stopping():  # noqa: ASYNC110
            await asyncio.sleep(min(left, TICK_S))  # a signal handler wakes no waiter
