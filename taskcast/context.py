"""What a job knows of itself and may tell: `JobContext`, and `current_job()` for code that was not handed one.

Nothing here talks to a server: progress and log lines go into a buffer that the worker sends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol

from taskcast.errors import JobCancelled, JobTimeout

if TYPE_CHECKING:
    from taskcast.engine.jobs import ItemKind
    from taskcast.reporter import Reporter

logger = logging.getLogger("taskcast.job")

StopKind = Literal["cancel", "timeout", "lost", "release"]


class Reports(Protocol):
    """Where an attempt's progress and log lines go: a buffer of the worker, or a pipe to it."""

    def progress(  # noqa: PLR0917
        self, percentage: object, step: object, completed: object, total: object, message: object, eta_s: object
    ) -> None:
        """Remember the latest progress."""

    def log(
        self, message: object, level: str, context: dict[str, Any] | None = None, stack_trace: str | None = None
    ) -> None:
        """Remember a log line."""

    def close(self) -> list[tuple[ItemKind, bytes]]:
        """Take nothing more; return what was not sent."""


class Stop:
    """Why a running attempt is to stop: cancelled, out of time, no longer ours, or given back at a shutdown."""

    __slots__ = ("at", "by", "kind", "reason")

    def __init__(self, kind: StopKind, *, by: str | None = None, reason: str | None = None) -> None:
        self.kind, self.by, self.reason = kind, by, reason
        self.at = time.monotonic()

    def error(self) -> JobCancelled | JobTimeout:
        """Return the exception that a checkpoint raises."""
        if self.kind == "timeout":
            return JobTimeout(self.reason)
        if self.kind == "cancel":
            return JobCancelled(f"cancelled: {self.reason}" if self.reason else None)
        return JobCancelled(f"stopped: {self.reason or self.kind}")


class Checkpoint:
    """What `checkpoint()` returns: `await` it in an async function, leave it alone in a sync one."""

    __slots__ = ("_job",)

    def __init__(self, job: JobContext | None) -> None:
        self._job = job

    def __await__(self) -> Generator[None, None, None]:
        """Give the loop one turn, then look again."""
        yield
        if self._job is not None:
            self._job.raise_if_stopped()


class JobContext:
    """The running job, for the function that is the job.

    Taskiq injects it: `async def f(..., job: JobContext = TaskiqDepends())`. One made by hand belongs to no job and
    tells nobody anything, so that a function can be called in a test.

    Attributes:
        id: the job's id.
        task_id: Taskiq's id of it; another one only where that has characters or a length that no job id has.
        task: the task's name.
        queue: the queue it came from.
        attempt: 1 for the first try.
        errors: how many attempts ended in an error so far.
        max_attempts: after how many errors it fails for good.
        timeout_s: seconds that an attempt may take, None if as long as it likes.
    """

    __slots__ = (
        "_labels", "_reporter", "_reports", "_stop", "attempt", "errors", "id", "max_attempts", "queue", "task", "task_id", "timeout_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.id = ""
        self.task_id = ""
        self.task = ""
        self.queue = ""
        self.attempt = 0
        self.errors = 0
        self.max_attempts = 1
        self.timeout_s: float | None = None
        self._labels: Callable[[], dict[str, Any]] | None = None
        self._reporter: Reporter | None = None
        self._reports: Reports | None = None
        self._stop: Stop | None = None

    @property
    def labels(self) -> dict[str, Any]:
        """The labels of the Taskiq message."""
        return self._labels() if self._labels is not None else {}

    def progress(
        self,
        percentage: float | None = None,
        *,
        step: str | None = None,
        completed: int | None = None,
        total: int | None = None,
        message: str | None = None,
        eta_s: float | None = None,
    ) -> None:
        """Tell how far the job is; only the latest call is sent, at most ten times a second, and the last always.

        Args:
            percentage: 0 to 100; made of `completed` and `total` if it is left out and they are given.
            step: the name of the step at hand.
            completed: how many steps, rows or the like are done.
            total: how many there are.
            message: a short text for people.
            eta_s: seconds that are left, if the job knows better than its speed so far says.
        """
        reports = self._reports or self._opened()
        if reports is not None:
            reports.progress(percentage, step, completed, total, message, eta_s)

    def log(self, message: object, level: str = "INFO", **context: Any) -> None:
        """Write a line into the job's log.

        Args:
            message: the text, up to 8 KiB.
            level: DEBUG, INFO, WARNING or ERROR.
            context: further facts as fields.
        """
        self._keep_line(message, level, context or None, None)

    def _keep_line(self, message: object, level: str, context: dict[str, Any] | None, stack_trace: str | None) -> None:
        """Write a line with a stack trace, for log handlers."""
        reports = self._reports or self._opened()
        if reports is not None:
            reports.log(message, level, context, stack_trace)

    def _opened(self) -> Reports | None:
        """Make the buffer at its first use: most jobs tell nothing."""
        return None if self._reporter is None else self._reporter.open(self)

    def _close(self) -> list[tuple[ItemKind, bytes]]:
        """Take no more reports; returns those that were not sent."""
        self._reporter = None
        return self._reports.close() if self._reports is not None else []

    @property
    def cancel_requested(self) -> bool:
        """Whether the job should stop now: cancelled, out of time, or the worker is going."""
        return self._stop is not None

    def checkpoint(self) -> Checkpoint:
        """Stop here if someone cancelled the job; otherwise cost nothing.

        `await job.checkpoint()` also gives the event loop a turn; in a sync function the call alone does.

        Raises:
            JobCancelled: if the job was cancelled, was lost to another worker, or the worker is shutting down.
            JobTimeout: if the job's time is up.
        """
        self.raise_if_stopped()
        return Checkpoint(self)

    def raise_if_stopped(self) -> None:
        """Raise what `checkpoint` raises."""
        if self._stop is not None:
            raise self._stop.error()

    def __repr__(self) -> str:
        return f"<JobContext {self.task} {self.id} attempt {self.attempt}>"


current: ContextVar[JobContext | None] = ContextVar("taskcast_job", default=None)
"""The job that this code runs for; set by the receiver in the job's own context."""


def current_job() -> JobContext | None:
    """Return the job this code runs for, in async functions and in threads alike; None outside of a job."""
    return current.get()


def checkpoint() -> Checkpoint:
    """Stop here if the current job was cancelled; outside of a job nothing happens. See `JobContext.checkpoint`."""
    job = current.get()
    return job.checkpoint() if job is not None else Checkpoint(None)
