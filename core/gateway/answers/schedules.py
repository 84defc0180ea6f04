"""What a schedule is in answers, with its runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from core.gateway.answers.answer import Answer


class SchedulePause(Answer):
    """Who paused a schedule, why, since when and until when."""

    by: str | None
    reason: str | None
    at: datetime | None
    until: datetime | None


class ScheduleRun(Answer):
    """A slot of a schedule, and what came of its job."""

    slot: datetime
    state: Literal["due", "sent", "missed"]
    job: str | None
    outcome: str | None = Field(description="The job's state; null until it is recorded.")
    duration_s: float | None
    by: str | None = Field(description="Who ran it by hand.")
    error: str | None = Field(description="Why it was missed, or could not be sent yet.")


class Schedule(Answer):
    """What runs when; options that are null are the task's own."""

    id: str
    title: str
    task: str
    queue: str | None
    priority: str | None
    arguments: dict[str, Any]
    max_attempts: int | None
    timeout_s: float | None
    kind: Literal["cron", "interval", "once"]
    cron: str | None
    every_s: int | None
    at: datetime | None
    time_zone: str
    why: str
    source: Literal["code", "stored"]
    policy: Literal["skip", "once", "all"]
    paused: SchedulePause | None
    next_runs: list[datetime]
    last_run: ScheduleRun | None
    recent: list[ScheduleRun]
    missed: int = Field(description="How many slots were missed in the last seven days.")
    created_by: str | None
    updated_at: datetime


class Schedules(Answer):
    """All schedules."""

    items: list[Schedule]
    next_cursor: None
    total: int


class NextRuns(Answer):
    """The next runs."""

    next_runs: list[datetime]


class ScheduleRan(Answer):
    """The job of a run by hand."""

    job: str
