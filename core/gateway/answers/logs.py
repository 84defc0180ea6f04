"""What the log of a job is in answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.gateway.answers.answer import Answer, AtLeast


class LogLine(Answer):
    """A log line of a job."""

    job: str
    attempt: int
    line: int
    level: str
    message: str
    context: dict[str, Any] | None
    stack_trace: str | None
    at: datetime


class LogPage(Answer):
    """A page of log lines."""

    items: list[LogLine]
    next_cursor: str | None
    total: int | AtLeast
