"""Memory of 5,000 idle websocket clients of one gateway, each signed in and subscribed to a filter nothing matches."""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import Figure
from benchmarks.servers import folder, pss_bytes
from tests.scenarios.system import ROOT, System

CLIENTS = 5000
AT_ONCE = 50


async def _measure(system: System) -> float:
    token = (system.folder / "data/cli-token").read_text().strip()
    url, pid = system.gateway.replace("http", "ws") + "/ws", system.pids("gateway")[0]
    sockets: list[ClientConnection] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            socket = await connect(
                url, subprotocols=["taskcast.v1"], additional_headers={"Authorization": f"Bearer {token}"}, compression=None,
                max_queue=1, open_timeout=60,
            )  # fmt: skip
            await socket.send(
                '{"id":1,"hello":{}}\n{"id":2,"sub":{"topic":"jobs","filter":{"queue":["none"]},"snapshot":false}}'
            )
            answers = ""
            while '"id":2' not in answers:
                answers += str(await socket.recv())
            sockets.append(socket)

    await asyncio.gather(*(one(number) for number in range(100)))  # what the first clients cost once
    before, counted = pss_bytes(pid), len(sockets)
    await asyncio.gather(*(one(number) for number in range(CLIENTS - counted)))
    after = pss_bytes(pid)
    for socket in sockets:
        with suppress(Exception):
            await asyncio.wait_for(socket.close(), 5)
    return (after - before) / (CLIENTS - counted) / 1024


def run() -> list[Figure]:
    """Measure once; memory does not vary from run to run as time does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    with folder() as path:
        system = System(path, procfile=ROOT / "benchmarks/Procfile").start()
        try:
            kib = asyncio.run(_measure(system))
        finally:
            system.stop()
    return [Figure(name=f"{CLIENTS} idle websocket clients, memory each", value=float(f"{kib:.3g}"), unit="KiB", target="<= 45", against="websockets 14 KB, Centrifugo 27 KB")]  # fmt: skip
