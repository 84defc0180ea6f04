"""Where the embedded servers keep their data and their sockets, and who may open them."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from taskcast.errors import ConfigurationError

SOCKET_PATH_LIMIT = 100
"""Longest path of a Unix socket in bytes; Linux has 108, macOS 104, and PostgreSQL adds a suffix for its lock."""


def folder_name(data_dir: Path) -> str:
    """Return a short name of a data directory: its checkout's name and a digest, so that two never meet."""
    place = data_dir.resolve()
    label = "".join(c for c in place.parent.name.lower() if c.isalnum() or c in "-_")[:24] or "data"
    return f"{label}-{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"


def private_folder(path: Path, *, owner: int | None = None, group: int | None = None) -> Path:
    """Make `path` a folder of mode 700 that belongs to `owner` (by default to us), and return it.

    Raises:
        ConfigurationError: if something else stands there: a link, a file, or a folder of another user.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.lstat()
    wanted = os.geteuid() if owner is None else owner
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {wanted, os.geteuid()}:
        raise ConfigurationError(
            f"{path} is not a folder of ours; remove it, or set TASKCAST_DATA_DIR to another place"
        )
    if found.st_uid != wanted:
        os.chown(path, wanted, -1 if group is None else group)
    path.chmod(0o700)
    return path


def socket_folder(data_dir: Path, server: str, *, owner: int | None = None, group: int | None = None) -> Path:
    """Return the private folder of a server's Unix socket: short, because socket paths are limited.

    Raises:
        ConfigurationError: if even the shortest place is too long.
    """
    name = f"tc-{os.geteuid()}-{hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:10]}-{server}"
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - the folder below is made private and checked
        path = Path(base) / name
        if len(os.fsencode(path / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_LIMIT:
            return private_folder(path, owner=owner, group=group)
    raise ConfigurationError(
        "the folder for temporary files has too long a path for a socket; set TMPDIR to a shorter one"
    )


def state_folder(data_dir: Path) -> Path:
    """Return root's folder for PostgreSQL: below the system's state directory, which an unprivileged user may enter."""
    base = Path("/Library/Application Support") if sys.platform == "darwin" else Path("/var/lib")
    path = base / "taskcast" / folder_name(data_dir)
    path.mkdir(parents=True, exist_ok=True)
    return path
