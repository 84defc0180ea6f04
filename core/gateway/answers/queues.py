"""What a queue is in answers, and what keeps its jobs back."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.gateway.answers.answer import Answer
from core.gateway.answers.jobs import PriorityWord


class Pause(Answer):
    """Who paused a queue or a task, why, since when and until when."""

    by: str | None
    reason: str | None
    at: datetime
    until: datetime | None


class Concurrency(Answer):
    """A concurrency limit in force for jobs of a queue."""

    key: str
    limit: int
    running: int = Field(description="How many run under this key now, in all queues.")
    held: int = Field(description="How many jobs of this queue are held back by it.")


class Queue(Answer):
    """What a queue holds now."""

    name: str
    paused: Pause | None
    waiting: dict[PriorityWord, int]
    running: int
    scheduled: int
    retrying: int
    held: int
    oldest_s: float | None
    per_minute: float
    concurrency: list[Concurrency] = Field(
        description="At most 20 limits: those that most jobs wait for, then those under which most run."
    )
    observed: bool = Field(description="Whether its jobs are another broker's, which are watched, not steered.")
    slots: int = Field(description="Of the live workers that serve it.")


class QueueControlled(Answer):
    """A queue after it was steered."""

    queue: Queue
    count: int | None = Field(
        description="How many jobs drain cancelled or clean deleted; null where nothing is counted, or while it goes on."
    )
    operation: str | None = Field(description="The id of the operation that drains or cleans.")


class Queues(Answer):
    """All queues."""

    items: list[Queue]
    next_cursor: None
    total: int
