"""A folder for a job's work in between, gone when the job ends; a full disk is said in a sentence.

A process that is killed leaves its folder behind. Each folder is locked by its process, and the kernel gives the lock back
with the process's life, so the next job knows which ones are nobody's and deletes them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.storage.files import StoreUnavailable

PREFIX = "taskcast-scratch-"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def scratch_folder(what: str) -> Iterator[Path]:
    """Lend an empty folder for making `what`, such as "the report".

    Raises:
        StoreUnavailable: if the disk is full or the folder cannot be made.
    """
    try:
        sweep_scratch()
        folder, lock = _made()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        if isinstance(error, StoreUnavailable) or error.errno not in FULL:
            raise
        raise StoreUnavailable(
            f"{what} cannot be written to {tempfile.gettempdir()} ({error.strerror}); free some space, or set TMPDIR to "
            "another folder"
        ) from error


def sweep_scratch() -> int:
    """Delete the folders of processes that are gone; return how many."""
    gone = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another user's folder cannot be opened or deleted, and one that is locked is at work.
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                gone += 1
            finally:
                os.close(lock)
    return gone


def _made() -> tuple[Path, int]:
    """Make and lock a folder; one that a sweep found before it was locked is made again."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)
