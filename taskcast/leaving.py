"""A worker's jobs when it stops: it waits for them, then cancels them and gives them back."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from taskcast.context import Stop
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Held
from taskcast.errors import TaskcastError
from taskcast.runner import Runner
from taskcast.running import Running
from taskcast.waking import Waker

logger = logging.getLogger("taskcast.receiver")

LAST_ENDS_S = 5.0
CANCEL_GRACE_S = 5.0


class Leaving:
    """The end of one worker's jobs.

    Args:
        engine: where they are given back.
        worker: whose they are.
        runner: has them.
        waker: wakes it when one has ended.
    """

    def __init__(self, *, engine: Engine, worker: str, runner: Runner, waker: Waker) -> None:
        self._engine, self._worker, self._runner, self._waker = engine, worker, runner, waker

    async def wait(self, within_s: float | None) -> None:
        """Wait for what runs, for as long as it takes or `within_s`; then cancel it and give it back."""
        self._waker.lanes_empty = False
        if not self._running():
            return
        logger.info("waiting for %d running jobs", len(self._running()))
        if await self._jobs_end_within(within_s):
            return
        left = self._running()
        logger.warning("%d jobs still run after %s s; they are cancelled and given back", len(left), within_s)
        for running in left:
            running.ask(Stop("release", reason="the worker stops"))
        if not await self._jobs_end_within(CANCEL_GRACE_S):
            stubborn = self._running()
            await give_back(self._engine, self._worker, [running.key for running in stubborn], begun=True)
            for running in stubborn:
                self._forget(running)

    async def _jobs_end_within(self, seconds: float | None) -> bool:
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while self._running() and time.monotonic() < until:
            self._waker.clear()
            await self._waker.rest(None if until == float("inf") else max(1, int((until - time.monotonic()) * 1000)))
        return not self._running()

    def _running(self) -> list[Running]:
        """Return the attempts that have no end yet; those whose end waits for the server are another matter."""
        return [running for running in self._runner.jobs.values() if not running.settled]

    def _forget(self, running: Running) -> None:
        running.settled = True
        running.context._close()
        self._runner.jobs.pop(running.key, None)


async def give_back(engine: Engine, worker: str, keys: Sequence[Held], *, begun: bool = False) -> None:
    """Release attempts; a server that is away gives them to others when the lease is over."""
    if not keys:
        return
    try:
        await engine.release(worker, keys, begun=begun, deadline_s=LAST_ENDS_S)
    except (TaskcastError, OSError) as error:
        logger.error("%d jobs could not be given back; they run again when the lease is over: %s", len(keys), error)
