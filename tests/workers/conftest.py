"""What the tests of the finance system share: a file store, uploads, and a job that keeps what it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.storage.files import FileStore, StoredFile, save_upload
from taskcast import JobContext

Upload = Callable[..., Awaitable[StoredFile]]


class ToldJob(JobContext):
    """A job of no worker that keeps its progress and log lines, and does something at each checkpoint."""

    __slots__ = ("at_checkpoint", "lines", "moves")

    def __init__(self, job_id: str = "") -> None:
        super().__init__()
        self.id = job_id
        self.moves: list[tuple[float | None, str | None]] = []
        self.lines: list[tuple[str, str]] = []
        self.at_checkpoint: Callable[[ToldJob], None] = lambda job: None

    def progress(self, percentage: float | None = None, *, step: str | None = None, **rest: Any) -> None:
        self.moves.append((percentage, step))

    def log(self, message: object, level: str = "INFO", **context: Any) -> None:
        self.lines.append((level, str(message)))

    def raise_if_stopped(self) -> None:
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
