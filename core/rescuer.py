"""The rescuer: every second it puts due jobs into their lanes and takes back those of lost workers.

Idle workers do the same less often; any number of rescuers may run.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time

from core.loops import Loop
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable

logger = logging.getLogger(__name__)

EVERY_S = 1.0
AT_ONCE = 200
LEASE_MS = 15_000


class Rescuer(Loop):
    """Calls the engine's `promote`, `reclaim` and `sweep` once a second, and again at once while there is more to do."""

    name = "rescuer"
    away = (EngineUnavailable,)
    longest_pause_s = EVERY_S

    def __init__(self, *, engine: Engine, lease_ms: int = LEASE_MS, every_s: float = EVERY_S) -> None:
        super().__init__()
        self._engine, self._lease_ms, self._every_s = engine, lease_ms, every_s

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
        while await self._engine.sweep():
            pass
        if reclaimed:
            logger.warning("jobs of lost workers were taken back", extra={"jobs": reclaimed})
        return promoted, reclaimed

    async def _step(self) -> None:
        began = time.monotonic()
        await self.rescue()
        rest = self._every_s - (time.monotonic() - began)
        await asyncio.sleep(max(rest, 0.05) * random.uniform(0.9, 1.1))
