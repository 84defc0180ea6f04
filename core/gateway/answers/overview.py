"""What is answered about the whole: the statistics and the workers."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.gateway.answers.answer import Answer
from taskcast.states import JobState


class Ended(Answer):
    """How many jobs ended how."""

    completed: int
    failed: int
    cancelled: int


class Bucket(Ended):
    """What ended within one piece of time."""

    at: datetime


class Group(Ended):
    """What ended of one type or queue."""

    name: str
    average_ms: float | None
    p95_ms: float | None


class Statistics(Answer):
    """Counts now, and what ended within the range."""

    range_s: int
    bucket_s: int
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    by_status: dict[JobState, int]
    total: int
    ended: Ended
    success_rate: float | None = Field(description="0 to 1; null if nothing ended.")
    average_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    by_type: list[Group]
    by_queue: list[Group]
    buckets: list[Bucket]


class Worker(Answer):
    """What a worker process said of itself last; `lingering` jobs have ended while their code keeps a slot."""

    id: str
    host: str
    pid: int
    state: str
    queues: list[str] | None
    slots: int
    busy: list[str]
    lingering: list[str]
    loop_lag_ms: float
    cpu: float
    rss_bytes: int
    version: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None


class Workers(Answer):
    """All workers that were heard of lately."""

    items: list[Worker]
    next_cursor: None
    total: int
