"""What happened after a position: from the ring, or from the stream for what the ring has forgotten already."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import redis.asyncio
import redis.exceptions

from core.gateway.live.entry import Entry
from core.gateway.live.ring import Ring
from taskcast import feed
from taskcast.errors import EngineUnavailable
from taskcast.names import Names

if TYPE_CHECKING:
    from core.gateway.live.hub import LiveHub

logger = logging.getLogger(__name__)


class History:
    """Answers whether a client can go on where it stood, and with what."""

    def __init__(self, hub: LiveHub, *, ring: Ring, redis_client: redis.asyncio.Redis, names: Names) -> None:
        self._hub = hub
        self._ring = ring
        self._redis = redis_client
        self._names = names

    async def can_resume(self, position: int) -> bool:
        """Tell whether everything after `position` is still here and the past was not rewritten since.

        A position is good only if it is the seq of a known event, or the end of a batch: after a rollback of the queue
        server a client may hold one that never happened.
        """
        await self._hub.reached(position)
        if position > self._hub.flushed:
            return False
        if self._ring.holds(position):
            return self._ring.knows(position)
        batches = await self._read(position - 1, 1)
        if not batches:
            return False
        batch = batches[0]
        return batch.prev == position or any(Entry(line).seq == position for line in batch.lines)

    async def after(self, position: int, *, limit: int) -> tuple[list[Entry], int]:
        """Return the next events after `position`, of those the live clients have had, and the position after them."""
        until = self._hub.flushed
        if self._ring.holds(position):
            entries = self._ring.after(position, until, limit)
            return entries, entries[-1].seq if len(entries) == limit else until
        batches = await self._read(position, max(1, limit // 10))
        if not batches:
            return [], until
        if batches[0].prev > position:
            logger.warning(
                "events are missing in the stream; a snapshot may lack them",
                extra={"after": position, "before": batches[0].prev},
            )
        found = [Entry(line) for batch in batches for line in batch.lines]
        return [entry for entry in found if position < entry.seq <= until], min(batches[-1].last, until)

    async def _read(self, after: int, limit: int) -> list[feed.Batch]:
        try:
            return await feed.read(self._redis, self._names, max(0, after), limit)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            raise EngineUnavailable from error
