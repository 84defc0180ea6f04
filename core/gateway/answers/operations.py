"""What a command about many jobs is in answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from core.gateway.answers.answer import Answer, AtLeast


class Bulk(Answer):
    """What was begun."""

    operation: str | None = Field(description="The id of the operation; null of a dry run.")
    matched: int | None = Field(description="How many jobs match; null if that takes too long to count.")


class Operation(Answer):
    """A command about many jobs, and how far it is."""

    id: str
    action: Literal["retry", "cancel", "delete", "drain", "clean"]
    state: Literal["running", "done", "failed", "cancelled"]
    by: str | None
    reason: str | None
    scope: dict[str, Any] = Field(description="`ids` (how many), `filter`, or what drain and clean were asked for.")
    matched: int | None = Field(description="How many jobs it was about when it began; null if not counted.")
    done: int = Field(description="How many jobs it was done to.")
    refused: dict[str, int] = Field(description="How many it could not be done to, by the code of the refusal.")
    error: str | None
    cancel_requested_at: datetime | None = Field(description="When somebody asked it to stop.")
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class OperationList(Answer):
    """The newest operations."""

    items: list[Operation]
    next_cursor: None
    total: AtLeast
