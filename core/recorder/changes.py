"""What a batch of events adds up to beside the rows of `jobs`: attempts, log lines, statistics, workers, queues, pauses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from core.storage.histogram import Histogram, add, bucket
from taskcast.events import WorkerInfo


@dataclass(slots=True)
class Attempt:
    """One try of a job, as far as this batch tells of it."""

    job_id: str
    attempt: int
    begun: bool = False  # the batch holds its beginning: it replaces whatever the table says of that number
    state: str = "running"
    worker: str | None = None
    host: str | None = None
    pid: int | None = None
    waited_ms: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    reason: str | None = None
    error: str | None = None
    stack_trace: str | None = None


@dataclass(slots=True)
class LogLine:
    """One line for `job_logs`."""

    job_id: str
    attempt: int
    line: int
    level: str
    message: str
    context: str | None
    stack_trace: str | None
    created_at: datetime


EndWord = Literal["completed", "failed", "cancelled", "retried"]


@dataclass(slots=True)
class Ends:
    """What ended within one minute, of one type and queue."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: int = 0
    duration_ms_sum: int = 0
    histogram: Histogram = field(default_factory=dict)

    def count(self, word: EndWord, duration_ms: int | None) -> None:
        """Count one end; the durations of completed and failed jobs go into the histogram."""
        setattr(self, word, getattr(self, word) + 1)
        if duration_ms is not None and word in {"completed", "failed"}:
            self.duration_ms_sum += duration_ms
            index = bucket(duration_ms)
            self.histogram[index] = self.histogram.get(index, 0) + 1

    def add(self, other: Ends) -> None:
        """Add what ended elsewhere."""
        for name in ("completed", "failed", "cancelled", "retried", "duration_ms_sum"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        add(self.histogram, other.histogram)


@dataclass(slots=True)
class WorkerNews:
    """What a worker said of itself last."""

    info: WorkerInfo
    state: str
    at: datetime
    started_at: datetime | None = None


@dataclass(slots=True)
class PauseNews:
    """A queue or a task was paused, or its pause was changed."""

    at: datetime
    by: str | None = None
    reason: str | None = None
    until: datetime | None = None


@dataclass(slots=True)
class TaskNews:
    """A task as a worker announced it."""

    options: dict[str, object]
    at: datetime


@dataclass(slots=True)
class QueueNews:
    """When a queue was spoken of first in this batch, and when a job came in last: one of ours, one of another broker."""

    seen_at: datetime
    own_at: datetime | None = None
    observed_at: datetime | None = None


@dataclass(slots=True)
class Changes:
    """All of it."""

    attempts: dict[tuple[str, int], Attempt] = field(default_factory=dict)
    logs: dict[tuple[str, int, int], LogLine] = field(default_factory=dict)
    minutes: dict[tuple[datetime, str, str], Ends] = field(default_factory=dict)
    workers: dict[str, WorkerNews] = field(default_factory=dict)
    queues: dict[str, QueueNews] = field(default_factory=dict)
    pauses: dict[str, PauseNews | None] = field(default_factory=dict)  # by the engine's key; None: resumed
    tasks: dict[str, TaskNews] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    def begin(self, job_id: str, number: int) -> Attempt:
        """Return the attempt, new, because it begins now."""
        attempt = self.attempts[job_id, number] = Attempt(job_id, number, begun=True)
        return attempt

    def attempt(self, job_id: str, number: int) -> Attempt:
        """Return the attempt as this batch knows it."""
        found = self.attempts.get((job_id, number))
        if found is None:
            found = self.attempts[job_id, number] = Attempt(job_id, number)
        return found

    def end(self, at: datetime, job_type: str, queue: str, word: EndWord, duration_ms: int | None) -> None:
        """Count an end in its minute."""
        minute = at.astimezone(UTC).replace(second=0, microsecond=0)
        ends = self.minutes.get((minute, job_type, queue))
        if ends is None:
            ends = self.minutes[minute, job_type, queue] = Ends()
        ends.count(word, duration_ms)

    def forget(self, job_id: str) -> None:
        """Leave out what this batch knew of a job that was deleted or begins anew."""
        for attempt in [key for key in self.attempts if key[0] == job_id]:
            del self.attempts[attempt]
        for line in [key for key in self.logs if key[0] == job_id]:
            del self.logs[line]
