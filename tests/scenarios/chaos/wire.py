"""A wire: a small TCP proxy between two processes that can be cut, stalled or left half open.

All wires of a run live in a thread of their own, so that they work while the test itself is busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Self

Direction = Literal["up", "down"]
Upstream = Callable[[], str | int]
"""Returns the path of a Unix socket, or a port of this host."""

PIECE = 64 * 1024


class _Link:
    """One connection: a client and its server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.task: asyncio.Task[None] | None = None
        self.dead = False

    def reset(self) -> None:
        for end in (self.client, self.server):
            if end is None:
                continue
            with contextlib.suppress(OSError):
                # Linger for no time: the other side sees a reset, not an end.
                raw = end.get_extra_info("socket")
                if raw is not None and raw.family != socket.AF_UNIX:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()


class Wire:
    """One proxy; all methods but `port` are called in the thread of its `Wires`."""

    def __init__(self, name: str, upstream: Upstream) -> None:
        self.name, self.port = name, 0
        self._upstream = upstream
        self._links: set[_Link] = set()
        self._refuses = False
        self._open = {"up": asyncio.Event(), "down": asyncio.Event()}
        for gate in self._open.values():
            gate.set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of this host."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=PIECE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.mend()
        tasks = [link.task for link in self._links if link.task]
        self.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset the connections there are; new ones work."""
        for link in list(self._links):
            link.reset()

    def refuse(self) -> None:
        """Reset all connections, also every new one, until mended."""
        self._refuses = True
        self.cut()

    def stall(self, direction: Direction) -> None:
        """Hold back what flows towards the server (`up`) or from it (`down`) until mended; nothing gets lost."""
        self._open[direction].clear()

    def halve(self) -> None:
        """Leave the connections half open until mended: the server's end is gone, the client is told nothing."""
        for link in self._links:
            link.dead = True
            if link.server is not None:
                link.server.transport.abort()

    def mend(self) -> None:
        """Let everything flow again; what was left half open is reset."""
        self._refuses = False
        for gate in self._open.values():
            gate.set()
        for link in list(self._links):
            if link.dead:
                link.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        link.task = asyncio.current_task()
        self._links.add(link)
        try:
            if self._refuses:
                return
            where = self._upstream()
            if isinstance(where, int):
                answers, server = await asyncio.open_connection("127.0.0.1", where, limit=PIECE)
            else:
                answers, server = await asyncio.open_unix_connection(where, limit=PIECE)
            link.server = server
            if self._refuses:
                return
            await asyncio.gather(
                self._pump(link, "up", reader, server),
                self._pump(link, "down", answers, writer),
            )
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has gone, and the other is told below; or the wire stops
        finally:
            link.reset()
            self._links.discard(link)

    async def _pump(
        self, link: _Link, direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        gate = self._open[direction]
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                await gate.wait()
                if not link.dead:
                    sink.write(piece)
                    await sink.drain()
        if link.dead:
            if direction == "down":
                await asyncio.Event().wait()  # the client is told nothing, until the wire is mended
            return
        with contextlib.suppress(OSError, RuntimeError):
            if sink.can_write_eof() and direction == "up":
                sink.write_eof()
                return
        link.reset()


class Wires:
    """The wires of a run, by name, and their thread."""

    def __init__(self, upstreams: dict[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._wires: dict[str, Wire] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def port(self, name: str) -> int:
        """Return the port of this host on which a wire listens."""
        return self._wires[name].port

    def do(self, name: str, what: Callable[[Wire], None]) -> None:
        """Do something to a wire, in its thread."""

        async def step() -> None:
            what(self._wires[name])

        self._run(step())

    def mend_all(self) -> None:
        """Let everything flow again."""
        for name in self._wires:
            self.do(name, Wire.mend)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _start(self) -> None:
        for name, upstream in self._upstreams.items():
            self._wires[name] = Wire(name, upstream)
            await self._wires[name].start()

    async def _stop(self) -> None:
        await asyncio.gather(*(wire.stop() for wire in self._wires.values()))
