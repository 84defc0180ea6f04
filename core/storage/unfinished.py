"""Unfinished rows, as the reconciler and the check for stuck jobs compare them with the queue server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from core.storage.connection import connection
from taskcast.events import Json

UNFINISHED = "status IN ('scheduled', 'queued', 'running', 'retrying')"


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a row was when it was looked at."""

    id: str
    status: str
    attempts: int
    seq: int


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is needed to send a job again."""

    id: str
    type: str
    queue_name: str
    status: str
    seq: int
    attempts: int
    errors: int
    deliveries: int
    priority: int
    max_attempts: int
    timeout_s: float | None
    user_id: str | None
    deduplication_key: str | None
    rate_limit_key: str | None
    max_deliveries: int
    created_at: datetime
    run_at: datetime | None
    message: bytes | None
    data: Json
    metadata: Json
    limits: Json


async def unfinished_rows(*, after: str, up_to_seq: int | None, limit: int) -> list[Seen]:
    """Return unfinished rows by id, after an id; only those unchanged since `up_to_seq`, if it is given."""
    async with connection() as lent:
        records = await lent.fetch(
            f"SELECT id, status, attempts, seq FROM jobs WHERE {UNFINISHED} AND id > $1"  # noqa: S608
            " AND ($2::int8 IS NULL OR seq <= $2) ORDER BY id LIMIT $3",
            after, up_to_seq, limit,
        )  # fmt: skip
    return [Seen(*record) for record in records]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An unfinished job that may be stuck; `unmoved` if it has not changed for a while, `is_told` if that was told."""

    id: str
    type: str
    queue: str
    user_id: str | None
    status: str
    attempt: int
    worker: str | None
    started_at: datetime | None
    timeout_s: float | None
    is_told: bool
    unmoved: bool


PAGE = 500
MOST_RUNNING = 10_000
_CANDIDATE = (
    "SELECT id, type, queue_name, user_id, status, attempts, processed_by, started_at, timeout_s,"
    " stuck_at IS NOT NULL, seq <= $1 FROM jobs WHERE"
)


async def watched_rows(unmoved_since: datetime) -> list[Candidate]:
    """Return the jobs that run, the oldest that wait, and those overdue."""
    seq = int(unmoved_since.timestamp() * 1_000_000)
    async with connection() as lent:
        parts = [
            await lent.fetch(f"{_CANDIDATE} status = 'running' ORDER BY created_at LIMIT {MOST_RUNNING}", seq),
            await lent.fetch(f"{_CANDIDATE} status = 'queued' ORDER BY created_at, id LIMIT {PAGE}", seq),
            await lent.fetch(
                f"{_CANDIDATE} status IN ('scheduled', 'retrying') AND run_at < $2 LIMIT {PAGE}", seq, unmoved_since
            ),
        ]
    return [Candidate(*record) for part in parts for record in part]


async def page_of_queued(unmoved_since: datetime, *, after: str) -> list[Candidate]:
    """Return the next waiting jobs by id, after an id; fewer than `PAGE` at the end."""
    async with connection() as lent:
        records = await lent.fetch(
            f"{_CANDIDATE} {UNFINISHED} AND status = 'queued' AND id > $2 ORDER BY id LIMIT {PAGE}",
            int(unmoved_since.timestamp() * 1_000_000), after,
        )  # fmt: skip
    return [Candidate(*record) for record in records]


async def waiting_rows(queue: str, *, before: datetime, without: Sequence[str]) -> list[Candidate]:
    """Return the oldest jobs that wait in a queue since before a time, but those of some tasks."""
    async with connection() as lent:
        records = await lent.fetch(
            f"{_CANDIDATE} status = 'queued' AND queue_name = $2 AND queued_at < $3 AND NOT type = ANY($4::text[])"
            f" ORDER BY created_at, id LIMIT {PAGE}",
            int(before.timestamp() * 1_000_000), queue, before, list(without),
        )  # fmt: skip
    return [Candidate(*record) for record in records]


async def ended_rows(*, after: str, since_seq: int, limit: int) -> list[Seen]:
    """Return rows that ended at a seq above `since_seq`, by id, after an id."""
    async with connection() as lent:
        records = await lent.fetch(
            "SELECT id, status, attempts, seq FROM jobs WHERE status IN ('completed', 'failed', 'cancelled')"
            " AND id > $1 AND seq > $2 ORDER BY id LIMIT $3",
            after, since_seq, limit,
        )  # fmt: skip
    return [Seen(*record) for record in records]


async def still_unfinished(ids: Sequence[str], *, up_to_seq: int) -> list[Whole]:
    """Return those of the rows that are unfinished and have not changed after `up_to_seq`."""
    async with connection() as lent:
        records: list[Any] = await lent.fetch(
            "SELECT id, type, queue_name, status, seq, attempts, errors, deliveries, priority, max_attempts, timeout_s,"
            " user_id, deduplication_key, rate_limit_key, max_deliveries, created_at, run_at, message, data::text,"
            " metadata::text, limits::text"
            " FROM jobs WHERE status IN ('scheduled', 'queued', 'running', 'retrying')"
            " AND id = ANY($1::text[]) AND seq <= $2",
            list(ids), up_to_seq,
        )  # fmt: skip
    return [
        Whole(*plain, *(msgspec.json.decode(text or "null") for text in texts))
        for plain, texts in ((record[:-3], record[-3:]) for record in map(tuple, records))
    ]
