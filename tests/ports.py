"""Ports for servers that are started a moment later: nobody else gets them meanwhile, nor another run on this machine."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

FIRST, COUNT = 20_000, 10_000
"""Below the ports that systems give to connections of their own accord."""
_kept: list[IO[str]] = []


def free_port() -> int:
    """Return a port of 127.0.0.1 that is this process's until it ends."""
    start = os.getpid() * 101 + len(_kept)
    for number in range(COUNT):
        port = FIRST + (start + number) % COUNT
        if _keep(port):
            return port
    raise AssertionError(f"none of the ports from {FIRST} to {FIRST + COUNT - 1} is free")


def _keep(port: int) -> bool:
    try:
        lock = (Path(tempfile.gettempdir()) / f"taskcast-tests-port-{port}").open("w")
    except OSError:  # another user's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    _kept.append(lock)
    return True
