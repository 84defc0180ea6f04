"""What a job is in answers: a row of the list, or all that is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from core.gateway.answers.answer import Answer, AtLeast
from taskcast.states import JobState

PriorityWord = Literal["LOW", "NORMAL", "HIGH", "CRITICAL"]


class Progress(Answer):
    """How far a job is."""

    percentage: float | None = None
    current_step: str | None = None
    total_steps: int | None = None
    completed_steps: int | None = None
    message: str | None = None
    eta_s: float | None = None


class JobError(Answer):
    """What went wrong."""

    type: str
    message: str
    code: str | None = None


class Job(Answer):
    """A row of the list of jobs."""

    id: str
    type: str
    queue: str
    status: JobState
    priority: PriorityWord
    attempt: int
    errors: int
    max_attempts: int
    user_id: str | None
    progress: Progress | None
    worker: str | None
    created_at: datetime
    queued_at: datetime | None
    run_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    cancelled_at: datetime | None
    updated_at: datetime
    duration_ms: int | None
    waited_ms: int | None
    timeout_s: float | None
    cancel_requested_at: datetime | None
    cancel_seen_at: datetime | None
    cancel_seen_by: str | None
    cancel_reason: str | None
    cancelled_by: str | None
    stuck_at: datetime | None
    stuck_reason: str | None
    final_reason: str | None
    is_duplicate: bool
    deduplication_key: str | None
    rate_limit_key: str | None
    metadata: dict[str, Any]
    error: JobError | None
    held_by: str | None = Field(description="What keeps a queued job back: `t:` a paused task, `c:` or `r:` a limit.")
    seq: int


class Attempt(Answer):
    """One try of a job."""

    attempt: int
    state: str
    worker: str | None
    host: str | None
    pid: int | None
    waited_ms: int | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    reason: str | None
    error: JobError | None
    stack_trace: str | None


class May(Answer):
    """What the asker may do with a job now."""

    retry: bool
    cancel: bool
    delete: bool


class JobDetail(Job):
    """A job with all that is known of it."""

    data: Any
    result: Any
    stack_trace: str | None
    deliveries: int = Field(description="How many of its workers were lost.")
    max_deliveries: int
    limits: dict[str, Any] | None = Field(description="`concurrency` and `rate`, where the job has any.")
    attempts: list[Attempt]
    may: May


class JobPage(Answer):
    """A page of jobs."""

    items: list[Job]
    next_cursor: str | None
    total: int | AtLeast
