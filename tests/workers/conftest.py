"""What the tests of the finance system share: a file store, uploads, and a job that keeps what it is told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.storage.connection import connection, transaction
from core.storage.files import FileStore, StoredFile, save_upload
from taskcast import JobCancelled, JobContext
from tests.stopwatch import Stopwatch
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
Upload = Callable[..., Awaitable[StoredFile]]


class ToldJob(JobContext):
    """A job of no worker that keeps its progress and log lines, and does something at each checkpoint or move."""

    __slots__ = ("at_checkpoint", "at_move", "checkpoints", "lines", "moves")

    def __init__(self, job_id: str = "") -> None:
        super().__init__()
        self.id = job_id
        self.moves: list[tuple[float | None, str | None]] = []
        self.lines: list[tuple[str, str]] = []
        self.checkpoints = 0
        self.at_checkpoint: Callable[[ToldJob], None] = lambda job: None
        self.at_move: Callable[[str | None], None] = lambda step: None

    def progress(self, percentage: float | None = None, *, step: str | None = None, **rest: Any) -> None:
        self.moves.append((percentage, step))
        self.at_move(step)

    def log(self, message: object, level: str = "INFO", **context: Any) -> None:
        self.lines.append((level, str(message)))

    def raise_if_stopped(self) -> None:
        self.checkpoints += 1
        self.at_checkpoint(self)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore((tmp_path / "files").as_uri())


@pytest.fixture
def upload(store: FileStore, database: str) -> Upload:
    async def upload(data: bytes | str, name: str = "statement.csv", **options: Any) -> StoredFile:
        contents = data if isinstance(data, bytes) else data.encode()
        return await save_upload(store, contents, name=name, **options)

    return upload


@pytest.fixture
def killed(database_url: str, tmp_path: Path) -> Callable[..., Awaitable[None]]:
    """Run a job in processes that are killed, each at one of its checkpoints; it fails if one of them ends before.

    The checkpoints count from 1; at 0 the process is killed when the job has done all it does and nobody has heard of it.
    """

    async def killed(task: str, *, at: Sequence[int], job_id: str = "a-job", **arguments: Any) -> None:
        environment = os.environ | {
            "TASKCAST_DATABASE_URL": database_url,
            "TASKCAST_DATA_DIR": str(tmp_path),
            "PYTHONPATH": str(ROOT),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.workers.killed", task, job_id, json.dumps(list(at)), json.dumps(arguments)),
            env=environment,
        )
        assert await asyncio.wait_for(process.wait(), 120) == 0

    return killed


async def cancelled_at(number: int, job: ToldJob, running: Awaitable[Any]) -> None:
    """Cancel a job at one of its checkpoints, counted from 1; it fails if the job ends before."""
    seen = 0

    def count(_: ToldJob) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise JobCancelled

    job.at_checkpoint = count
    with pytest.raises(JobCancelled):
        await running


async def stopped_at(step: str, job: ToldJob, running: Coroutine[Any, Any, Any], *, number: int = 1) -> None:
    """Cancel a job's asyncio task, as a worker does, when it tells of a step for the so-manieth time; it has a second to end."""
    loop, task = asyncio.get_running_loop(), asyncio.create_task(running)
    seen, asked_s = 0, 0.0

    def look(told: str | None) -> None:
        nonlocal seen, asked_s
        seen += told == step
        if told == step and seen == number:
            asked_s = passed.seconds
            loop.call_soon_threadsafe(task.cancel)

    job.at_move = look
    with Stopwatch() as passed, pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert passed.seconds - asked_s < 1.0


async def stopped_when(fact: Callable[[], Any], running: Coroutine[Any, Any, Any]) -> None:
    """Do the same when a fact holds, such as that the job waits for somebody."""
    task = asyncio.create_task(running)
    await eventually(lambda: task.done() or fact(), timeout=30)
    assert not task.done(), task
    task.cancel()
    with Stopwatch() as took, pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert took.seconds < 1.0


async def held_up() -> int:
    """Return how many sessions of the test's database wait for a lock."""
    async with connection() as lent:
        count: int = await lent.fetchval(
            """SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
               WHERE d.datname = current_database() AND NOT l.granted"""
        )
    return count


@asynccontextmanager
async def held(*tables: str) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Lock tables as a long statement of somebody else does; lends the fact that somebody waits for it."""
    async with transaction() as lent:
        await lent.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield held_up


async def rows(query: str, *args: Any) -> list[tuple[Any, ...]]:
    """Return what a query finds in the test's database."""
    async with connection() as lent:
        return [tuple(row) for row in await lent.fetch(query, *args)]
