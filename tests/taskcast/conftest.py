"""A broker per test, workers of it in this process, and a queue server that a test may stop."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from core.embedded.process import start, wait_ready
from core.embedded.valkey import EmbeddedValkey
from taskcast import JobBroker, JobReceiver, events
from tests.waiting import eventually


class Workshop:
    """One broker and what a test asks of its jobs."""

    def __init__(self, broker: JobBroker) -> None:
        self.broker = broker

    @asynccontextmanager
    async def working(self, slots: int = 10, **options: Any) -> AsyncIterator[JobReceiver]:
        """Run a worker until the block ends."""
        receiver = JobReceiver(self.broker, max_async_tasks=slots, run_startup=False, **options)
        finish = asyncio.Event()
        task = asyncio.create_task(receiver.listen(finish))
        try:
            yield receiver
        finally:
            finish.set()
            await asyncio.wait_for(task, 30)

    async def events(self, job: str | None = None, kind: str = "") -> list[Any]:
        found = []
        for _, fields in await self.broker.engine.redis.xrange(self.broker.names.events):
            found += [events.decode(line) for line in fields[b"e"].split(b"\n")]
        return [
            event
            for event in found
            if (job is None or event.job == job) and event.__struct_config__.tag.startswith(kind)  # type: ignore[union-attr]
        ]

    async def moves(self, job: str) -> list[str]:
        return [event.state for event in await self.events(job) if event.state]

    async def state(self, job: str) -> str | None:
        live = await self.broker.engine.job(job)
        if live is None:
            return None
        return live.state or (live.tombstone.state if live.tombstone else None)

    async def until(self, job: str, *states: str, timeout: float = 30.0) -> str:
        async def reached() -> str | None:
            state = await self.state(job)
            return state if state in states else None

        return await eventually(reached, timeout)

    async def ended(self, job: str, timeout: float = 30.0) -> Any:
        """Return the last event of a job that has ended."""
        await self.until(job, "completed", "failed", "cancelled", timeout=timeout)
        return [event for event in await self.events(job) if event.state][-1]


@pytest.fixture
async def shop(redis_url: str, prefix: str, redis: Redis) -> AsyncIterator[Workshop]:
    broker = JobBroker(redis_url, prefix=prefix, lease_s=3)
    yield Workshop(broker)
    await broker.shutdown()


@pytest.fixture
def broker(shop: Workshop) -> JobBroker:
    return shop.broker


class OwnServer:
    """A Valkey of this test alone, which may hang, stop and start again."""

    def __init__(self, folder: Path) -> None:
        self.valkey = EmbeddedValkey(folder)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.valkey.url

    def start(self) -> None:
        self.valkey.prepare()
        self.process = start(self.valkey)
        wait_ready(self.valkey, self.process)

    def send(self, what: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(what)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    with tempfile.TemporaryDirectory(prefix="tc-own-") as folder:
        server = OwnServer(Path(folder))
        server.start()
        yield server
        server.stop()
        server.valkey.remove()


@pytest.fixture
async def own_shop(own_server: OwnServer) -> AsyncIterator[Workshop]:
    broker = JobBroker(own_server.url, prefix=f"t{uuid.uuid4().hex[:8]}", lease_s=3)
    yield Workshop(broker)
    await broker.shutdown()
