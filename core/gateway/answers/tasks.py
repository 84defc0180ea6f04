"""What a task is in answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from core.gateway.answers.answer import Answer
from core.gateway.answers.queues import Pause


class Task(Answer):
    """A task as workers announced it; `schema` is the JSON Schema of its arguments by name."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    name: str
    queue: str
    options: dict[str, Any]
    parameters: dict[str, Any] = Field(alias="schema")
    paused: Pause | None
    seen_at: datetime


class Tasks(Answer):
    """All tasks that workers announced."""

    items: list[Task]
    next_cursor: None
    total: int
