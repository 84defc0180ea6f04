"""The ledger: what the jobs say they did, one line each, written with one system call so that lines never mix."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

VARIABLE = "TASKCAST_TEST_LEDGER"
PART = "TASKCAST_CHAOS_PART"
"""The environment's word for the name of a process, by which it is found and cut off."""


class Entry(msgspec.Struct, frozen=True):
    """One line; `at` is the machine's monotonic clock, which all processes share."""

    word: str
    job: str
    attempt: int
    number: int
    part: str
    pid: int
    at: float


def write(word: str, job: str, attempt: int, number: int) -> None:
    """Append a line for the job that runs here."""
    line = f"{word} {job} {attempt} {number} {os.environ.get(PART, '-')} {os.getpid()} {time.monotonic():.6f}\n"
    descriptor = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


class Ledger:
    """Reads a ledger that grows."""

    def __init__(self, path: Path) -> None:
        self.entries: list[Entry] = []
        self._path, self._offset = path, 0

    def read(self) -> list[Entry]:
        """Return the lines that have come since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        fresh = [_entry(line) for line in whole.decode().splitlines()]
        self.entries += fresh
        return fresh


def _entry(line: str) -> Entry:
    word, job, attempt, number, part, pid, at = line.split()
    return Entry(word, job, int(attempt), int(number), part, int(pid), float(at))
