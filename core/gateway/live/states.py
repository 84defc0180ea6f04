"""The state topics: tables of named rows, recomputed while somebody watches and something has changed.

Each is read from where it lives; subscribers get the rows that differ. The
recorder writes up to half a second after the event, so a table is read again until that time is over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from core.gateway.live.outbox import Frame
from taskcast.ending import end

if TYPE_CHECKING:
    from core.gateway.live.hub import LiveHub
    from core.gateway.live.session import Session

logger = logging.getLogger(__name__)

Row = dict[str, Any]
Read = Callable[[], Awaitable[list[Row]]]

SETTLE_S = 2.0
"""A table is read again until this long after the last change."""
DECAY_S = 10.0
"""Rates over the last minute fall without any event; they are looked at this often while somebody watches."""


@dataclass(frozen=True)
class Table:
    """One topic under one subscription's name, at most so many times a second."""

    sub: str
    topic: str
    hz: float


class Topic:
    """The rows of one topic as last read, and which events change them."""

    def __init__(self, name: str, read: Read, *, changed_by: tuple[str, ...]) -> None:
        self.name = name
        self.changed_by = changed_by
        self.rows: dict[str, bytes] = {}
        self.version = 0
        self._read = read
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    async def read(self, *, not_before: float) -> None:
        """Read the rows unless somebody has done so since `not_before`."""
        async with self._lock:
            if self._read_at >= not_before and self.version:
                return
            began = time.monotonic()
            rows = {_key(row): msgspec.json.encode(row) for row in await self._read()}
            self._read_at = began
            self.version += 1
            self.rows = rows


class States:
    """All state topics of one gateway and who watches them."""

    def __init__(self, hub: LiveHub, topics: list[Topic]) -> None:
        self._hub = hub
        self._topics = {topic.name: topic for topic in topics}
        self._watched: dict[Table, _Watched] = {}
        self._changed_at: dict[str, float] = {}

    def changed(self, types: set[str]) -> None:
        """Events of these types have happened."""
        if not self._watched:
            return
        now = time.monotonic()
        for topic in self._topics.values():
            if any(each.startswith(topic.changed_by) for each in types):
                self._changed_at[topic.name] = now
        for watched in self._watched.values():
            if watched.topic.name in self._changed_at:
                watched.wake.set()

    def disturb(self) -> None:
        """Anything may have changed: read all again."""
        self.changed({prefix for topic in self._topics.values() for prefix in topic.changed_by})

    async def join(self, table: Table, session: Session) -> bytes:
        """Add a watcher; return the rows it starts from, as a JSON array."""
        topic = self._topics[table.topic]
        watched = self._watched.get(table)
        if watched is None:
            watched = self._watched[table] = _Watched(table, topic)
            watched.task = asyncio.create_task(self._loop(watched), name=f"live table {table.topic}")
        watched.joining += 1
        try:
            await topic.read(not_before=time.monotonic() - 1 / table.hz)
            # From here on nothing awaits: those who watch already get the difference, the new one gets all.
            watched.tell()
            watched.sessions.add(session)
            return b"[" + b",".join(watched.sent.values()) + b"]"
        finally:
            watched.joining -= 1
            self._end_if_alone(watched)

    def leave(self, table: Table, session: Session) -> None:
        """Remove a watcher; the last one ends the reading."""
        watched = self._watched.get(table)
        if watched is not None:
            watched.sessions.discard(session)
            self._end_if_alone(watched)

    async def stop(self) -> None:
        """End all reading."""
        tasks = [watched.task for watched in self._watched.values() if watched.task is not None]
        self._watched.clear()
        await end(*tasks)

    def _end_if_alone(self, watched: _Watched) -> None:
        if not watched.sessions and not watched.joining and self._watched.get(watched.table) is watched:
            del self._watched[watched.table]
            if watched.task is not None:
                watched.task.cancel()

    async def _loop(self, watched: _Watched) -> None:
        interval = 1 / watched.table.hz
        while True:
            try:
                async with asyncio.timeout(DECAY_S):
                    await watched.wake.wait()
            except TimeoutError:
                pass
            watched.wake.clear()
            started = time.monotonic()
            try:
                await watched.topic.read(not_before=started - interval / 2)
                watched.tell()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                logger.warning("the live table %s could not be read: %s", watched.topic.name, error)
                watched.wake.set()
                await asyncio.sleep(2.0)
            await asyncio.sleep(max(0.0, started + interval - time.monotonic()))
            if started - self._changed_at.get(watched.topic.name, 0.0) < SETTLE_S:
                watched.wake.set()


class _Watched:
    """The watchers of one table that were told the same."""

    def __init__(self, table: Table, topic: Topic) -> None:
        self.table = table
        self.topic = topic
        self.sessions: set[Session] = set()
        self.joining = 0
        self.sent: dict[str, bytes] = {}
        self.version = 0
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Send what differs from what was sent before."""
        if self.version == self.topic.version:
            return
        before, now = self.sent, self.topic.rows
        self.sent, self.version = now, self.topic.version
        changed = [row for key, row in now.items() if before.get(key) != row]
        gone = [key for key in before if key not in now]
        texts = []
        if changed:
            texts.append(f'{{"s":"{self.table.sub}","set":[{b",".join(changed).decode()}]}}')
        if gone:
            texts.append(f'{{"s":"{self.table.sub}","del":{msgspec.json.encode(gone).decode()}}}')
        if texts:
            frame = Frame("\n".join(texts))
            for session in self.sessions:
                session.outbox.put(frame)
                session.outbox.kick()


def _key(row: Row) -> str:
    return str(row["name"] if "name" in row else row["id"])
