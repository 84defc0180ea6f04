"""What the feed brought and the tables do not have yet: bounded by events, so that a long outage costs no memory."""

from __future__ import annotations

import asyncio
from collections import deque

from taskcast.feed import Batch, Item, Rollback, Trimmed


class Inbox:
    """A queue between the feed's reader and the recorder."""

    def __init__(self, limit: int) -> None:
        self.events = 0
        self._limit = limit
        self._items: deque[Item] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    async def put(self, item: Item) -> None:
        """Add an item; waits while there is no room."""
        await self._room.wait()
        self._items.append(item)
        if not isinstance(item, Rollback | Trimmed):
            self.events += len(item.lines)
        if self.events >= self._limit:
            self._room.clear()
        self._filled.set()

    def close(self) -> None:
        """Say that nothing more will come."""
        self._closed = True
        self._filled.set()

    async def filled(self) -> None:
        """Wait until there is something.

        Raises:
            ConnectionError: if nothing more will come.
        """
        await self._filled.wait()
        if self._closed and not self._items:
            raise ConnectionError("the feed has ended")

    def take(self, events: int) -> list[Batch] | Rollback | Trimmed | None:
        """Return batches of about that many events, or the news of a rollback or a trimmed stream when it is its turn."""
        batches: list[Batch] = []
        taken = 0
        while self._items and taken < events:
            item = self._items[0]
            if isinstance(item, Rollback | Trimmed):
                if batches:
                    break
                self._items.popleft()
                self._settle()
                return item
            batches.append(item)
            taken += len(item.lines)
            self._items.popleft()
        self.events -= taken
        if self.events < self._limit:
            self._room.set()
        self._settle()
        return batches or None

    def _settle(self) -> None:
        if not self._items and not self._closed:
            self._filled.clear()
