"""What the small proxy of the chaos suite does to a connection, as both ends see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.scenarios.chaos.wire import Wire, Wires
from tests.waiting import eventually

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that says back what it hears."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while heard := await reader.read(100):
                writer.write(heard)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    async with echo() as port:
        with Wires({"wire": lambda: port}) as wires:
            yield wires


async def talk(wires: Wires) -> Ends:
    reader, writer = await asyncio.open_connection("127.0.0.1", wires.port("wire"))
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    return reader, writer


async def test_a_cut_resets_what_is_open_and_lets_new_connections_through(wires: Wires) -> None:
    reader, _ = await talk(wires)

    wires.do("wire", Wire.cut)

    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    _, writer = await talk(wires)
    writer.close()


async def test_a_wire_that_refuses_resets_new_connections_until_it_is_mended(wires: Wires) -> None:
    wires.do("wire", Wire.refuse)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await talk(wires)

    wires.do("wire", Wire.mend)

    _, writer = await talk(wires)
    writer.close()


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_stalled_wire_delivers_everything_once_it_is_mended(wires: Wires, direction: str) -> None:
    reader, writer = await talk(wires)
    wires.do("wire", lambda wire: wire.stall("up" if direction == "up" else "down"))
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(3), 0.2)

    wires.do("wire", Wire.mend)

    assert await reader.readexactly(3) == b"two"
    writer.close()


async def test_a_half_open_connection_swallows_all_and_says_nothing_until_it_is_mended(wires: Wires) -> None:
    reader, writer = await talk(wires)
    wires.do("wire", Wire.halve)
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(3), 0.2)
    _, other = await talk(wires)  # a new connection works
    other.close()

    wires.do("wire", Wire.mend)

    async def is_reset() -> bool:
        try:
            return await reader.read(3) == b""
        except ConnectionResetError:
            return True

    await eventually(is_reset)
    writer.close()
