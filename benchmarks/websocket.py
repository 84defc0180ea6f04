"""From a worker to 100 websocket clients at 1,000 events/s: latency, and deliveries per CPU second of one gateway.

The clients live in a process of their own. Beside it, in the same run: a bare `websockets` server that sends the same
events with `broadcast()`, a frame an event, to as many clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import Figure, median, percentile
from benchmarks.servers import cpu_seconds, folder
from benchmarks.ticking import HZ
from taskcast.client import Client
from tests.ports import free_port
from tests.scenarios.system import ROOT, System
from tests.waiting import eventually

CLIENTS = 100
JOBS = 100
SECONDS = 12.0
RUNS = 3
STAMP = re.compile(r"t=(\d{13})")

BARE = """
import asyncio, sys, time
from websockets.asyncio.server import broadcast, serve
event = ('{"s":"s1","ev":{"type":"job.progressed","seq":1760000000223456,"at":1760000000223,"job":"0198c0de-0000-7000-8000-000000000000",'
         '"task":"tick","queue":"bench","user":null,"attempt":1,"data":{"percentage":40.0,"current_step":"Ticking","message":"t=%d"}},"pos":"1760000000223456"}')
async def main(port):
    async def handler(socket): await socket.wait_closed()
    async with serve(handler, "127.0.0.1", port, compression=None) as server:
        n, began = 0, time.monotonic()
        while True:
            broadcast(server.connections, event % (time.time() * 1000))
            n += 1
            await asyncio.sleep(max(0, began + n / 1000 - time.monotonic()))
asyncio.run(main(int(sys.argv[1])))
"""


class Crowd:
    """Many clients that count events and note how old each seventh frame's first stamp is."""

    def __init__(self) -> None:
        self.events = 0
        self.ages: list[float] = []
        self._sockets: list[ClientConnection] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, url: str, token: str, subscription: Callable[[int], dict[str, object] | None]) -> None:
        """Connect everybody; `subscription` gives each client's filter."""
        for number in range(CLIENTS):
            socket = await connect(
                url, subprotocols=["taskcast.v1"], additional_headers={"Authorization": f"Bearer {token}"}, compression=None
            )  # fmt: skip
            await socket.send('{"id":1,"hello":{}}')
            await socket.recv()
            asked = {"id": 2, "sub": {"topic": "jobs", "filter": subscription(number), "snapshot": False}}
            await socket.send(json.dumps(asked))
            self._sockets.append(socket)
            self._tasks.append(asyncio.create_task(self._read(socket, number)))

    async def join_bare(self, url: str) -> None:
        """Connect everybody to the bare server."""
        for number in range(CLIENTS):
            socket = await connect(url, compression=None)
            self._sockets.append(socket)
            self._tasks.append(asyncio.create_task(self._read(socket, number)))

    async def leave(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in self._sockets:
            with suppress(Exception):
                await socket.close()

    async def _read(self, socket: ClientConnection, number: int) -> None:
        frames = number
        async for text in socket:
            assert isinstance(text, str)
            self.events += text.count('"ev":')
            frames += 1
            if frames % 7 == 0 and (stamp := STAMP.search(text)):
                self.ages.append(time.time() * 1000 - int(stamp[1]))
            if text.startswith('{"ping":'):
                await socket.send(f'{{"pong":{json.loads(text.split(chr(10))[0])["ping"]}}}')


async def _watch(crowd: Crowd, pid: int) -> float:
    """Return deliveries per CPU second of a process over the measured time."""
    await asyncio.sleep(1)
    crowd.ages.clear()
    events, cpu = crowd.events, cpu_seconds(pid)
    await asyncio.sleep(SECONDS)
    return (crowd.events - events) / (cpu_seconds(pid) - cpu)


async def _gateway(system: System, subscription: Callable[[int], dict[str, object] | None]) -> tuple[float, Crowd]:
    token = (system.folder / "data/cli-token").read_text().strip()
    async with Client(system.gateway, token=token) as client:
        jobs = [(await client.enqueue("tick", {"seconds": SECONDS + 8}))["id"] for _ in range(JOBS)]
        crowd = Crowd()
        await crowd.join(system.gateway.replace("http", "ws") + "/ws", token, subscription)

        async def running() -> bool:
            return (await client.queue("bench"))["running"] == JOBS

        await eventually(running, timeout=30, every=0.2)
        rate = await _watch(crowd, system.pids("gateway")[0])
        await crowd.leave()
        for job in jobs:
            await client.cancel(job)

        async def over() -> bool:
            return (await client.queue("bench"))["running"] == 0

        await eventually(over, timeout=30, every=0.2)
    return rate, crowd


async def _bare() -> float:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", BARE, str(port)], env=dict(os.environ))
    try:
        crowd = Crowd()

        async def up() -> bool:
            try:
                await crowd.join_bare(f"ws://127.0.0.1:{port}")
            except OSError:
                return False
            return True

        await eventually(up, timeout=10)
        rate = await _watch(crowd, server.pid)
        await crowd.leave()
        return rate
    finally:
        server.kill()
        server.wait()


def run() -> list[Figure]:
    """Measure one filter, a hundred filters and the bare server, several times."""
    one, many, bare = [], [], []
    ages: list[float] = []
    with folder() as path:
        system = System(path, procfile=ROOT / "benchmarks/Procfile").start()
        try:
            for _ in range(RUNS):
                rate, crowd = asyncio.run(_gateway(system, lambda _: {"queue": ["bench"]}))
                one.append(rate)
                ages += crowd.ages
                rate, _ = asyncio.run(_gateway(system, lambda n: {"type": ["tick", f"other_{n}"]}))
                many.append(rate)
                bare.append(asyncio.run(_bare()))
        finally:
            system.stop()
    rate = JOBS * HZ
    against = f"websockets.broadcast(), a frame an event: {median(bare):.0f}"
    return [
        Figure(name=f"worker to websocket client, {rate} events/s, {CLIENTS} clients, p50", value=percentile(ages, 0.5), unit="ms", target="<= 30"),
        Figure(name=f"worker to websocket client, {rate} events/s, {CLIENTS} clients, p99", value=percentile(ages, 0.99), unit="ms", target="<= 100"),
        Figure(name="deliveries per CPU second of one gateway, one filter", value=median(one), unit="events", target="ratio >= 4", against=against, ratio=median(one) / median(bare)),
        Figure(name="deliveries per CPU second of one gateway, 100 filters", value=median(many), unit="events", target="reported", against=against, ratio=median(many) / median(bare)),
    ]  # fmt: skip
