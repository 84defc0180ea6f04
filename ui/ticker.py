"""The pulse of the dashboard: what changed is drawn together, at most ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol, Self

logger = logging.getLogger(__name__)

PERIOD_S = 0.1


class Drawn(Protocol):
    """Something that draws what changed since it last did."""

    def flush(self) -> None:
        """Draw it."""


class Ticker:
    """Calls `flush` of everything that asked for it: at once after a pause, then once every period."""

    def __init__(self, period_s: float = PERIOD_S) -> None:
        self.turn = 0
        self._period_s = period_s
        self._asked: dict[Drawn, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to tick; needs a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name="dashboard ticker")

    async def stop(self) -> None:
        """Stop. Stopping twice is fine."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def soon(self, drawn: Drawn) -> None:
        """Ask for a flush at the next tick; asking again before it changes nothing."""
        self._asked[drawn] = None
        self._wake.set()

    async def _loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.turn += 1
            asked, self._asked = self._asked, {}
            for drawn in asked:
                try:
                    drawn.flush()
                except Exception:
                    logger.exception("a view could not be drawn")
            await asyncio.sleep(self._period_s)
