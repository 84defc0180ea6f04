"""What makes a start the only one of its data directory: the lock, the secret, the free ports."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.embedded.folders import private_folder
from taskcast.errors import ConfigurationError


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for the length of a `with` block.

    Raises:
        ConfigurationError: if another start holds it.
    """
    private_folder(data_dir)
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(descriptor, 20).decode(errors="replace").strip()
            raise ConfigurationError(
                f"Taskcast already runs on {data_dir} (process {pid}); stop it, or set TASKCAST_DATA_DIR to another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def kept_secret(data_dir: Path) -> str:
    """Return the secret of this data directory, made at the first call; only its owner can read it."""
    path = data_dir / "secret"
    if not path.exists():
        draft = data_dir / f"secret.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    return path.read_text().strip()


def check_port(host: str, port: int, *, setting: str) -> None:
    """Return if the port can be listened on.

    Raises:
        ConfigurationError: if it is in use or forbidden, naming the setting that changes it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise ConfigurationError(f"port {port} {reason}; set {setting} to a free one") from None
