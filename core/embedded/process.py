"""Starting an embedded server as a child that ends with its parent, even when that is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, Protocol

from taskcast.errors import ConfigurationError

READY_WITHIN_S = 60.0


class EmbeddedServer(Protocol):
    """What the embedded servers have in common."""

    name: str

    @property
    def url(self) -> str:
        """The URL that clients connect to."""

    def prepare(self) -> None:
        """Make what the server needs before it starts."""

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""

    def user(self) -> tuple[int, int] | None:
        """Return the user and group to run as."""

    def is_ready(self) -> bool:
        """Tell whether it serves."""


def end_with_parent(sig: int = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a `preexec_fn` that asks Linux to signal the child when its parent dies; `None` elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(1, sig, 0, 0, 0)  # PR_SET_PDEATHSIG, prctl(2)
        if os.getppid() != parent:  # the parent died before we asked
            os.kill(os.getpid(), sig)

    return ask


def start(server: EmbeddedServer, *, output: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
    """Start a prepared server in a session of its own, so that Ctrl-C reaches it through us alone."""
    user, group = server.user() or (None, None)
    ending = signal.SIGINT if server.name == "postgres" else signal.SIGTERM  # SIGINT is PostgreSQL's fast shutdown
    return subprocess.Popen(
        server.command(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=output if output is not None else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if output is not None else subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        preexec_fn=end_with_parent(ending),  # noqa: PLW1509 - called from the main thread, before any other starts
        user=user,
        group=group,
        extra_groups=None if user is None else [],
    )


def wait_ready(server: EmbeddedServer, process: subprocess.Popen[bytes], *, within_s: float = READY_WITHIN_S) -> None:
    """Return when the server serves.

    Raises:
        ConfigurationError: if it ends or stays silent.
    """
    until = time.monotonic() + within_s
    while not server.is_ready():
        if process.poll() is not None:
            raise ConfigurationError(
                f"the embedded {server.name} ended with code {process.returncode}; its log says why"
            )
        if time.monotonic() > until:
            raise ConfigurationError(f"the embedded {server.name} did not answer within {within_s:.0f} s")
        time.sleep(0.02)
