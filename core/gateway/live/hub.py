"""The fan-out: one feed of events in, one encoded frame per shape and tick out.

A tick gathers what came within 20 ms, but the first event after a pause is sent at once. Clients that are caught up sit
in the shapes; clients that are not replay from ring or stream in their own tasks and join when nothing is missing.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from core.auth import Authenticator
from core.gateway.live.closing import Closing
from core.gateway.live.entry import Entry, conflate
from core.gateway.live.history import History
from core.gateway.live.outbox import Frame
from core.gateway.live.priorities import Priorities
from core.gateway.live.ring import Ring
from core.gateway.live.session import Session
from core.gateway.live.shape import Shape
from core.gateway.live.snapshots import Snapshots
from core.gateway.live.states import States
from core.gateway.live.tables import tables
from core.settings import Settings
from core.storage import live
from taskcast.ending import end
from taskcast.engine.calls import connect
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from taskcast.feed import Batch, Feed, Rollback, Trimmed
from taskcast.ids import new_id
from taskcast.names import Names
from taskcast.protocol import PING_S, CloseCode

logger = logging.getLogger(__name__)

TICK_S = 0.020
MARK_S = 5.0
"""A quiet subscription hears at most this often how far the others are."""
SWEEP_S = 1.0
READY_S = 5.0
REACH_S = 2.0
"""How long to wait for an event that the database or another gateway has heard of before this one."""
MAX_SESSIONS = 20_000
SPREAD_MS = 3_000
"""Clients of a gateway that stops come back spread over this time."""


class LiveHub:
    """The live part of one gateway process."""

    def __init__(
        self,
        *,
        settings: Settings,
        redis_url: str,
        names: Names,
        engine: Engine,
        authenticator: Authenticator,
        tick_s: float = TICK_S,
        ping_s: float = PING_S,
        ring: Ring | None = None,
    ) -> None:
        self.settings = settings
        self.authenticator = authenticator
        self.ping_s = ping_s
        self.server = new_id()
        self.flushed = 0
        self.closed_as_slow = 0
        self._dropped_lines = 0
        self._tick_s = tick_s
        self._ring = ring or Ring()
        self._feed = Feed(redis_url, names, position=None, live=True)
        self._redis = connect(redis_url, names)
        self.history = History(self, ring=self._ring, redis_client=self._redis, names=names)
        self.snapshots = Snapshots(engine)
        self.priorities = Priorities(live.priorities)
        self.states = States(self, tables(engine))
        self._members: dict[Shape, set[Session]] = {}
        self._sessions: set[Session] = set()
        self._fresh: list[Entry] = []
        self._fresh_last = 0
        self._restarts = 0
        self._ready = asyncio.Event()
        self._wake = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._marked_at = 0.0
        self._told: set[Shape] = set()
        self._marked = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begin to read the events."""
        await self._feed.start()
        self._tasks = [
            asyncio.create_task(self._read(), name="live reader"),
            asyncio.create_task(self._loop(), name="live ticks"),
            asyncio.create_task(self._sweep(), name="live sweep"),
        ]

    async def ready(self) -> None:
        """Wait until the events are heard.

        Raises:
            EngineUnavailable: if the queue server does not answer within 5 s.
        """
        if self._ready.is_set():
            return
        try:
            async with asyncio.timeout(READY_S):
                await self._ready.wait()
        except TimeoutError:
            raise EngineUnavailable from None

    async def stop(self) -> None:
        """Say bye to everybody, asking them to come back spread over 3 s. Stopping twice is fine."""
        self._end_all(CloseCode.SHUTDOWN, "the gateway stops")
        await end(*self._tasks)
        self._tasks = []
        await self.states.stop()
        while self._errands:
            await asyncio.gather(*self._errands, return_exceptions=True)
        await self._feed.stop()
        await self._redis.aclose()

    # -------------------------------------------------------------------------------------------------- sessions

    @property
    def full(self) -> bool:
        """Tell whether no more clients are let in."""
        return len(self._sessions) >= MAX_SESSIONS

    def enter(self, session: Session) -> None:
        """A client has connected."""
        self._sessions.add(session)

    def exit(self, session: Session) -> None:
        """A client is gone."""
        if session in self._sessions:
            self._sessions.remove(session)
            self._dropped_lines += session.outbox.dropped_lines
            self.closed_as_slow += session.closing is not None and session.closing.code == CloseCode.SLOW

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._sessions)

    @property
    def dropped_lines(self) -> int:
        """How many log lines were not sent to clients that were too slow, since this gateway's start."""
        return self._dropped_lines + sum(session.outbox.dropped_lines for session in self._sessions)

    def recheck(self) -> None:
        """Look again at what every client signed in with."""
        for session in list(self._sessions):
            session.recheck()

    def join(self, shape: Shape, session: Session) -> None:
        """A caught-up subscription gets what comes from now on."""
        self._members.setdefault(shape, set()).add(session)

    def leave(self, shape: Shape, session: Session) -> None:
        """A subscription has ended."""
        members = self._members.get(shape)
        if members is not None:
            members.discard(session)
            if not members:
                del self._members[shape]
                self._told.discard(shape)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside; the hub's stop waits for it."""
        task = asyncio.create_task(work, name=name)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def reached(self, position: int) -> None:
        """Wait until the live clients have had everything up to `position`, for at most 2 s."""
        if position <= self.flushed:
            return
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (position, arrived)
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(REACH_S):
                await arrived
        except TimeoutError:
            logger.info("position %d is ahead of the events heard", position)
        finally:
            with suppress(ValueError):
                self._waiting.remove(waiting)

    # ------------------------------------------------------------------------------------------------------ events

    async def _read(self) -> None:
        await self._feed.wait_connected()
        heard = self._feed.ready()
        first = heard[0] if heard else None
        self._restart(first.prev if isinstance(first, Batch) else self._feed.position or 0)
        for told in heard:
            self._hear(told)
        self._ready.set()
        async for told in self._feed:
            try:
                self._hear(told)
            except Exception:
                logger.exception("a batch of events could not be understood")

    def _hear(self, told: Batch | Rollback | Trimmed) -> None:
        if isinstance(told, Batch):
            entries = [entry for line in told.lines if (entry := _entry(line)) and entry.seq > (self._ring.last or 0)]
            self._ring.extend(entries, max(told.last, self._ring.last or 0))
            self._fresh.extend(entries)
            self._fresh_last = self._ring.last or told.last
            self._wake.set()
            return
        if isinstance(told, Rollback):
            logger.warning("the queue server's memory went back: %s", told.reason)
            self._restart(told.seq)
            self._end_all(CloseCode.ROLLED_BACK, "the queue server's memory went back; take a new snapshot")
        else:
            logger.warning("events before %d are lost; clients take a new snapshot", told.first)
            self._restart(told.first)
            self._end_all(CloseCode.ROLLED_BACK, "events were lost; take a new snapshot")
        self.states.disturb()

    def _restart(self, position: int) -> None:
        self._restarts += 1
        self._ring.start(position)
        self._fresh, self._fresh_last, self.flushed, self._marked = [], position, position, position

    async def _loop(self) -> None:
        flushed_at = 0.0
        while True:
            try:
                await self._wake.wait()
                pause = flushed_at + self._tick_s - time.monotonic()
                if pause > 0:
                    await asyncio.sleep(pause)
                self._wake.clear()
                flushed_at = time.monotonic()
                await self._flush()
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("a tick of the live hub failed")
                await asyncio.sleep(0.1)

    async def _flush(self) -> None:
        fresh, last, restarts = self._fresh, self._fresh_last, self._restarts
        self._fresh = []
        if any(shape.needs_priority for shape in self._members):
            try:
                await self.priorities.resolve(fresh)
            except Exception:
                logger.exception("priorities could not be found; clients that filter by them come back")
                self._end_filtering()
            if self._restarts != restarts:
                return  # a rollback came in between: nobody is waiting for these any more
        else:
            self.priorities.forget()
        # From here on nothing awaits: a subscription that joins sees all of this tick or nothing of it.
        self.flushed = last
        self._distribute(conflate(fresh))
        self.states.changed({entry.type for entry in fresh})
        for position, arrived in self._waiting:
            if position <= last and not arrived.done():
                arrived.set_result(None)
        for entry in fresh:
            entry.forget_tail()

    def _distribute(self, entries: list[Entry]) -> None:
        touched: set[Session] = set()
        for shape, members in self._members.items():
            wanted = [entry for entry in entries if shape.wants(entry)]
            if not wanted:
                continue
            frame = Frame.of(shape, wanted)
            self._told.add(shape)
            touched |= members
            for session in members:
                session.outbox.put(frame)
        for session in touched:
            session.outbox.kick()

    def _mark(self, now: float) -> None:
        """Tell those who heard nothing lately how far the events are, so that they can resume from there."""
        if now - self._marked_at < MARK_S or self.flushed == self._marked:
            return
        self._marked_at, self._marked = now, self.flushed
        for shape, members in self._members.items():
            if shape not in self._told:
                frame = Frame(f'{{"s":"{shape.sub}","mark":{{}},"pos":"{self.flushed}"}}', shape=shape)
                for session in members:
                    session.outbox.put(frame)
                    session.outbox.kick()
        self._told.clear()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                now = time.monotonic()
                self._mark(now)
                for session in list(self._sessions):
                    session.sweep(now)
            except Exception:
                logger.exception("a sweep of the live hub failed")

    def _end_all(self, code: CloseCode, reason: str) -> None:
        for session in list(self._sessions):
            session.end(Closing(code, reason, retry_ms=random.randint(0, SPREAD_MS)))

    def _end_filtering(self) -> None:
        for shape, members in list(self._members.items()):
            if shape.needs_priority:
                for session in list(members):
                    session.end(Closing(CloseCode.SHUTDOWN, "the database cannot be reached", retry_ms=1000))


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry(line)
    except (ValueError, TypeError):
        logger.exception("an event could not be understood")
        return None
