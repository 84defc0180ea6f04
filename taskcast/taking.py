"""Takes as many jobs as there are free slots, and begins them. What a job does is the runner's business."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Held, Renewed, Take
from taskcast.errors import TaskcastError
from taskcast.leaving import give_back
from taskcast.orders import Orders
from taskcast.runner import Runner
from taskcast.waking import Waker

logger = logging.getLogger("taskcast.receiver")

TAKE_DEADLINE_S = 3.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
LARGE_TAKE_BYTES = 8 * 1024 * 1024
"""A take of so much may have been cut short by its size, with more in the lanes."""


class Taker:
    """The taking of one worker.

    Args:
        engine: where from.
        worker: who takes.
        started: what `job.started` says of the worker, as JSON text.
        queues: the queues it serves, None for all.
        slots: how many jobs it runs at once.
        most: after how many jobs it stops; None for no end.
        runner: begins them.
        orders: hears what an answer says beside the jobs.
        waker: wakes it.
        renew_now: called when the lease is gone, to have it again.
        is_stopping: tells whether to take no more.

    Attributes:
        known: the number of the last take that is over, answered or given up.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        worker: str,
        started: bytes,
        queues: Sequence[str] | None,
        slots: int,
        most: int | None,
        runner: Runner,
        orders: Orders,
        waker: Waker,
        renew_now: Callable[[], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        self.known = 0
        self._engine, self._worker, self._started, self._queues = engine, worker, started, queues
        self._slots, self._most = slots, most
        self._runner, self._orders, self._waker = runner, orders, waker
        self._renew_now, self._is_stopping = renew_now, is_stopping
        self._number = 0
        self._check_claims = False
        self._pause_s = 0.0

    @property
    def free_slots(self) -> int:
        """How many jobs may be taken now."""
        free = self._slots - self._runner.busy
        if self._most is not None and self._most > 0:
            free = min(free, self._most - self._runner.begun)
        return free

    def held(self) -> list[Held]:
        """Return what is held; also called from the lease's thread, while the loop's may change it."""
        while True:
            try:
                return list(self._runner.jobs)
            except RuntimeError:  # changed during the copy
                continue

    def claims(self) -> tuple[int, Sequence[Held]]:
        """Return the highest take that is over, then what is held: in this order, as another thread asks."""
        known = self.known
        return known, self.held()

    async def serve(self) -> None:
        """Take while there are free slots; wait for a slot, the bell, the next due job or a second."""
        while not self._is_stopping():
            self._waker.clear()
            want = self.free_slots
            if want <= 0:
                await self._waker.wait()
                continue
            take = await self._take(want)
            if take is None:
                await self._waker.pause(self._pause_s)
                continue
            if self._is_stopping() and take.jobs:
                await give_back(self._engine, self._worker, [(taken.job, taken.attempt) for taken in take.jobs])
                self.known = self._number
                break
            for taken in take.jobs:
                self._runner.begin(taken)
            self._orders.hear_early_cancels()
            self.known, self._check_claims, self._pause_s = self._number, False, 0.0
            self._orders.on_renewed(Renewed(take.lease_held, take.lost, take.cancels))
            if not take.lease_held:
                self._renew_now()
                await self._waker.pause(FIRST_PAUSE_S)
            elif len(take.jobs) < want and sum(len(taken.message) for taken in take.jobs) < LARGE_TAKE_BYTES:
                self._waker.lanes_empty = True
                await self._waker.rest(take.next_due_ms)
                self._waker.lanes_empty = False

    async def _take(self, want: int) -> Take | None:
        """Take once; None after an error, with a longer pause each time."""
        self._number += 1
        try:
            return await self._engine.take(
                self._worker,
                want,
                number=self._number,
                known=self.known,
                started=self._started,
                held=self.held() if self._check_claims else None,
                queues=self._queues,
                deadline_s=TAKE_DEADLINE_S,
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # Its answer may be lost: the next take names what we hold, and the engine puts the rest back.
            self.known, self._check_claims = self._number, True
            if not isinstance(error, TaskcastError | OSError):
                logger.exception("jobs could not be taken")
            elif not self._pause_s:
                logger.warning("jobs cannot be taken, those that run go on: %s", error)
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self._pause_s * 2))
            return None
