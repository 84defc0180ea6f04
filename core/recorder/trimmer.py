"""Trimming the events stream to what is recorded, keeping enough for clients to resume."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any

from redis.asyncio import Redis

from taskcast.names import Names

logger = logging.getLogger(__name__)

KEEP_S = 300
KEEP_EVENTS = 50_000
KEEP_BYTES = 256 * 1024 * 1024
EVERY_S = 5.0


class Trimmer:
    """Keeps the longer of five minutes and 50,000 events, at most 256 MB; never trims what is not recorded.

    Events recorded before this process began are counted by the stream's entries, each of which holds at least one.
    """

    def __init__(self, redis: Redis, names: Names, *, keep_s: float = KEEP_S, keep_events: int = KEEP_EVENTS,
                 keep_bytes: int = KEEP_BYTES, every_s: float = EVERY_S) -> None:  # fmt: skip
        self._redis, self._names = redis, names
        self._keep_s, self._keep_events, self._keep_bytes, self._every_s = keep_s, keep_events, keep_bytes, every_s
        self._batches: deque[tuple[int, int]] = deque()
        self._events = 0
        self._next = 0.0

    def note(self, last: int, events: int) -> None:
        """Take notice of a recorded batch: its last seq and how many events it had."""
        self._batches.append((last, events))
        self._events += events
        while self._events - self._batches[0][1] >= self._keep_events:
            self._events -= self._batches.popleft()[1]

    async def trim(self, position: int) -> int:
        """Trim, if it is time to; returns how many entries went."""
        now = time.monotonic()
        if now < self._next:
            return 0
        self._next = now + self._every_s
        old = int((time.time() - self._keep_s) * 1_000_000)
        first_kept = min(old, position, self._first_by_count())
        gone = 0
        if first_kept > 0:
            gone = int(await self._redis.xtrim(self._names.events, minid=f"{first_kept}-0", approximate=False))
        used = await self._redis.memory_usage(self._names.events, samples=20)
        if used and used > self._keep_bytes:
            gone += await self._shorten(position)
        return gone

    def _first_by_count(self) -> int:
        """Return the seq of the oldest event that the count keeps; 0 while fewer have been seen."""
        if not self._batches or self._events < self._keep_events:
            return 0
        return self._batches[0][0]

    async def _shorten(self, position: int) -> int:
        """Trim up to 500 of the older half of the entries, because the stream is too large; more at the next turn."""
        length = await self._redis.xlen(self._names.events)
        entries: Any = await self._redis.xrange(self._names.events, count=min(max(length // 2, 1), 500))
        if not entries:
            return 0
        middle = int(entries[-1][0].partition(b"-")[0])
        gone = int(await self._redis.xtrim(self._names.events, minid=f"{min(middle, position)}-0", approximate=False))
        logger.warning("the events stream is too large; its oldest entries were trimmed", extra={"entries": gone})
        return gone
