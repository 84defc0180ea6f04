"""The feed of events, for whoever must not miss one: pub/sub and stream, holes refilled, rollbacks noticed.

Every batch names the seq before it. So a reader that knows its position sees a hole at once, reads it from the stream,
and tells what cannot be had any more: `Trimmed` (older than the stream) or `Rollback` (the server forgot what it told).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from typing import Any, Self
from uuid import uuid4

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from taskcast.engine.calls import connect
from taskcast.names import Names

logger = logging.getLogger(__name__)

ENTRIES_PER_READ = 50
"""Stream entries per read; one holds up to 200 jobs with their messages."""
WAITING_MOST = 500
"""Batches that may wait for the consumer; beyond that the feed stops reading and catches up from the stream."""
BACKOFF_MAX_S = 2.0


class Batch(msgspec.Struct, frozen=True):
    """Events in order: one line each, `prev` the seq before the first, `last` that of the last.

    `messages` maps a job's id to its message, from the stream only. Of a batch whose beginning is older than the
    reader's position only the rest is here.
    """

    prev: int
    last: int
    lines: list[bytes]
    messages: dict[str, bytes]
    from_stream: bool


class Rollback(msgspec.Struct, frozen=True):
    """The server forgot events that were told: what the reader knows may be ahead of it. `seq` is the server's last."""

    reason: str
    run_id: str
    seq: int


class Trimmed(msgspec.Struct, frozen=True):
    """Events are gone from the stream that the reader has not seen: all up to and including the seq `first`."""

    first: int


Item = Batch | Rollback | Trimmed


class Feed:
    """Reads events from `position` on, for ever; `async for item in feed` ends with `stop`.

    Args:
        redis_url: the queue server.
        names: the installation's keys.
        position: the seq after which to begin; 0 is the beginning, None the end as it is when the feed has connected.
        live: True reads the channel (lowest delay, no messages), False the stream (for the recorder).
        probe_s: how often a reader that hears nothing checks whether that is true; less than the socket's timeout, 5 s.
    """

    def __init__(
        self, redis_url: str, names: Names, *, position: int | None, live: bool = True, probe_s: float = 2.0
    ) -> None:
        self._url = redis_url
        self._names = names
        self._live = live
        self._probe_s = probe_s
        self._position = position
        self._items: asyncio.Queue[Item | None] = asyncio.Queue(WAITING_MOST)
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def position(self) -> int | None:
        """The seq up to which items were put out, None before the first connection."""
        return self._position

    @property
    def connected(self) -> bool:
        """Whether the feed hears the server now."""
        return self._connected.is_set()

    async def wait_connected(self) -> None:
        """Return when the feed hears the server; from then on it misses nothing."""
        await self._connected.wait()

    async def start(self) -> None:
        """Begin to read; a server that is away is waited for."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name="taskcast-feed")

    async def stop(self) -> None:
        """Stop reading and end the iteration."""
        self._stopped = True
        while self._task is not None and not self._task.done():
            self._task.cancel()  # again and again: on Python 3.11 a wait inside redis-py may swallow it
            await asyncio.wait({self._task}, timeout=0.5)
        self._task = None
        while self._items.full():
            self._items.get_nowait()
        self._items.put_nowait(None)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await self._items.get()
        if item is None or self._stopped:
            self._items.put_nowait(None)
            raise StopAsyncIteration
        return item

    def ready(self) -> list[Item]:
        """Return at once what is there already, so that a consumer can work in larger steps."""
        items: list[Item] = []
        while not self._items.empty():
            item = self._items.get_nowait()
            if item is None:
                self._items.put_nowait(None)
                break
            items.append(item)
        return items

    async def _loop(self) -> None:
        backoff = 0.05
        while not self._stopped:
            redis = connect(self._url, self._names)
            try:
                await (self._hear(redis) if self._live else self._follow(redis))
            except asyncio.CancelledError:
                raise
            except (RedisError, OSError) as error:
                if self._connected.is_set():
                    backoff = 0.05
                    logger.warning("the feed of events was cut, connecting again: %s", error)
            except Exception:
                logger.exception("the feed of events failed, beginning again from its position")
            finally:
                self._connected.clear()
                with contextlib.suppress(RedisError, OSError):
                    await redis.aclose()
            await asyncio.sleep(backoff * random.uniform(0.8, 1.2))
            backoff = min(BACKOFF_MAX_S, backoff * 2)

    async def _follow(self, redis: Redis) -> None:
        """Read the stream as it grows."""
        last = await _last_seq(redis, self._names)
        self._position = last if self._position is None else self._position
        self._connected.set()
        while not self._stopped:
            reply: Any = await redis.execute_command(  # type: ignore[no-untyped-call]
                "XREAD", "COUNT", ENTRIES_PER_READ, "BLOCK", int(self._probe_s * 1000), "STREAMS", self._names.events,
                f"{self._position}-0",
            )  # fmt: skip
            entries = _entries_of(reply)
            for entry in entries:
                await self._put_entry(redis, entry)
            if not entries:
                await self._check_end(redis)

    async def _hear(self, redis: Redis) -> None:
        """Read the channel, and the stream wherever the channel has a hole."""
        probe = self._names.probe(uuid4().hex)
        clock = asyncio.get_running_loop().time
        pubsub = redis.pubsub()
        try:
            await pubsub.subscribe(self._names.live, probe)
            probe_at, waiting_since = clock() + self._probe_s, None
            while not self._stopped:
                message = await pubsub.get_message(timeout=max(0.0, probe_at - clock()))
                if message is None:
                    if waiting_since is not None:
                        raise RedisTimeoutError("the channel is silent: a probe did not come back")
                elif message["type"] == "message" and message["channel"] == self._names.live.encode():
                    await self._put_message(redis, message["data"])
                elif message["type"] == "message":
                    waiting_since = None
                    await self._compare(redis, int(message["data"]))
                elif message["type"] == "subscribe" and message["channel"] == self._names.live.encode():
                    # Also after the first one: redis-py reconnects without a word, and what was told meanwhile is lost.
                    await self._begin(redis)
                if clock() >= probe_at:
                    if waiting_since is None:
                        await self._probe(redis, probe)
                        waiting_since = clock()
                    probe_at = clock() + self._probe_s
        finally:
            await _close(pubsub)

    async def _begin(self, redis: Redis) -> None:
        if self._position is None:
            self._position = await _last_seq(redis, self._names)
        else:
            await self._fill(redis)
        self._connected.set()

    async def _probe(self, redis: Redis, channel: str) -> None:
        """Tell ourselves the server's last seq: by the time we hear it, we have heard all events up to it."""
        await redis.publish(channel, str(await _last_seq(redis, self._names)))

    async def _compare(self, redis: Redis, told: int) -> None:
        if self._position is not None and told != self._position:
            # Higher: a message was lost, or nobody may publish. Lower: we were ahead of the probe, or of the server.
            await self._fill(redis)

    async def _put_message(self, redis: Redis, data: bytes) -> None:
        head, _, text = data.partition(b"\n")
        before, _, after = head.partition(b" ")
        prev, last = int(before), int(after)
        position = self._position
        if position is None or last <= position:
            return
        if prev != position:
            await self._fill(redis)
            if self._position is not None and last <= self._position:
                return
        await self._put(Batch(prev, last, text.split(b"\n"), {}, from_stream=False))

    async def _fill(self, redis: Redis) -> None:
        """Put out what the stream has after our position."""
        while True:
            reply: Any = await redis.execute_command(  # type: ignore[no-untyped-call]
                "XRANGE", self._names.events, f"({self._position}-0", "+", "COUNT", ENTRIES_PER_READ
            )
            for entry in reply:
                await self._put_entry(redis, entry)
            if len(reply) < ENTRIES_PER_READ:
                break
        if not reply:
            await self._check_end(redis)

    async def _put_entry(self, redis: Redis, entry: Any) -> None:
        batch = _batch(entry)
        position = self._position or 0
        if batch.last <= position:
            return
        if batch.prev > position:
            await self._items.put(Trimmed(batch.prev))
        elif batch.prev < position:
            first = batch.last - len(batch.lines) + 1
            if first > position:
                # This batch was written by a server whose last seq was older than what it had told us.
                await self._items.put(Rollback("forgotten events", await _run_id(redis), batch.last))
            else:
                batch = _after(batch, position)
        await self._put(batch)

    async def _check_end(self, redis: Redis) -> None:
        """Compare our position with a stream that has nothing after it."""
        seq, position = await _last_seq(redis, self._names), self._position or 0
        if seq < position:
            self._position = seq
            await self._items.put(Rollback("the server is behind", await _run_id(redis), seq))
        elif seq > position and not await redis.xrange(self._names.events, min=f"({position}-0", count=1):
            self._position = seq
            await self._items.put(Trimmed(seq))

    async def _put(self, batch: Batch) -> None:
        await self._items.put(batch)
        self._position = batch.last


async def read(redis: Redis, names: Names, after: int, limit: int = ENTRIES_PER_READ) -> list[Batch]:
    """Return up to `limit` batches with events after a seq, oldest first; of the first only the lines after it.

    A `prev` greater than `after` in the first batch is a hole: the stream does not reach back so far. An empty list
    means that there is nothing after it, or that the stream is empty.

    Raises:
        redis.exceptions.RedisError, OSError: the server did not answer.
    """
    entries: Any = await redis.xrange(names.events, min=f"({after}-0", count=limit)
    batches = [_batch(entry) for entry in entries]
    if batches and batches[0].prev < after:
        batches[0] = _after(batches[0], after)
    return batches


async def _last_seq(redis: Redis, names: Names) -> int:
    return int(await redis.get(names.seq) or 0)


async def _run_id(redis: Redis) -> str:
    info: dict[str, Any] = await redis.info("server")
    return str(info.get("run_id", ""))


def _entries_of(reply: Any) -> list[Any]:
    """Return the entries of an XREAD of one stream, by RESP2 or RESP3."""
    if not reply:
        return []
    entries = next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1]
    return list(entries[0] if isinstance(reply, dict) and entries and isinstance(entries[0], list) else entries)


def _batch(entry: Any) -> Batch:
    entry_id, raw = entry
    fields: dict[bytes, bytes] = raw if isinstance(raw, dict) else {raw[i]: raw[i + 1] for i in range(0, len(raw), 2)}
    messages = {name[2:].decode(): value for name, value in fields.items() if name.startswith(b"m:")}
    last = int(entry_id.partition(b"-")[0])
    return Batch(int(fields[b"p"]), last, fields[b"e"].split(b"\n"), messages, from_stream=True)


def _after(batch: Batch, seq: int) -> Batch:
    """Return the rest of a batch after a seq; within a batch seqs have no holes."""
    skip = max(0, len(batch.lines) - (batch.last - seq))
    return msgspec.structs.replace(batch, lines=batch.lines[skip:], prev=seq)


async def _close(pubsub: PubSub) -> None:
    with contextlib.suppress(RedisError, OSError):
        await pubsub.aclose()  # type: ignore[no-untyped-call]
