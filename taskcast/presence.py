"""A worker's place among the others: it says that it is there, how it does, and takes back the jobs of the vanished."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from taskcast.announcement import Announcement
from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.errors import TaskcastError

logger = logging.getLogger("taskcast.receiver")

CALL_DEADLINE_S = 3.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
RESCUE_EVERY_S = 1.5
"""Most seconds that an idle worker lets the jobs of a vanished one wait after the end of its lease."""


class Presence:
    """Tells `worker.started`, `worker.beat` once a lease, and `worker.stopped`.

    Args:
        engine: where to.
        announcement: what the worker says of itself.
        lease_s: how long a lease lasts.
        busy: returns the ids of the jobs it holds.
        lingering: returns the ids of the jobs that have ended while their code goes on.
        loop_lag_ms: returns how late its event loop is.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        announcement: Announcement,
        lease_s: float,
        busy: Callable[[], Sequence[str]],
        lingering: Callable[[], Sequence[str]],
        loop_lag_ms: Callable[[], float],
    ) -> None:
        self._engine, self._announcement, self._lease_s = engine, announcement, lease_s
        self._busy, self._lingering, self._loop_lag_ms = busy, lingering, loop_lag_ms
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, pause: Callable[[float], Awaitable[None]], is_stopping: Callable[[], bool]) -> bool:
        """Begin the lease; waits for a server that is away. False if the worker was stopped meanwhile."""
        pause_s = FIRST_PAUSE_S
        while not is_stopping():
            info = self._announcement.info(with_tasks=True)
            try:
                await self._engine.register(
                    self._announcement.worker,
                    lease_ms=int(self._lease_s * 1000),
                    info=info,
                    deadline_s=CALL_DEADLINE_S,
                )
            except (TaskcastError, OSError) as error:
                logger.warning("the worker cannot begin yet: %s", error)
                await pause(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
                continue
            return True
        return False

    def start(self) -> None:
        """Beat, and look after the vanished."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._beat(), name="taskcast-beat"),
            loop.create_task(self._rescue(), name="taskcast-rescue"),
        ]

    async def stop(self) -> None:
        """End both."""
        await end(*self._tasks)
        self._tasks = []

    async def leave(self) -> None:
        """End the lease; what the worker still held is reclaimed."""
        with contextlib.suppress(TaskcastError, OSError):
            info = self._announcement.info()
            await self._engine.unregister(self._announcement.worker, info, deadline_s=CALL_DEADLINE_S)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s)
            try:
                info = self._announcement.info(
                    busy=self._busy(), lingering=self._lingering(), loop_lag_ms=self._loop_lag_ms()
                )
                await self._engine.beat(self._announcement.worker, info, deadline_s=CALL_DEADLINE_S)
            except (TaskcastError, OSError) as error:
                logger.debug("no beat: %s", error)
            except Exception:
                logger.exception("no beat")

    async def _rescue(self) -> None:
        """Reclaim while idle, so that workers alone need no recorder for it."""
        while True:
            await asyncio.sleep(min(RESCUE_EVERY_S, self._lease_s / 3) * random.uniform(0.8, 1.2))
            if self._busy():
                continue
            try:
                await self._engine.reclaim(lease_ms=int(self._lease_s * 1000), deadline_s=CALL_DEADLINE_S)
                await self._engine.sweep(deadline_s=CALL_DEADLINE_S)
            except (TaskcastError, OSError) as error:
                logger.debug("nothing reclaimed: %s", error)
            except Exception:
                logger.exception("nothing reclaimed")
