"""A queue server with one worker on it, a recorder to watch both, and servers of a test's own that may be killed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from core.embedded.process import EmbeddedServer, start, wait_ready
from core.recorder.recorder import Recorder
from core.secrets import MessageCipher
from core.storage.connection import connection
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End, NewJob
from taskcast.ids import new_id

CIPHER = MessageCipher("a secret for the tests, of some length")
INFO = msgspec.json.encode({"worker": "w1", "host": "here", "pid": 7, "slots": 10})


class Floor:
    """An engine with one worker, and the jobs they make."""

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self.engine, self.redis_url, self.number = engine, redis_url, 0

    def recorder(self, **options: Any) -> Recorder:
        options = {"cipher": CIPHER, "gap_s": 0.02} | options
        return Recorder(engine=self.engine, redis_url=self.redis_url, **options)

    async def enqueue(self, count: int = 1, **options: Any) -> list[str]:
        jobs = [
            NewJob(**({"id": new_id(), "task": "TASK", "message": b'{"n":1}', "data": {"n": 1}} | options))
            for _ in range(count)
        ]
        await self.engine.enqueue(jobs, deadline_s=30)
        return [job.id for job in jobs]

    async def take(self, want: int, *, lease_ms: int = 60_000) -> list[tuple[str, int]]:
        await self.engine.register("w1", lease_ms=lease_ms, info=INFO)
        self.number += 1
        take = await self.engine.take(
            "w1", want, number=self.number, known=self.number - 1, started=INFO, deadline_s=30
        )
        return [(job.job, job.attempt) for job in take.jobs]

    async def finish(self, held: list[tuple[str, int]], state: Any = "completed", data: bytes = b"") -> None:
        data = data or b'{"duration_ms":5,"result":{"ok":true}}'
        await self.engine.finish(
            "w1", [End(job=job, attempt=n, state=state, data=data) for job, n in held], deadline_s=30
        )

    async def run(self, count: int) -> list[str]:
        """Let some jobs be enqueued, taken and completed."""
        jobs = await self.enqueue(count)
        await self.finish(await self.take(count))
        return jobs

    async def seq(self) -> int:
        return int(await self.engine.redis.get(self.engine.names.seq) or 0)


async def statuses() -> dict[str, int]:
    async with connection() as lent:
        return {
            row["status"]: row["n"]
            for row in await lent.fetch("SELECT status, count(*)::int AS n FROM jobs GROUP BY status")
        }


class Own:
    """A server of the test's own."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> None:
        self.server.prepare()
        self.process = start(self.server)
        wait_ready(self.server, self.process)

    def stop(self, sig: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(sig)
            self.process.wait(20)
            self.process = None


@asynccontextmanager
async def floor_on(url: str, prefix: str) -> AsyncIterator[Floor]:
    async with Engine.connect(url, prefix) as engine:
        yield Floor(engine, url)
