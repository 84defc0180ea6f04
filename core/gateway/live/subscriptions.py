"""The subscriptions of one session, from the request to the live stream of events.

A subscription begins with a snapshot or where its client stood (`pos`), catches up from ring and stream at the pace of
its client, and joins the live ones at the moment when nothing is left in between: no hole, no double.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from core.errors import Forbidden
from core.gateway.live.closing import Closing
from core.gateway.live.entry import Entry, conflate
from core.gateway.live.outbox import Frame
from core.gateway.live.shape import Shape
from core.gateway.live.snapshots import Snapshot
from core.gateway.live.states import Table
from core.permissions import Permission, may, own_only
from core.storage.connection import DatabaseAway
from taskcast import protocol
from taskcast.ending import end
from taskcast.errors import TaskcastError
from taskcast.protocol import CloseCode, Err, Filter, Ok, ProtocolError, ServerFrame, Subscribe, encode_server

if TYPE_CHECKING:
    from core.gateway.live.hub import LiveHub
    from core.gateway.live.session import Session

logger = logging.getLogger(__name__)

CHUNK = 1_000
"""Events replayed at a time."""
ROOM_BYTES = protocol.MAX_QUEUE_BYTES // 4
"""A replay goes on when less than this waits for the client."""


class TooManySubscriptions(TaskcastError):
    """This connection has 64 subscriptions already; end one, or open another connection."""

    code = "too_many_subscriptions"


class Subscriptions:
    """What one session has subscribed to, by the names it was given: s1, s2, ..."""

    def __init__(self, hub: LiveHub, session: Session) -> None:
        self._hub = hub
        self._session = session
        self._count = 0
        self._shapes: dict[str, Shape] = {}
        self._tables: dict[str, Table] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def add(self, request: int, wish: Subscribe) -> None:
        """Begin a subscription; its answer and all that follows come from a task of its own.

        Raises:
            ProtocolError: naming what is wrong with the wish.
            TaskcastError: if there are too many, or it is not allowed.
        """
        kind, job_id = protocol.split_topic(wish.topic)
        _check(wish)
        if len(self._tasks.keys() | self._shapes.keys() | self._tables.keys()) >= protocol.MAX_SUBSCRIPTIONS:
            raise TooManySubscriptions
        identity = self._session.identity
        user = identity.user_id if own_only(identity.role) else None
        if kind not in ("jobs", "job") and not may(identity.role, Permission.SEE_SYSTEM):
            raise Forbidden(f"the role {identity.role} may not subscribe to {kind}")
        if kind != "jobs" and wish.filter is not None:
            raise ProtocolError(f"filter: the topic {kind} has none", field="filter")
        self._count += 1
        name = f"s{self._count}"
        if kind in ("jobs", "job"):
            wanted = wish.filter.normal() if wish.filter else None
            shape = Shape(sub=name, job=job_id, filter=None if wanted == Filter() else wanted, user=user)
            work = self._follow(request, wish, shape)
        else:
            work = self._watch(request, wish, name)
        task = asyncio.create_task(work, name=f"live subscription {wish.topic}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def remove(self, name: str) -> None:
        """End a subscription.

        Raises:
            ProtocolError: if there is none of this name.
        """
        if name not in self._tasks and name not in self._shapes and name not in self._tables:
            raise ProtocolError(f"unsub.sub: there is no subscription {name[:40]!r}", field="unsub.sub")
        task = self._tasks.pop(name, None)
        if task is not None:
            await end(task)
        self._leave(name)

    async def close(self) -> None:
        """End all."""
        tasks = list(self._tasks.values())
        await end(*tasks)
        for name in [*self._shapes, *self._tables]:
            self._leave(name)

    def _leave(self, name: str) -> None:
        shape = self._shapes.pop(name, None)
        if shape is not None:
            self._hub.leave(shape, self._session)
        table = self._tables.pop(name, None)
        if table is not None:
            self._hub.states.leave(table, self._session)

    # ------------------------------------------------------------------------------------------------------ events

    async def _follow(self, request: int, wish: Subscribe, shape: Shape) -> None:
        try:
            position = await self._begin(request, wish, shape)
        except Exception as error:
            self._failed(request, wish, error)
            return
        try:
            await self._catch_up(shape, position)
        except Exception:
            # It was accepted, so it cannot be refused any more; the client comes back and resumes.
            logger.exception("a live replay failed", extra={"topic": wish.topic})
            self._session.end(Closing(CloseCode.SHUTDOWN, "the replay failed; come back", retry_ms=1000))

    async def _begin(self, request: int, wish: Subscribe, shape: Shape) -> int:
        """Answer the request; return the position after which events are to be sent."""
        history, outbox = self._hub.history, self._session.outbox
        await self._hub.ready()
        if shape.job is not None:
            await self._hub.snapshots.check_visible(shape.job, shape.user)
        if wish.pos is not None:
            position = int(wish.pos)
            if await history.can_resume(position):
                self._accept(request, shape.sub, resumed=True, position=position)
                return position
        if not wish.snapshot:
            position = self._hub.flushed
            self._accept(request, shape.sub, resumed=False, position=position)
            return position
        snapshot = await self._take(wish, shape)
        self._accept(request, shape.sub, resumed=False, position=snapshot.position)
        for part in snapshot.parts:
            await outbox.drained(ROOM_BYTES)
            outbox.put_text(f'{{"s":"{shape.sub}",{part}')
        return snapshot.position

    async def _take(self, wish: Subscribe, shape: Shape) -> Snapshot:
        if shape.job is not None:
            return await self._hub.snapshots.of_job(shape.job, tail=wish.tail)
        return await self._hub.snapshots.of_jobs(shape, limit=wish.limit)

    async def _catch_up(self, shape: Shape, position: int) -> None:
        history, outbox = self._hub.history, self._session.outbox
        await self._hub.reached(position)
        while position < self._hub.flushed:
            await outbox.drained(ROOM_BYTES)
            entries, position = await history.after(position, limit=CHUNK)
            if shape.needs_priority:
                await self._hub.priorities.resolve(entries)
            self._send(shape, entries)
        # Nothing awaits between the comparison above and here, so no event comes in between.
        self._shapes[shape.sub] = shape
        self._hub.join(shape, self._session)

    def _send(self, shape: Shape, entries: list[Entry]) -> None:
        wanted = conflate([entry for entry in entries if shape.wants(entry)])
        if wanted:
            self._session.outbox.put(Frame.of(shape, wanted))
            self._session.outbox.kick()
            for entry in wanted:
                entry.forget_tail()

    # ------------------------------------------------------------------------------------------------ state topics

    async def _watch(self, request: int, wish: Subscribe, name: str) -> None:
        table = Table(sub=name, topic=wish.topic, hz=min(2.0, max(0.1, wish.max_hz)))
        try:
            rows = await self._hub.states.join(table, self._session)
        except Exception as error:
            self._failed(request, wish, error)
            return
        self._tables[name] = table
        outbox = self._session.outbox
        self._accept(request, name, resumed=False, position=None)
        outbox.put_text(f'{{"s":"{name}","snap":{{"items":{rows.decode()},"last":true}}}}')

    def _accept(self, request: int, sub: str, *, resumed: bool, position: int | None) -> None:
        ok = Ok(sub=sub, resumed=resumed, pos=None if position is None else str(position))
        self._session.outbox.put_text(encode_server(ServerFrame(id=request, ok=ok)))

    def _failed(self, request: int, wish: Subscribe, error: Exception) -> None:
        if isinstance(error, TaskcastError):  # first: a queue server that is away is an OSError too
            self._refuse(request, error.code, str(error), temporary=isinstance(error, ConnectionError))
        elif isinstance(error, DatabaseAway):
            self._refuse(request, "database_unavailable", "the database cannot be reached; try again", temporary=True)
        else:
            logger.error("a live subscription failed", extra={"topic": wish.topic}, exc_info=error)
            self._refuse(request, "internal", "something went wrong in the gateway; try again", temporary=True)

    def _refuse(self, request: int, code: str, message: str, *, temporary: bool) -> None:
        err = Err(code=code, message=message, temporary=temporary)
        self._session.outbox.put_text(encode_server(ServerFrame(id=request, err=err)))


def _check(wish: Subscribe) -> None:
    if not 1 <= wish.limit <= protocol.MAX_SNAPSHOT_ROWS:
        raise ProtocolError(f"limit: must be 1 to {protocol.MAX_SNAPSHOT_ROWS}", field="limit")
    if not 0 <= wish.tail <= protocol.MAX_TAIL_LINES:
        raise ProtocolError(f"tail: must be 0 to {protocol.MAX_TAIL_LINES}", field="tail")
    if wish.pos is not None and not (wish.pos.isascii() and wish.pos.isdigit() and len(wish.pos) <= 16):
        raise ProtocolError("pos: must be a position as the gateway gave it", field="pos")
    if wish.max_hz <= 0:
        raise ProtocolError("max_hz: must be more than 0", field="max_hz")
