"""The recorder's loop: from the feed to the tables, surviving the queue server, PostgreSQL and a second recorder."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from redis.exceptions import RedisError

from core.loops import Loop, jittered
from core.recorder.apply import Outrun, apply, read_position, skip_to
from core.recorder.inbox import Inbox
from core.recorder.trimmer import Trimmer
from core.secrets import MessageCipher
from core.storage.connection import DatabaseAway
from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from taskcast.feed import Batch, Feed, Item, Rollback, Trimmed, read

logger = logging.getLogger(__name__)

BATCH_EVENTS = 2_000
GAP_S = 0.2
"""Least time between two transactions while fewer events than a full batch wait: at most 500 ms, and few fsyncs."""
INBOX_EVENTS = 20_000
REFILL_ENTRIES = 1_000
LONGEST_PAUSE_S = 3.0

_RAISE_SEQ = """
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if known >= tonumber(ARGV[1]) then return -1 end
redis.call('SET', KEYS[1], ARGV[1])
return string.format('%.0f', known)
"""


class FeedLike(Protocol):
    """What the recorder needs of `taskcast.feed.Feed`."""

    async def start(self) -> None:
        """Begin to read."""

    async def stop(self) -> None:
        """End the iteration."""

    def __aiter__(self) -> AsyncIterator[Item]: ...


class Recorder(Loop):
    """Writes the events of one installation into the database that this process is connected to.

    `position` is the seq up to which everything is in the tables, `counted` what became of the events.
    `reconcile_wanted` is set when events may have been lost; `rolled_back_to` is then the lowest seq that the queue
    server still knew.
    """

    name = "recorder"
    away = (EngineUnavailable, RedisError, *DatabaseAway)

    def __init__(
        self,
        *,
        engine: Engine,
        redis_url: str,
        cipher: MessageCipher | None,
        trimmer: Trimmer | None = None,
        open_feed: Callable[[int], FeedLike] | None = None,
        gap_s: float = GAP_S,
    ) -> None:
        super().__init__()
        self.position = 0
        self.counted: Counter[str] = Counter()
        self.reconcile_wanted = asyncio.Event()
        self.rolled_back_to: int | None = None
        self._engine, self._cipher, self._gap_s = engine, cipher, gap_s
        self._trimmer = trimmer or Trimmer(engine.redis, engine.names)
        self._open_feed = open_feed or (lambda position: Feed(redis_url, engine.names, position=position, live=False))
        self._moved = asyncio.Condition()

    async def reached(self, seq: int) -> None:
        """Wait until every event up to `seq` is in the tables."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.position >= seq)

    async def _step(self) -> None:
        await self._set_position(await read_position())
        await self._raise_seq()
        inbox, feed = Inbox(INBOX_EVENTS), self._open_feed(self.position)
        await feed.start()
        reader = asyncio.create_task(self._read(feed, inbox), name="recorder-reader")
        applied_at = 0.0
        try:
            while True:
                await inbox.filled()
                if inbox.events < BATCH_EVENTS:
                    await asyncio.sleep(max(applied_at + self._gap_s - time.monotonic(), 0))
                found = inbox.take(BATCH_EVENTS)
                if isinstance(found, Rollback):
                    await self._rolled_back(found)
                elif isinstance(found, Trimmed):
                    await self._skip(found.first)
                elif found:
                    applied_at = time.monotonic()
                    await self._apply(found)
                    await self._trimmer.trim(self.position)
        finally:
            await end(reader)
            await feed.stop()

    async def _read(self, feed: FeedLike, inbox: Inbox) -> None:
        try:
            async for item in feed:
                await inbox.put(item)
        finally:
            inbox.close()

    async def _apply(self, batches: list[Batch]) -> None:
        """Apply batches, and take notice of what went into the tables."""
        batches = await self._without_holes(batches)
        await self._commit(lambda: apply(batches, self.position, self._cipher, self.counted))
        for batch in batches:
            self._trimmer.note(batch.last, len(batch.lines))

    async def _skip(self, seq: int) -> None:
        """Move on over events that are gone from the stream."""
        if seq > self.position:
            self._lost(f"no stream holds what came after {self.position}, up to {seq}")
            await self._commit(lambda: skip_to(self.position, seq))

    async def _commit(self, step: Callable[[], Awaitable[int]]) -> None:
        """Do what moves the position, however long PostgreSQL is away and whoever else does it."""
        pause, again = 0.05, False
        while True:
            try:
                if again:
                    await self._set_position(await read_position())  # the lost answer may have been to a commit
                await self._set_position(await step())
                return
            except Outrun:
                self.counted["outrun"] += 1
                await asyncio.sleep(random.uniform(0.1, 0.4))
            except DatabaseAway as error:
                if isinstance(error, ValueError):
                    raise  # asyncpg's complaint about an argument is no outage
                if pause < 0.1:
                    logger.warning("the database is away; nothing is lost", extra={"error": str(error)})
                pause = min(pause * 2, LONGEST_PAUSE_S)
                await asyncio.sleep(jittered(pause))
            again = True

    async def _without_holes(self, batches: list[Batch]) -> list[Batch]:
        """Return the batches in order, with what is missing before each read from the stream again."""
        whole: list[Batch] = []
        at = self.position
        for batch in sorted(batches, key=lambda batch: batch.last):
            if batch.last <= at:
                continue
            while at and batch.prev > at:
                found = await read(self._engine.redis, self._engine.names, at, REFILL_ENTRIES)
                missing = [before for before in found if before.last <= batch.prev]
                if missing and missing[0].prev <= at:
                    whole += missing
                    at = missing[-1].last
                    continue
                end = missing[0].prev if missing else batch.prev
                self._lost(f"no stream holds what came after {at}, up to {end}")
                at = end
            if batch.prev < at and batch.last - len(batch.lines) >= at:
                self._set_back(batch.prev)  # told by a server that had forgotten what it told before
            whole.append(batch)
            at = batch.last
        return whole

    def _lost(self, what: str) -> None:
        self.counted["holes"] += 1
        logger.error("events are lost; jobs will be reconciled", extra={"what": what})
        self.reconcile_wanted.set()

    async def _rolled_back(self, rollback: Rollback) -> None:
        """The queue server forgot its latest state: let its clock not go back, and have everything compared."""
        logger.warning("the queue server was set back", extra={"reason": rollback.reason, "at": self.position})
        self.counted["rollbacks"] += 1
        self._set_back(rollback.seq)
        await self._raise_seq()

    def _set_back(self, seq: int) -> None:
        self.rolled_back_to = seq if self.rolled_back_to is None else min(seq, self.rolled_back_to)
        self.reconcile_wanted.set()

    async def _raise_seq(self) -> None:
        """Keep the clock of a server that forgot ahead of the tables: an older seq would count as applied before."""
        if not self.position:
            return
        names = self._engine.names
        result: Any = self._engine.redis.eval(_RAISE_SEQ, 1, names.seq, str(self.position))
        known = int(await result)
        if known >= 0:
            logger.warning("the queue server's clock was behind the tables", extra={"seq": known, "at": self.position})
            self.counted["raised"] += 1
            self._set_back(known)

    async def _set_position(self, position: int) -> None:
        async with self._moved:
            self.position = position
            self._moved.notify_all()
