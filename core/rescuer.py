"""The rescuer: every second it puts due jobs into their lanes and takes back those of lost workers.

Idle workers do the same less often; any number of rescuers may run.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Self

from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable

logger = logging.getLogger(__name__)

EVERY_S = 1.0
AT_ONCE = 200
LEASE_MS = 15_000


class Rescuer:
    """Calls the engine's `promote` and `reclaim` once a second, and again at once while there is more to do."""

    def __init__(self, *, engine: Engine, lease_ms: int = LEASE_MS, every_s: float = EVERY_S) -> None:
        self._engine, self._lease_ms, self._every_s = engine, lease_ms, every_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to rescue."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name="rescuer")

    async def stop(self) -> None:
        """Stop; stopping twice is fine."""
        await end(self._task)
        self._task = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def rescue(self) -> tuple[int, int]:
        """Do one round; returns how many jobs were promoted and reclaimed."""
        promoted = reclaimed = 0
        while True:
            count, _next_due_ms = await self._engine.promote(AT_ONCE)
            promoted += count
            if count < AT_ONCE:
                break
        while True:
            count = await self._engine.reclaim(lease_ms=self._lease_ms, limit=AT_ONCE)
            reclaimed += count
            if count < AT_ONCE:
                break
        if reclaimed:
            logger.warning("jobs of lost workers were taken back", extra={"jobs": reclaimed})
        return promoted, reclaimed

    async def _loop(self) -> None:
        away = False
        while True:
            began = time.monotonic()
            try:
                await self.rescue()
                away = False
            except asyncio.CancelledError:
                raise
            except EngineUnavailable as error:
                if not away:
                    logger.warning("the queue server is away; the rescuer waits", extra={"error": str(error)})
                away = True
            except Exception:
                logger.exception("a round of the rescuer failed")
            rest = self._every_s - (time.monotonic() - began)
            await asyncio.sleep(max(rest, 0.05) * random.uniform(0.9, 1.1))
