"""What to say of a process that died while it ran a job."""

from __future__ import annotations

import os
import signal

_MEANING = {
    "SIGKILL": "killed from outside; the system does that when memory runs out",
    "SIGSEGV": "it crashed in native code",
    "SIGBUS": "it crashed in native code",
    "SIGILL": "it crashed in native code",
    "SIGFPE": "it crashed in native code",
    "SIGABRT": "it aborted itself",
    "SIGXCPU": "it has used up its CPU time",
    "SIGXFSZ": "it has written too large a file",
}


def death(status: int | None) -> str:
    """Return a sentence of how a process ended, from what `os.waitpid` says; None if that is not known."""
    if status is None:
        return "the job's process ended, and the one that starts such processes could not tell how"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        meaning = _MEANING.get(name)
        return f"the job's process died of {name}" + (f": {meaning}" if meaning else "")
    code = os.waitstatus_to_exitcode(status)
    return f"the job's process ended itself with exit code {code}"
