"""Runs, watches and steers the background jobs of Python teams, live.

The names are imported when they are first used: a client or a dashboard needs no Taskiq.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskcast.broker import EnqueuedJob, JobBroker
    from taskcast.context import JobContext, checkpoint, current_job
    from taskcast.errors import JobCancelled, JobTimeout, TaskcastError
    from taskcast.middleware import JobMiddleware
    from taskcast.receiver import JobReceiver
    from taskcast.states import JobState, Priority

__all__ = [
    "EnqueuedJob",
    "JobBroker",
    "JobCancelled",
    "JobContext",
    "JobMiddleware",
    "JobReceiver",
    "JobState",
    "JobTimeout",
    "Priority",
    "TaskcastError",
    "checkpoint",
    "current_job",
]

_HOMES = {
    "EnqueuedJob": "broker",
    "JobBroker": "broker",
    "JobCancelled": "errors",
    "JobContext": "context",
    "JobMiddleware": "middleware",
    "JobReceiver": "receiver",
    "JobState": "states",
    "JobTimeout": "errors",
    "Priority": "states",
    "TaskcastError": "errors",
    "checkpoint": "context",
    "current_job": "context",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
