"""A folder for a job's work in between, gone when the job ends; a full disk is said in a sentence."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.storage.files import StoreUnavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def scratch_folder(what: str) -> Iterator[Path]:
    """Lend an empty folder for making `what`, such as "the report".

    Raises:
        StoreUnavailable: if the disk is full or the folder cannot be made.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="taskcast-") as folder:
            yield Path(folder)
    except OSError as error:
        if isinstance(error, StoreUnavailable) or error.errno not in FULL:
            raise
        raise StoreUnavailable(
            f"{what} cannot be written to {tempfile.gettempdir()} ({error.strerror}); free some space, or set TMPDIR to "
            "another folder"
        ) from error
