"""Brings the ends of attempts to the server: what gathered while one call was under way goes in the next.

An end that the server has not accepted keeps its slot, so there are never more of them than slots. A server that is
away is waited for; only a stop that has run out of time gives ends up, and says how many.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End, Ended
from taskcast.errors import TaskcastError
from taskcast.reporter import send_rest
from taskcast.reports import ITEMS_PER_JOB
from taskcast.running import Ending

logger = logging.getLogger("taskcast.ends")

ENDS_PER_CALL = 34
"""A third of the usual slots: while the server accepts one part, the worker runs the next."""
TRIES_OF_ONE = 5
CALL_DEADLINE_S = 5.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class Ends:
    """The queue of ends of one worker.

    Args:
        engine: where to.
        worker: the owner of the attempts.
        result_ttl_s: how long the server keeps the results that ends carry.
        on_accepted: called when an attempt is off this worker's hands, with False if the server refused it.
    """

    def __init__(
        self, *, engine: Engine, worker: str, result_ttl_s: int, on_accepted: Callable[[Ending, bool], None]
    ) -> None:
        self.refused = 0
        self.given_up = 0
        self._engine, self._worker, self._result_ttl_s = engine, worker, result_ttl_s
        self._on_accepted = on_accepted
        self._waiting: deque[Ending] = deque()
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many ends the server has not accepted."""
        return len(self._waiting)

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.get_running_loop().create_task(self._loop(), name="taskcast-ends")

    async def stop(self, within_s: float) -> None:
        """Send what waits, for at most `within_s` seconds, and end."""
        until = time.monotonic() + within_s
        while self._waiting and time.monotonic() < until:  # noqa: ASYNC110 - once in a worker's life
            await asyncio.sleep(0.01)
        await end(self._task)
        self._task = None
        if self._waiting:
            self.given_up += len(self._waiting)
            ids = [ending.running.taken.job for ending in self._waiting]
            logger.error(
                "%d ends could not be told before the worker stopped; their jobs will run again",
                len(ids),
                extra={"job_ids": ids[:100]},
            )
            self._waiting.clear()

    def put(self, ending: Ending) -> None:
        """Take an end; the loop sends it."""
        self._waiting.append(ending)
        if not self._came.is_set():
            self._came.set()

    async def _loop(self) -> None:
        pause_s = 0.0
        while True:
            if not self._waiting:
                self._came.clear()
                await self._came.wait()
            await asyncio.sleep(0)  # one turn of the loop lets the others that end now come along
            batch = list(islice(self._waiting, ENDS_PER_CALL))
            try:
                await self._send(batch)
                pause_s = 0.0
            except asyncio.CancelledError:
                raise
            except (TaskcastError, OSError) as error:
                if not pause_s:
                    logger.warning("%d ends wait for the queue server: %s", len(self._waiting), error)
                pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, pause_s * 2))
                await asyncio.sleep(pause_s)
            except Exception:
                logger.exception("a batch of %d ends was not understood; each is tried alone", len(batch))
                await self._send_each(batch)

    async def _send(self, batch: Sequence[Ending]) -> None:
        if any(ending.kind == "released" for ending in batch):
            await self._release([ending for ending in batch if ending.kind == "released"])
        ends = await self._as_ends(batch)
        answers: list[Ended] = []
        if ends:
            answers = await self._engine.finish(
                self._worker, ends, result_ttl_s=self._result_ttl_s, deadline_s=CALL_DEADLINE_S
            )
        outcomes = iter(answers)
        for _ in batch:
            ending = self._waiting.popleft()
            refused = ending.kind != "released" and next(outcomes).outcome == "refused"
            if refused:
                self.refused += 1
                logger.warning(
                    "the end of job %s, attempt %d, was refused: it is not this worker's any more",
                    *ending.running.key,
                    extra={"job_id": ending.running.taken.job, "state": ending.kind},
                )
            self._on_accepted(ending, not refused)

    async def _as_ends(self, batch: Sequence[Ending]) -> list[End]:
        now = time.monotonic()
        ends = []
        for ending in batch:
            if ending.kind == "released":
                continue
            if len(ending.lines) > ITEMS_PER_JOB:
                ending.lines = await send_rest(self._engine, self._worker, *ending.running.key, ending.lines)
            ends.append(ending.as_end(now))
        return ends

    async def _release(self, batch: Sequence[Ending]) -> None:
        for ending in batch:
            if ending.lines:
                await send_rest(self._engine, self._worker, *ending.running.key, ending.lines, keep=0)
        await self._engine.release(
            self._worker, [ending.running.key for ending in batch], begun=True, deadline_s=CALL_DEADLINE_S
        )

    async def _send_each(self, batch: Sequence[Ending]) -> None:
        """Find the end that spoils its batch: the others pass, it is tried a few times and then given up."""
        for ending in batch:
            try:
                await self._send([ending])
            except (TaskcastError, OSError):
                return
            except Exception:
                ending.tries += 1
                if ending.tries < TRIES_OF_ONE:
                    self._waiting.rotate(-1)
                    await asyncio.sleep(FIRST_PAUSE_S)
                    continue
                self.given_up += 1
                logger.exception("the end of job %s, attempt %d, is given up", *ending.running.key)
                self._waiting.popleft()
                self._on_accepted(ending, False)
