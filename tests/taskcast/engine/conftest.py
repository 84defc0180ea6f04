"""An engine per test, and short words for what every test of it does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from core.embedded.process import start, wait_ready
from core.embedded.valkey import EmbeddedValkey
from taskcast import events
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End, NewJob, Take
from taskcast.names import Names

LEASE_MS = 60_000


def new_job(job: str, **fields: Any) -> NewJob:
    return NewJob(**({"id": job, "task": "work", "message": b'{"args":[]}', "data": {"name": job}} | fields))


def end(job: str, attempt: int = 1, state: str = "completed", **fields: Any) -> End:
    data: dict[str, Any] = {"duration_ms": 5}
    if state == "completed":
        data["result"] = 42
    elif state in {"failed", "retrying"}:
        data["error"] = {"type": "ValueError", "message": "no"}
        data["final_reason"] = "error"
    return End(job=job, attempt=attempt, state=state, data=json.dumps(data).encode(), **fields)  # type: ignore[arg-type]


class Bench:
    """One engine, and the workers a test needs; counts the takes of each as a worker would."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.redis = engine.redis
        self.names = engine.names
        self.numbers: dict[str, int] = {}

    async def worker(self, name: str = "w1") -> str:
        info = json.dumps({"worker": name, "host": "here", "pid": 7}).encode()
        await self.engine.register(name, lease_ms=LEASE_MS, info=info)
        return name

    async def take(self, worker: str = "w1", want: int = 100, **options: Any) -> Take:
        if worker not in self.numbers:
            await self.worker(worker)
        number = self.numbers[worker] = options.pop("number", self.numbers.get(worker, 0) + 1)
        started = json.dumps({"worker": worker, "host": "here", "pid": 7}).encode()
        return await self.engine.take(worker, want, number=number, known=options.pop("known", number - 1), started=started, **options)  # fmt: skip

    async def taken(self, worker: str = "w1", want: int = 100, **options: Any) -> list[tuple[str, int]]:
        return [(job.job, job.attempt) for job in (await self.take(worker, want, **options)).jobs]

    async def die(self, worker: str) -> None:
        """End a worker's lease, and the wait of reclaim after the server's start."""
        await self.redis.delete(self.names.lease(worker))
        await self.ripen()

    async def ripen(self) -> None:
        await self.engine.reclaim(lease_ms=10**15)
        await self.redis.hset(self.names.run, "since", 0)

    async def reclaim(self, limit: int = 200) -> int:
        return await self.engine.reclaim(lease_ms=LEASE_MS, limit=limit)

    async def due(self, job: str) -> None:
        """Let the time of a delayed job come."""
        await self.redis.zadd(self.names.delayed, {job: 0}, xx=True)

    async def events(self, job: str | None = None) -> list[events.Event]:
        found: list[events.Event] = []
        for _, fields in await self.redis.xrange(self.names.events):
            found += [events.decode(line) for line in fields[b"e"].split(b"\n")]
        return [event for event in found if job is None or event.job == job]

    async def story(self, job: str) -> list[str]:
        """A job's events as `queued/0 started/1 ...`, without the `job.`."""
        return [f"{event.__struct_config__.tag[4:]}/{event.attempt}" for event in await self.events(job)]

    async def lane(self, queue: str = "default", priority: int = 2) -> list[str]:
        return [job.decode() for job in await self.redis.lrange(self.names.lane(queue, priority), 0, -1)]


@pytest.fixture
async def bench(redis_url: str, names: Names, redis: Any) -> AsyncIterator[Bench]:
    async with Engine.connect(redis_url, names.prefix) as engine:
        yield Bench(engine)


class PrivateServer:
    """A Valkey of one test, to be filled, stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.valkey = EmbeddedValkey(folder)
        self.process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.valkey.url

    def start(self) -> None:
        self.valkey.prepare()
        self.process = start(self.valkey)
        wait_ready(self.valkey, self.process)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def private_server(tmp_path: Path) -> Iterator[PrivateServer]:
    server = PrivateServer(tmp_path)
    server.start()
    yield server
    server.kill()
    server.valkey.remove()


@pytest.fixture
async def private(private_server: PrivateServer) -> AsyncIterator[Bench]:
    """As `bench`, on a server of its own."""
    async with Engine.connect(private_server.url, "alone") as engine:
        yield Bench(engine)
