"""One topic as a stream of typed messages; it outlives lost connections."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from taskcast import events
from taskcast.client.messages import (
    ConnectionState,
    EventMessage,
    Gap,
    Mark,
    Message,
    Snapshot,
    StateChange,
)
from taskcast.errors import GatewayError
from taskcast.protocol import STATE_TOPICS, Filter, ServerFrame, Snap, Subscribe

if TYPE_CHECKING:
    from taskcast.client.live import Live

MAX_BATCHES = 256
"""Frames that wait for their reader; then the socket is read no further and the gateway notices a slow client."""


class Subscription:
    """Iterate over it for messages, or over `batches()` for all that came in one frame."""

    def __init__(self, live: Live, request: Subscribe) -> None:
        self.topic = request.topic
        self.name: str | None = None
        self.pos: int | None = None
        self.resumed = False
        self._live = live
        self._request = request
        self._batches: asyncio.Queue[list[Message] | None] = asyncio.Queue(MAX_BATCHES)
        self._current: deque[Message] = deque()
        self._parts: list[Snap] = []
        self._error: GatewayError | None = None
        self._closed = False

    @property
    def is_state_topic(self) -> bool:
        """Tell whether the topic is a table of rows rather than events."""
        return self.topic in STATE_TOPICS

    def request(self) -> Subscribe:
        """Return what to ask for now: from where this reader stands, if the gateway still can."""
        pos = None if self.pos is None or self.is_state_topic else str(self.pos)
        return msgspec.structs.replace(self._request, pos=pos)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Message:
        while not self._current:
            self._current.extend(await self._next_batch())
        return self._current.popleft()

    async def batches(self) -> AsyncIterator[list[Message]]:
        """Yield the messages of each websocket frame together, for readers that draw once per frame."""
        while True:
            try:
                yield await self._next_batch()
            except StopAsyncIteration:
                return

    async def close(self) -> None:
        """Unsubscribe; the iteration ends. Closing twice is fine."""
        if not self._closed:
            await self._live.unsubscribe(self)

    async def _next_batch(self) -> list[Message]:
        if self._closed and self._batches.empty():
            if self._error is not None:
                raise self._error
            raise StopAsyncIteration
        batch = await self._batches.get()
        if batch is None:
            if self._error is not None:
                raise self._error
            raise StopAsyncIteration
        return batch

    # ------------------------------------------------------------------------------------- told by the connection

    def begin(self, name: str, resumed: bool, pos: str | None) -> None:
        """The gateway has accepted the subscription."""
        self.name, self.resumed = name, resumed
        self._parts.clear()
        if pos is not None and (not resumed or self.pos is None):
            self.pos = int(pos)

    def lost(self, *, rewritten: bool) -> None:
        """The connection is gone; after a rollback the position means nothing any more."""
        self.name = None
        self._parts.clear()
        if rewritten:
            self.pos = None

    def message(self, frame: ServerFrame) -> Message | None:
        """Return what a frame tells the reader, or None while a snapshot is not complete."""
        if frame.pos is not None and frame.snap is None:
            self.pos = int(frame.pos)
        if frame.ev is not msgspec.UNSET:
            try:
                return EventMessage(event=events.decode(bytes(frame.ev)), pos=self.pos or 0)
            except msgspec.DecodeError:
                return None  # an event that a newer gateway knows and this library does not
        if frame.snap is not None:
            return self._snapshot(frame)
        if frame.gap is not None:
            return Gap(**msgspec.structs.asdict(frame.gap))
        if frame.set is not None or frame.del_ is not None:
            return StateChange(set=frame.set or [], deleted=frame.del_ or [])
        return Mark(pos=self.pos or 0) if frame.mark is not None else None

    async def put(self, batch: list[Message]) -> None:
        """Hand messages to the reader, waiting while it is far behind."""
        if not self._closed:
            await self._batches.put(batch)

    def tell(self, state: ConnectionState) -> None:
        """Hand over a change of the connection; dropped if the reader is far behind, `Live.connection` has it."""
        if not self._closed and not self._batches.full():
            self._batches.put_nowait([state])

    def end(self, error: GatewayError | None = None) -> None:
        """Nothing more will come; the reader sees `error`, or the end of the iteration."""
        if self._closed:
            return
        self._closed, self._error = True, error
        if not self._batches.full():
            self._batches.put_nowait(None)

    def _snapshot(self, frame: ServerFrame) -> Message | None:
        assert frame.snap is not None
        self._parts.append(frame.snap)
        if not frame.snap.last:
            return None
        parts, self._parts = self._parts, []
        if frame.pos is not None:
            self.pos = int(frame.pos)
        return Snapshot(
            items=[row for part in parts for row in part.items or ()],
            job=next((part.job for part in parts if part.job is not None), None),
            logs=[line for part in parts for line in part.logs or ()],
            pos=self.pos,
        )


def make_filter(given: dict[str, Any] | Filter | None) -> Filter | None:
    """Return a filter from a dict; a single value stands for a list of one.

    Raises:
        ValueError: if it has another key than status, queue, type, user_id, priority, or a wrong value.
    """
    if given is None or isinstance(given, Filter):
        return given
    values = {key: [value] if isinstance(value, str | int) else _listed(value) for key, value in given.items()}
    try:
        return msgspec.convert(values, Filter)
    except msgspec.ValidationError as error:
        raise ValueError(f"filter: {error}") from None


def _listed(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, Iterable) else value
