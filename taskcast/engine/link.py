"""One connection on which calls follow each other without waiting for the answers of those before.

redis-py opens it (address, password, TLS, Sentinel); writing and reading is done here, because taking a connection from
a pool, its locks, streams and timers cost a lone call as much time as the server needs for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hiredis import Reader, pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

_NOTHING = object()


class Link:
    """A connection that opens at its first call, and again at the first after it was lost.

    Args:
        pool: a redis-py connection pool; the connection is taken from it and stays out of it until `aclose`.
        silence_s: seconds without an answer after which the server is taken for hung and the connection is dropped.
    """

    def __init__(self, pool: Any, silence_s: float) -> None:
        self._pool, self._silence_s = pool, silence_s
        self._connection: Any = None
        self._talk: _Talk | None = None
        self._opening = asyncio.Lock()

    async def call(self, command: Sequence[Any], until: float) -> Any:
        """Send a command and return its reply; `until` is a time of the running loop.

        Raises:
            RedisError, OSError: as redis-py; its `TimeoutError` for no answer until then. The server may have done its
                work all the same.
        """
        packed = pack_command(tuple(command))
        talk = self._talk
        if talk is None or talk.over:
            talk = await self._open(until)
        return await talk.ask(packed, until)

    async def aclose(self) -> None:
        """Close the connection; calls without an answer fail."""
        connection, self._connection, self._talk = self._connection, None, None
        if connection is not None:
            with suppress(RedisError, OSError):
                await connection.disconnect()
            await self._pool.release(connection)

    async def _open(self, until: float) -> _Talk:
        try:
            async with asyncio.timeout_at(until), self._opening:
                if self._talk is not None and not self._talk.over:  # somebody else has opened it meanwhile
                    return self._talk
                if self._connection is None:
                    self._connection = await self._pool.get_connection()
                else:
                    await self._connection.disconnect(nowait=True)
                    await self._connection.connect()
                self._talk = _Talk(self._connection, self._silence_s)
                if self._talk.over:
                    raise RedisConnectionError("the connection was lost as soon as it was open")
                return self._talk
        except TimeoutError:
            raise RedisTimeoutError("the connection was not opened in time") from None


class _Talk(asyncio.Protocol):
    """Calls and replies of one open connection of redis-py's, until it is lost."""

    def __init__(self, connection: Any, silence_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence_s = silence_s
        self._reader = Reader(
            protocolError=InvalidResponse, replyError=connection._parser.parse_error, notEnoughData=_NOTHING
        )
        self._calls: deque[tuple[asyncio.Future[Any], float, float]] = deque()  # with when it is late, and when silent
        self._unsent: list[bytes] = []
        self._watch: asyncio.Handle | None = None  # uvloop makes no timer of a time that is over
        self._watch_at = 0.0
        self._transport: asyncio.Transport = connection._writer.transport
        self._refusal = getattr(connection, "refusal", None)  # of a connection that follows its server
        self.over = self._transport.is_closing()
        self._streams = self._transport.get_protocol()
        self._transport.set_protocol(self)

    def ask(self, packed: bytes, until: float) -> asyncio.Future[Any]:
        """Send a packed command; the reply becomes the future's result."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if not self._calls:
            self._transport.write(packed)
        else:  # together with what else comes in this turn of the loop
            if not self._unsent:
                self._loop.call_soon(self._flush)
            self._unsent.append(packed)
        silent_at = self._loop.time() + self._silence_s
        self._calls.append((answer, until, silent_at))
        self._look_by(min(until, silent_at))
        return answer

    def data_received(self, data: bytes) -> None:
        """Give the replies to those who wait for them, in order."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                if self._refusal is not None and (refused := self._refusal(reply)) is not None:
                    self._end(refused)  # all who wait ask the next server
                    return
                answer, _, _ = self._calls.popleft()
                if answer.done():  # given up, or its caller was cancelled
                    continue
                if isinstance(reply, Exception):
                    answer.set_exception(reply)
                else:
                    answer.set_result(reply)
        except (RedisError, IndexError) as error:
            self._end(RedisConnectionError(f"the server's reply was not understood: {error!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the calls that wait; their callers repeat them."""
        if isinstance(self._streams, asyncio.Protocol):
            self._streams.connection_lost(exc)  # redis-py's `disconnect` waits for it
        self._end(RedisConnectionError(f"the connection was lost: {exc or 'closed by the server'}"))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.over:
            self._transport.write(b"".join(unsent))

    def _end(self, error: Exception) -> None:
        self.over = True
        self._transport.abort()
        if self._watch is not None:
            self._watch.cancel()
        while self._calls:
            answer, _, _ = self._calls.popleft()
            if not answer.done():
                answer.set_exception(error)

    def _look_by(self, when: float) -> None:
        """Look after the time at `when`, or earlier; a look at intervals spares each call a timer of its own."""
        if self._watch is None or when < self._watch_at:
            if self._watch is not None:
                self._watch.cancel()
            self._watch, self._watch_at = self._loop.call_at(when, self._look), when

    def _look(self) -> None:
        """Fail the calls whose time is over; drop the connection of a server that says nothing."""
        self._watch = None
        now = self._loop.time()
        if self._calls and self._calls[0][2] <= now:
            self._end(RedisTimeoutError(f"no answer within {self._silence_s:g} s"))
            return
        for answer, until, silent_at in self._calls:
            if until <= now and not answer.done():
                answer.set_exception(RedisTimeoutError("no answer in time"))
            self._look_by(silent_at if answer.done() else min(until, silent_at))
