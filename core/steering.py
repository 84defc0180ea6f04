"""What can be done to queues and tasks: pause, resume, drain; and to what has ended: clean.

Who may is asked before, by the caller. What takes long goes on after its caller has been answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import msgspec

from core.cleaning import delete_ended
from core.orders import ENGINE_S
from core.storage.deletion import count_ended_before
from core.storage.pauses import list_pauses
from taskcast.ending import end
from taskcast.engine.engine import Engine

ANSWER_S = 6.0
"""How long a caller waits for a count; less than a request may take."""

logger = logging.getLogger(__name__)


class Steering:
    """The commands about many jobs at once, on the engine and the tables of one installation."""

    def __init__(self, *, engine: Engine) -> None:
        self._engine = engine
        self._going: set[asyncio.Task[int]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Break off what still goes on; each step that was done is whole."""
        await end(*self._going)

    async def pause(
        self,
        *,
        queue: str | None = None,
        task: str | None = None,
        by: str,
        reason: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Pause a queue or a task; where it is paused already, change reason and end."""
        until_ms = None if until is None else int(until.timestamp() * 1000)
        await self._engine.pause(queue=queue, task=task, by=by, reason=reason, until_ms=until_ms, deadline_s=ENGINE_S)

    async def resume(
        self, *, queue: str | None = None, task: str | None = None, by: str, reason: str | None = None
    ) -> None:
        """Let a queue or a task go on."""
        if await self._engine.resume(queue=queue, task=task, by=by, reason=reason, deadline_s=ENGINE_S):
            return
        # A pause that the queue server forgot may stand in the tables, from where it would be put back.
        key = f"q:{queue}" if queue is not None else f"t:{task}"
        if key in await list_pauses():
            data = {"queue": queue, "task": task, "by": by, "reason": reason, "until": None}
            await self._engine.tell([("queue.resumed", b"", msgspec.json.encode(data))], deadline_s=ENGINE_S)

    async def drain(self, queue: str, *, by: str, reason: str | None = None) -> int | None:
        """Cancel all jobs that wait in a queue; return how many, or None if it takes long and goes on."""
        return await self._count(self._engine.drain(queue, by=by, reason=reason), f"draining {queue}")

    async def clean(
        self,
        *,
        older_than_s: float,
        status: Sequence[str] = (),
        queue: str | None = None,
        type: str | None = None,  # noqa: A002  # the interface's word
        by: str,
        limit: int | None = None,
    ) -> int | None:
        """Delete ended jobs whose end lies `older_than_s` back; return how many, or None if it takes long and goes on.

        Args:
            older_than_s: seconds since the end; 0 deletes all.
            status: final states; all three if empty.
            queue: only jobs of this queue.
            type: only jobs of this task.
            by: who wants it.
            limit: so many at most, the oldest of each state first; all if None.
        """
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        work = delete_ended(self._engine, before=before, status=status, queue=queue, task=type, by=by, limit=limit)
        return await self._count(work, "cleaning")

    async def cleanable(
        self,
        *,
        older_than_s: float,
        status: Sequence[str] = (),
        queue: str | None = None,
        type: str | None = None,  # noqa: A002  # the interface's word
    ) -> int:
        """Return how many jobs `clean` would delete."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        return await count_ended_before(before, status=status, queue=queue, task=type)

    async def _count(self, work: Coroutine[Any, Any, int], what: str) -> int | None:
        task = asyncio.create_task(work, name=what)
        self._going.add(task)
        task.add_done_callback(self._gone)
        done, _ = await asyncio.wait({task}, timeout=ANSWER_S)
        return task.result() if done else None

    def _gone(self, task: asyncio.Task[int]) -> None:
        self._going.discard(task)
        if task.cancelled():
            return
        if error := task.exception():
            logger.warning("%s failed", task.get_name(), exc_info=error)
        else:
            logger.info("%s has ended", task.get_name(), extra={"jobs": task.result()})
