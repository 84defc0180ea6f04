"""That no child outlives its parent, as far as the operating system helps: on Linux it kills the child itself."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
OOM_SCORE = "500"


def die_with_parent(parent: int) -> None:
    """Have this process killed when the thread that started it ends, and end now if `parent` is gone already.

    Elsewhere than on Linux only the latter.
    """
    hear_of_death_of_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def hear_of_death_of_parent(number: signal.Signals) -> None:
    """Get this signal when the thread that started this process ends; on Linux, see prctl(2)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def offer_to_oom_killer() -> None:
    """Let a machine that runs out of memory kill this process before its worker, or a database beside it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)


def kill_group(leader: int) -> None:
    """Kill a process and all that it started and that has not left its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(leader, signal.SIGKILL)  # before it has made its group
