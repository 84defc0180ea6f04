"""Commands about many jobs that outlive their gateway: each is a row, and any gateway goes on where another died.

A process claims an operation for a while and renews the claim with every page. What a page is about stands in the row
before it is done, and each step may be repeated, so that a kill at any moment loses and doubles nothing. That somebody
wants it cancelled stands in the row too: whoever carries it ends it before the next page.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from redis.exceptions import RedisError

from core import audit
from core.bulk import fitting, works
from core.control import Control
from core.errors import Conflict, OperationFailed
from core.job_now import NotRecordedYet
from core.loops import Loop, jittered
from core.storage import operations as table
from core.storage.connection import DatabaseAway
from core.storage.deletion import count_ended_before
from core.storage.filters import JobFilter
from core.storage.jobs import count_jobs
from core.storage.operations import Operation
from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.errors import EngineFull, EngineUnavailable
from taskcast.events import OperationInfo
from taskcast.ids import new_id

CLAIM_S = 8.0
"""A process that has not said a word about its operation for so long is taken for dead."""
LOOK_S = 2.0
"""Seconds between two looks for operations whose process is dead."""
ANSWER_S = 6.0
"""How long a caller waits for the end; less than a request may take."""
TELL_S = 1.0
"""How long the telling of an operation's state may hold it up; who watches looks by themselves every 10 s."""
AT_ONCE = 4
"""Pages that are done at the same time in one process; of more operations each waits for its turn."""

logger = logging.getLogger(__name__)


class Operations(Loop):
    """Begins operations, and goes on with those of processes that are gone.

    Args:
        engine: what jobs are drained and told deleted by.
        control: what jobs are retried and cancelled by.
        claim_s: how long a claim holds without a word.
    """

    name = "operations"
    away = (EngineUnavailable, EngineFull, NotRecordedYet, RedisError, *DatabaseAway)

    def __init__(self, *, engine: Engine, control: Control, claim_s: float = CLAIM_S) -> None:
        super().__init__()
        self._engine = engine
        self._works = works(engine, control)
        self._claim_s = claim_s
        self._me = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._going: dict[str, asyncio.Task[None]] = {}
        self._waited_for: set[str] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def stop(self) -> None:
        """Break off what goes on, each step that was done being whole, and leave it to others."""
        await super().stop()
        if self._going:
            await end(*self._going.values())
            try:
                await table.give_back(self._me)
            except self.away as error:  # then they take it over a little later
                logger.warning("operations are not given back", extra={"error": str(error)})

    async def drain(self, queue: str, *, by: str, reason: str | None = None) -> Operation:
        """Cancel all jobs that wait in a queue; return the operation, ended unless it takes long.

        Raises:
            OperationFailed: with what was done before.
        """
        return await self._ended(await self._begin("drain", {"queue": queue}, by=by, reason=reason))

    async def clean(
        self,
        *,
        older_than_s: float,
        status: Sequence[str] = (),
        queue: str | None = None,
        type: str | None = None,  # noqa: A002  # the interface's word
        by: str,
        limit: int | None = None,
    ) -> Operation:
        """Delete ended jobs whose end lies `older_than_s` back; return the operation, ended unless it takes long.

        Args:
            older_than_s: seconds since the end; 0 deletes all.
            status: final states; all three if empty.
            queue: only jobs of this queue.
            type: only jobs of this task.
            by: who wants it.
            limit: so many at most, the oldest of each state first; all if None.

        Raises:
            OperationFailed: with what was done before.
        """
        before = (datetime.now(UTC) - timedelta(seconds=older_than_s)).isoformat()
        scope = {"before": before, "status": sorted(set(status)), "queue": queue, "type": type, "limit": limit}
        return await self._ended(await self._begin("clean", scope, by=by, reason=None))

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

    async def steer(
        self,
        action: str,
        wanted: JobFilter | Sequence[str],
        *,
        by: str,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> tuple[Operation | None, int | None]:
        """Retry, cancel or delete the jobs that match a filter now, or those with these ids.

        Returns:
            The operation, None of a dry run; and how many jobs match, None if that takes too long to count.
        """
        if isinstance(wanted, JobFilter):
            now = datetime.now(UTC)  # what is created from now on is not meant
            fits = fitting(action, replace(wanted, until=min(wanted.until or now, now)))
            matched = 0 if fits is None else await count_jobs(fits)
            scope: dict[str, Any] = {"ids": []} if fits is None else {"filter": msgspec.to_builtins(fits)}
        else:
            ids = list(dict.fromkeys(wanted))
            matched, scope = len(ids), {"ids": ids}
        if dry_run:
            return None, matched
        return await self._begin(action, scope, by=by, reason=reason, matched=matched), matched

    async def cancel(self, id: str) -> None:  # noqa: A002
        """Ask whoever carries an operation to end it before its next page; what was done stays done.

        Raises:
            Conflict: `already_final`.
        """
        asked = await table.request_cancel(id)
        if asked is None:
            raise Conflict("the operation has ended already", code="already_final")
        await self._tell(asked)

    async def _begin(
        self, action: str, scope: dict[str, Any], *, by: str, reason: str | None, matched: int | None = None
    ) -> Operation:
        operation = await table.create(
            id=new_id(), action=action, by=by, reason=reason, scope=scope, matched=matched, **self._claim
        )
        self._go(operation)
        await self._tell(operation)
        return operation

    @property
    def _claim(self) -> dict[str, Any]:
        return {"claimed_by": self._me, "claim_s": self._claim_s}

    async def _ended(self, operation: Operation) -> Operation:
        """Wait a while for the end of an operation that was just begun; return it as it is then.

        Raises:
            OperationFailed: if it has failed.
        """
        self._waited_for.add(operation.id)
        try:
            await asyncio.wait({self._going[operation.id]}, timeout=ANSWER_S)
        finally:
            self._waited_for.discard(operation.id)
        found = await table.get_operation(operation.id) or operation
        if found.state == "failed":
            raise OperationFailed(f"{found.action} has failed; GET /job-monitor/operations/{found.id} says why")
        return found

    async def _step(self) -> None:
        while operation := await table.claim(self._me, self._claim_s):
            if operation.id not in self._going:
                logger.info("an operation goes on here", extra={"operation": operation.id, "action": operation.action})
                self._go(operation)
        await asyncio.sleep(jittered(LOOK_S))

    def _go(self, operation: Operation) -> None:
        task = asyncio.create_task(self._carry(operation), name=f"{operation.action} {operation.id}")
        self._going[operation.id] = task
        task.add_done_callback(lambda _: self._going.pop(operation.id, None))

    async def _carry(self, operation: Operation) -> None:
        """Do an operation to its end, as long as it is ours; while a server is away, try again."""
        pause_s = self.first_pause_s
        while True:
            try:
                found = await self._page(operation)
                pause_s = self.first_pause_s
            except self.away as error:
                logger.warning("a server is away; an operation waits", extra={"error": str(error)})
                await asyncio.sleep(jittered(pause_s))
                pause_s = min(2 * pause_s, self.longest_pause_s)
                found = await self._read(operation.id)
            except Exception as error:
                logger.exception("an operation failed", extra={"operation": operation.id})
                await self._end(operation, f"{type(error).__name__}: {error}"[:1000])
                return
            if found is None or found.state != "running":
                return
            operation = found

    async def _read(self, id: str) -> Operation | None:  # noqa: A002
        pause_s = self.first_pause_s
        while True:
            try:
                return await table.get_operation(id)
            except self.away:
                await asyncio.sleep(jittered(pause_s))
                pause_s = min(2 * pause_s, self.longest_pause_s)

    async def _page(self, operation: Operation) -> Operation | None:
        """Do one page; return the operation as it is then, None if it has ended or is another process's."""
        work, again = self._works[operation.action], operation.page is not None
        async with self._turns:
            if operation.cancel_requested_at is not None:
                await self._end(operation)
                return None
            page = operation.page if again else await work.next_page(operation)
            if page is None:
                await work.finish(operation)
                await self._end(operation)
                return None
            after = operation.position
            begun = await table.begin_page(operation.id, page, after=after, **self._claim)
            if begun is None or begun.cancel_requested_at is not None:
                return begun
            did = await work.do(operation, page, again=again)
            turned = await table.end_page(
                operation.id,
                after=after,
                done=operation.done + did.done,
                refused=Counter(operation.refused) + did.refused,
                position=did.position,
                matched=operation.matched if did.matched is None else did.matched,
                **self._claim,
            )
        if turned is not None:
            await self._tell(turned)
        return turned

    async def _end(self, operation: Operation, error: str | None = None) -> None:
        ended = await table.end(operation.id, after=operation.position, error=error, claimed_by=self._me)
        if ended is None:
            return
        facts: dict[str, Any] = {"count": ended.done, "refused": ended.refused}
        logger.info("%s has ended", ended.action, extra={"operation": ended.id, "state": ended.state, **facts})
        if ended.id not in self._waited_for:  # else the caller says so
            outcome: audit.Outcome = "failed" if ended.state == "failed" else "done"
            if ended.state == "cancelled":
                facts["cancelled"] = True
            action = f"operation.{ended.action}"
            await audit.record(None, action, outcome, target=ended.id, detail=facts, actor=ended.by)
        await self._tell(ended)

    async def _tell(self, operation: Operation) -> None:
        info = OperationInfo(
            operation=operation.id,
            action=operation.action,
            state=operation.state,
            done=operation.done,
            matched=operation.matched,
            by=operation.by,
        )
        try:
            await self._engine.tell([("operation.changed", b"", msgspec.json.encode(info))], deadline_s=TELL_S)
        except self.away as error:
            logger.info("nobody is told of an operation now", extra={"operation": operation.id, "error": str(error)})
