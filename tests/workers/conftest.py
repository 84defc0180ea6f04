"""What the tests of the finance system share: a file store, uploads, and a job that keeps what it is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.storage.connection import connection
from core.storage.files import FileStore, StoredFile, save_upload
from taskcast import JobCancelled, JobContext

ROOT = Path(__file__).parents[2]
Upload = Callable[..., Awaitable[StoredFile]]


class ToldJob(JobContext):
    """A job of no worker that keeps its progress and log lines, and does something at each checkpoint."""

    __slots__ = ("at_checkpoint", "checkpoints", "lines", "moves")

    def __init__(self, job_id: str = "") -> None:
        super().__init__()
        self.id = job_id
        self.moves: list[tuple[float | None, str | None]] = []
        self.lines: list[tuple[str, str]] = []
        self.checkpoints = 0
        self.at_checkpoint: Callable[[ToldJob], None] = lambda job: None

    def progress(self, percentage: float | None = None, *, step: str | None = None, **rest: Any) -> None:
        self.moves.append((percentage, step))

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
    """Run a job in a process that is killed at a checkpoint; it fails if the job ends before."""

    async def killed(task: str, *, at: int, job_id: str = "a-job", **arguments: Any) -> None:
        environment = os.environ | {
            "TASKCAST_DATABASE_URL": database_url,
            "TASKCAST_DATA_DIR": str(tmp_path),
            "PYTHONPATH": str(ROOT),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.workers.killed", task, job_id, str(at), json.dumps(arguments)),
            env=environment,
        )
        assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL

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


async def rows(query: str, *args: Any) -> list[tuple[Any, ...]]:
    """Return what a query finds in the test's database."""
    async with connection() as lent:
        return [tuple(row) for row in await lent.fetch(query, *args)]
