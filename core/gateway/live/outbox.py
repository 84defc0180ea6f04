"""What one client has yet to be sent, bounded in bytes.

While the client reads, a frame is written at once and no task exists. While it does not, frames wait; when they are too
many bytes, progress is reduced to the latest of each attempt, then the oldest log lines are dropped with a gap, and if
lifecycle events alone are too many, the client is given up as slow.
"""

from __future__ import annotations

import asyncio
import logging
import time
import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from typing import Any

from core.gateway.live.entry import Entry, conflate
from core.gateway.live.shape import Shape
from core.gateway.live.wire import Wire, text_frame
from taskcast.protocol import MAX_QUEUE_BYTES, GapInfo, ServerFrame, encode_server

logger = logging.getLogger(__name__)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JOIN_BYTES = 128 * 1024
"""Frames that waited are joined up to this size."""
SEND_TIMEOUT_S = 20.0
"""A client that takes nothing for this long is gone."""
EASED = 0.5
"""Log lines are dropped until this part of the bound is reached, so that it is not done at every frame."""
HOPELESS = 0.9
"""A client whose reduced queue is still above this part of the bound is given up, for the same reason."""


class Frame:
    """A text on its way, shared by all clients of a shape; events stay beside it so that it can be reduced."""

    __slots__ = ("_data", "entries", "shape", "size", "text")

    def __init__(self, text: str, *, shape: Shape | None = None, entries: list[Entry] | None = None) -> None:
        self.text = text
        self.size = len(text) if text.isascii() else len(text.encode())
        self.shape = shape
        self.entries = entries
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """The websocket frame, made once."""
        if self._data is None:
            self._data = text_frame(self.text)
        return self._data

    @property
    def message(self) -> MutableMapping[str, Any]:
        """The message for ASGI."""
        return {"type": "websocket.send", "text": self.text}

    @classmethod
    def of(cls, shape: Shape, entries: list[Entry]) -> Frame:
        """Return the frame that brings events to a shape."""
        prefix = shape.prefix
        return cls(prefix + f"\n{prefix}".join([entry.tail for entry in entries]), shape=shape, entries=entries)


class Outbox:
    """The queue of one client and its writing."""

    def __init__(
        self,
        send: Send,
        *,
        overflow: Callable[[], None],
        broken: Callable[[BaseException], None],
        wire: Wire | None = None,
        limit: int = MAX_QUEUE_BYTES,
    ) -> None:
        self.bytes = 0
        self.dropped_lines = 0
        self.writing_since: float | None = None
        self._send = send
        self._write = wire.write if wire is not None else None
        self._overflow = overflow
        self._broken = broken
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None
        self._closed = False

    @property
    def stuck(self) -> bool:
        """Tell whether the client has taken nothing for too long."""
        return self.writing_since is not None and time.monotonic() - self.writing_since > SEND_TIMEOUT_S

    def put(self, frame: Frame) -> None:
        """Add a frame; `kick` begins to write."""
        if self._closed:
            return
        self._frames.append(frame)
        self.bytes += frame.size
        if self.bytes > self._limit and len(self._frames) > 1 and self._task is not None:
            self._reduce()

    def put_text(self, text: str) -> None:
        """Add one object that is no event and begin to write."""
        self.put(Frame(text))
        self.kick()

    def kick(self) -> None:
        """Write what waits, unless a write is under way."""
        while self._frames and self._task is None and not self._closed:
            frame = self._next()
            if self._write is not None and self._write(frame.data):
                continue
            writing = self._send(frame.message)
            assert isinstance(writing, Coroutine)
            try:
                blocked = writing.send(None)
            except StopIteration:
                continue
            except Exception as error:
                self._fail(error)
                return
            # The client's buffer is full: a task takes over the half-done write and all that follows.
            self.writing_since = time.monotonic()
            self._task = asyncio.create_task(self._drain(writing, blocked), name="live outbox")

    async def drained(self, below: int) -> None:
        """Wait until fewer than `below` bytes wait; also ends when the outbox is closed."""
        while self.bytes >= below and not self._closed:
            self._room = self._room or asyncio.Event()
            self._room.clear()
            await self._room.wait()

    def close(self) -> None:
        """Drop what waits and stop writing. Closing twice is fine."""
        self._closed = True
        self._frames.clear()
        self.bytes = 0
        self.writing_since = None
        if self._task is not None:
            self._task.cancel()
        if self._room is not None:
            self._room.set()

    async def _drain(self, writing: Coroutine[Any, Any, None], blocked: Any) -> None:
        try:
            await _go_on(writing, blocked)
            while self._frames and not self._closed:
                self.writing_since = time.monotonic()
                await self._send(self._next().message)
                if self._room is not None:
                    self._room.set()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._fail(error)
        finally:
            self.writing_since = None
            self._task = None
            if self._room is not None:
                self._room.set()

    def _next(self) -> Frame:
        frame = self._frames.popleft()
        self.bytes -= frame.size
        if not self._frames or frame.size + self._frames[0].size > JOIN_BYTES:
            return frame
        texts, size = [frame.text], frame.size
        while self._frames and size + self._frames[0].size <= JOIN_BYTES:
            frame = self._frames.popleft()
            self.bytes -= frame.size
            texts.append(frame.text)
            size += frame.size
        return Frame("\n".join(texts))

    def _fail(self, error: BaseException) -> None:
        self._closed = True
        self._frames.clear()
        self.bytes = 0
        self._broken(error)

    def _reduce(self) -> None:
        self._rebuild(conflate)
        if self.bytes > self._limit * EASED:
            self._drop_logs(int(self.bytes - self._limit * EASED))
        if self.bytes > self._limit * HOPELESS:
            self._overflow()

    def _rebuild(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        """Make one frame of each shape's waiting events, at the place of its last one, so that positions never go back."""
        waiting: dict[Shape, list[Entry]] = {}
        for frame in self._frames:
            if frame.shape is not None and frame.entries is not None:
                waiting.setdefault(frame.shape, []).extend(frame.entries)
        frames: deque[Frame] = deque()
        for frame in reversed(self._frames):
            if frame.shape is None:
                frames.appendleft(frame)
            elif frame.shape in waiting and (entries := change(waiting.pop(frame.shape))):
                frames.appendleft(Frame.of(frame.shape, entries))
                for entry in entries:
                    entry.forget_tail()
        self._frames = frames
        self.bytes = sum(frame.size for frame in frames)

    def _drop_logs(self, excess: int) -> None:
        """Drop the oldest log lines worth `excess` bytes and say which."""
        frames: deque[Frame] = deque()
        for frame in self._frames:
            if excess > 0 and frame.shape is not None and frame.entries is not None:
                kept: list[Entry] = []
                dropped: list[Entry] = []
                for entry in frame.entries:
                    (dropped if excess > 0 and entry.is_log else kept).append(entry)
                    excess -= len(entry.line) if entry.is_log and excess > 0 else 0
                self.dropped_lines += len(dropped)
                frames.extend(Frame(text) for text in gaps(frame.shape, dropped))
                if kept:
                    frames.append(Frame.of(frame.shape, kept))
            else:
                frames.append(frame)
        self._frames = frames
        self.bytes = sum(frame.size for frame in frames)


def gaps(shape: Shape, dropped: list[Entry], reason: str = "slow_consumer") -> list[str]:
    """Return a `gap` for each attempt that lost lines."""
    ranges: dict[tuple[str, int], tuple[int, int]] = {}
    for entry in dropped:
        number, key = entry.line_number, (entry.job or "", entry.attempt)
        first, last = ranges.get(key, (number, number))
        ranges[key] = (min(first, number), max(last, number))
    return [
        encode_server(
            ServerFrame(
                s=shape.sub,
                gap=GapInfo(job=job, attempt=attempt, from_line=first, to_line=last, reason=reason),
            )
        )
        for (job, attempt), (first, last) in ranges.items()
    ]


@types.coroutine
def _go_on(writing: Coroutine[Any, Any, None], blocked: Any) -> Generator[Any, Any, None]:
    """Await the rest of a coroutine that was begun by hand and has yielded `blocked`."""
    try:
        while True:
            try:
                value = yield blocked
            except BaseException as error:
                blocked = writing.throw(error)
            else:
                blocked = writing.send(value)
    except StopIteration:
        return
