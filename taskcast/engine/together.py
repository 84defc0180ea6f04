"""Jobs that many callers send at once: what comes while one call is under way goes in the next, in one script."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from taskcast.engine import new_jobs, wire
from taskcast.engine.jobs import Accepted, NewJob
from taskcast.engine.wire import Arg
from taskcast.errors import EngineFull, EngineUnavailable


class _Waiting(NamedTuple):
    job: NewJob
    args: list[Arg]
    until: float
    answer: asyncio.Future[Accepted]


class Together:
    """Sends the lone jobs of an engine's callers.

    Args:
        call: runs the script `enqueue` with arguments and a deadline in seconds; see `Caller`.
    """

    def __init__(self, call: Callable[[Sequence[Arg], float], Awaitable[Sequence[Any]]]) -> None:
        self._call = call
        self._under_way = False
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def enqueue(self, job: NewJob, deadline_s: float) -> Accepted:
        """Send one job, at once if no other is on its way; raises as `Engine.enqueue`."""
        args = new_jobs.arguments(job)
        if self._under_way:
            loop = asyncio.get_running_loop()
            waiting = _Waiting(job, args, loop.time() + deadline_s, loop.create_future())
            self._waiting.append(waiting)
            return await waiting.answer
        self._under_way = True
        try:
            (accepted,) = new_jobs.accepted((job,), await self._call(args, deadline_s))
            return accepted
        finally:
            self._under_way = False
            self._send_on()

    def _send_on(self) -> None:
        if self._waiting:
            self._under_way = True
            self._task = asyncio.get_running_loop().create_task(self._send_waiting(), name="taskcast-enqueue")

    async def _send_waiting(self) -> None:
        try:
            while batch := self._next():
                await self._send(batch)
        finally:
            self._under_way = False

    def _next(self) -> list[_Waiting]:
        """Return those who go together in the next call; a caller that was cancelled sends nothing."""
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < new_jobs.JOBS_PER_CALL and size < wire.BYTES_PER_CALL:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
                size += len(waiting.job.message)
        return batch

    async def _send(self, batch: list[_Waiting]) -> None:
        left_s = max(0.0, batch[0].until - asyncio.get_running_loop().time())  # of who came first
        try:
            reply = await self._call([arg for waiting in batch for arg in waiting.args], left_s)
        except EngineFull:
            for waiting in batch:
                _fail(waiting, EngineFull())
        except EngineUnavailable as error:
            _fail(batch[0], error)
            self._waiting.extendleft(reversed(batch[1:]))  # who came later has time left
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            for waiting in batch:  # it may be the fault of one
                await self._send([waiting])
        else:
            for waiting, accepted in zip(
                batch, new_jobs.accepted([waiting.job for waiting in batch], reply), strict=True
            ):
                if not waiting.answer.done():
                    waiting.answer.set_result(accepted)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
