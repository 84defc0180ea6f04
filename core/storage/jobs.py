"""Queries of table `jobs`: lists, snapshots for live clients, one job with its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from core.errors import InvalidInput
from core.storage.connection import connection, transaction
from core.storage.filters import JobFilter, Parameters, conditions
from core.storage.pages import Page, Row, Total, count, make_cursor, read_cursor, wrong_cursor
from core.storage.shapes import PRIORITIES, error_of, from_json, iso
from taskcast.states import JobState

SORTS = ("-created_at", "created_at")
COUNT_MS = 3000
MOST_BRANCHES = 60
STATES = [str(state) for state in JobState]
PROGRESS = ("percentage", "current_step", "total_steps", "completed_steps", "message", "eta_s")

_LISTED = (
    "id", "type", "queue_name", "status", "priority", "attempts", "errors", "max_attempts", "user_id",
    "progress::text AS progress", "processed_by", "created_at", "queued_at", "run_at", "started_at", "completed_at",
    "failed_at", "cancelled_at", "updated_at", "duration_ms", "waited_ms", "timeout_s", "cancel_requested_at",
    "cancel_seen_at", "cancel_reason", "cancelled_by", "stuck_at", "stuck_reason", "final_reason", "is_duplicate",
    "deduplication_key", "rate_limit_key", "metadata::text AS metadata", "error::text AS error", "seq",
)  # fmt: skip
_COLUMNS = ", ".join(f"j.{column}" for column in _LISTED)


async def list_jobs(
    wanted: JobFilter,
    *,
    sort: str = "-created_at",
    limit: int = 50,
    cursor: str | None = None,
    with_total: bool = True,
) -> Page:
    """Return a page of the jobs that match, with how many there are if that is wanted.

    Raises:
        InvalidInput: for a sort order that there is not, or a cursor of something else.
    """
    if sort not in SORTS:
        raise InvalidInput(f"sort: {sort[:40]!r} is no order", fields={"sort": f"must be one of {', '.join(SORTS)}"})
    limit = max(1, limit)
    after = _after(cursor) if cursor else None
    if wanted.q and wanted.q.strip():
        items, counted = await _searched(wanted, limit=limit + 1, descending=sort[0] == "-", after=after)
    else:
        async with connection() as lent:
            items = await _listed(lent, wanted, limit=limit + 1, descending=sort[0] == "-", after=after)
        counted = with_total
    more = len(items) > limit
    at_least = len(items)
    items = items[:limit]
    next_cursor = make_cursor(*_position(items[-1])) if more else None
    total = await _total(wanted, at_least=at_least) if counted and with_total else {"at_least": at_least}
    return Page([_row(item) for item in items], next_cursor, total)


async def count_jobs(wanted: JobFilter) -> int | None:
    """Return how many jobs match, however long the list; None if that takes too long."""
    parameters = Parameters()
    where = _where(conditions(wanted, parameters))
    try:
        async with transaction(readonly=True) as lent:
            await lent.execute(f"SET LOCAL statement_timeout = {COUNT_MS}")
            return int(await lent.fetchval(f"SELECT count(*) FROM jobs {where}", *parameters.values))  # noqa: S608
    except asyncpg.QueryCanceledError:
        return None


async def attempts_of(ids: Sequence[str]) -> dict[str, int]:
    """Return the last attempt of those of the jobs that there are."""
    async with connection() as lent:
        records = await lent.fetch("SELECT id, attempts FROM jobs WHERE id = ANY($1::text[])", list(ids))
    return {record["id"]: record["attempts"] for record in records}


async def snapshot(wanted: JobFilter, limit: int) -> tuple[list[Row], int]:
    """Return the newest jobs that match, and the recorder's position at which they are so."""
    async with transaction("repeatable_read", readonly=True) as lent:
        position = await lent.fetchval("SELECT seq FROM recorder WHERE id = 1")
        items = await _listed(lent, wanted, limit=max(1, limit), descending=True, after=None)
    return [_row(item) for item in items], int(position or 0)


async def job_detail(job_id: str) -> Row | None:
    """Return all that the tables know of a job, or None."""
    async with transaction("repeatable_read", readonly=True) as lent:
        return await detail_by(lent, job_id)


async def detail_by(lent: Any, job_id: str) -> Row | None:
    """Do the same on a connection that the caller holds."""
    found = await lent.fetchrow(
        f"SELECT {_COLUMNS}, j.data::text AS data, j.result::text AS result, j.stack_trace, j.deliveries,"  # noqa: S608
        " j.max_deliveries, j.limits::text AS limits FROM jobs j WHERE id = $1",
        job_id,
    )
    if found is None:
        return None
    attempts = await lent.fetch(
        "SELECT attempt, state, worker, host, pid, waited_ms, started_at, ended_at, duration_ms, reason,"
        " error::text AS error, stack_trace FROM job_attempts WHERE job_id = $1 ORDER BY attempt",
        job_id,
    )
    return _row(found) | {
        "data": from_json(found["data"]),
        "result": from_json(found["result"]),
        "stack_trace": found["stack_trace"],
        "deliveries": found["deliveries"],
        "max_deliveries": found["max_deliveries"],
        "limits": from_json(found["limits"]),
        "attempts": [_attempt(record) for record in attempts],
    }


async def job_message(job_id: str) -> bytes | None:
    """Return the kept message of a job as it is stored, encrypted; None if there is no job or none was kept."""
    async with connection() as lent:
        found = await lent.fetchval("SELECT message FROM jobs WHERE id = $1", job_id)
    return None if found is None else bytes(found)


async def _listed(
    lent: Any, wanted: JobFilter, *, limit: int, descending: bool, after: tuple[datetime, str] | None
) -> list[Any]:
    parameters = Parameters()
    order = "DESC" if descending else "ASC"
    seek = ""
    if after:
        sign = "<" if descending else ">"
        seek = f"(created_at, id) {sign} ({parameters.add(after[0])}::timestamptz, {parameters.add(after[1])}::text)"
    tail = f"ORDER BY created_at {order}, id {order} LIMIT {limit}"
    branches = await _branches(lent, wanted, parameters)
    if branches is None:
        where = [*conditions(wanted, parameters), seek]
        sql = f"SELECT {_COLUMNS} FROM jobs j {_where(where)} {tail}"  # noqa: S608
    elif not branches:
        return []
    else:
        # One ordered index range for each combination, merged: the order needs no sort, however many jobs match.
        parts = [f"(SELECT id, created_at FROM jobs {_where([*branch, seek])} {tail})" for branch in branches]  # noqa: S608
        found = f"SELECT id FROM ({' UNION ALL '.join(parts)}) AS few {tail}"  # noqa: S608
        sql = f"SELECT {_COLUMNS} FROM jobs j WHERE id IN ({found}) {tail}"  # noqa: S608
    return list(await lent.fetch(sql, *parameters.values))


async def _searched(
    wanted: JobFilter, *, limit: int, descending: bool, after: tuple[datetime, str] | None
) -> tuple[list[Any], bool]:
    """Return the jobs that match a search, and whether they are few enough to be counted.

    A word that few jobs have is looked up in its index; one that many have is found soon by walking the list. Which it
    is nobody knows before, least of all the planner; so both are tried, the second when the first takes too long.
    """
    for plan, most_ms in _SEARCHES:
        try:
            async with transaction(readonly=True) as lent:
                await lent.execute(f"{plan}; SET LOCAL statement_timeout = {most_ms}")
                items = await _listed(lent, wanted, limit=limit, descending=descending, after=after)
        except asyncpg.QueryCanceledError:
            continue
        return items, (plan, most_ms) == _SEARCHES[0]
    raise InvalidInput("q: takes too long", fields={"q": "takes too long; use a rarer word, or narrow the time"})


_LOOK_UP = "SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off"
_WALK = "SET LOCAL enable_bitmapscan = off"
_SEARCHES = ((_LOOK_UP, 20), (_WALK, 200), (_LOOK_UP, 5_000))


async def _branches(lent: Any, wanted: JobFilter, parameters: Parameters) -> list[list[str]] | None:
    """Return the conditions of one index range each, None where a plain query is better.

    Dead letters are few, and have an index of their own.

    The indexes begin with (type, status), (queue_name, status) or status. A list of values, or a status that is not
    asked for, breaks their order; so the query is cut into one for each combination that has any jobs.
    """
    if wanted.final_reason and not wanted.q:
        rest = conditions(wanted, parameters, without=frozenset({"final_reason"}))
        return [[f"final_reason = {parameters.add(reason)}::text", *rest] for reason in wanted.final_reason]
    if (
        wanted.q
        or wanted.user_id
        or wanted.worker
        or wanted.priority
        or not (wanted.type or wanted.queue or wanted.status)
    ):
        return None
    counts = await lent.fetch(
        "SELECT type, queue_name, status, count FROM job_counts WHERE count > 0"
        " AND ($1::text[] IS NULL OR type = ANY($1)) AND ($2::text[] IS NULL OR queue_name = ANY($2))"
        " AND ($3::text[] IS NULL OR status = ANY($3))",
        wanted.type or None, wanted.queue or None, wanted.status or None,
    )  # fmt: skip
    column = "type" if wanted.type else "queue_name" if wanted.queue else None
    combinations = sorted({(record[column] if column else None, record["status"]) for record in counts})
    if len(combinations) > MOST_BRANCHES:
        return None
    handled = frozenset({"status", "type" if wanted.type else "queue"})
    rest = conditions(wanted, parameters, without=handled)
    return [
        [
            *([f"{column} = {parameters.add(value)}::text"] if column else []),
            f"status = {parameters.add(status)}::text",
            *rest,
        ]
        for value, status in combinations
    ]


async def _total(wanted: JobFilter, *, at_least: int) -> Total:
    if wanted.is_counted:
        async with connection() as lent:
            return int(
                await lent.fetchval(
                    "SELECT coalesce(sum(count), 0)::int8 FROM job_counts WHERE ($1::text[] IS NULL OR type = ANY($1))"
                    " AND ($2::text[] IS NULL OR queue_name = ANY($2)) AND ($3::text[] IS NULL OR status = ANY($3))",
                    wanted.type or None, wanted.queue or None, wanted.status or None,
                )
            )  # fmt: skip
    parameters = Parameters()
    return await count(f"FROM jobs {_where(conditions(wanted, parameters))}", parameters.values, at_least=at_least)


def _where(found: list[str]) -> str:
    said = [condition for condition in found if condition]
    return f"WHERE {' AND '.join(said)}" if said else ""


def _position(record: Any) -> tuple[str, str]:
    return record["created_at"].isoformat(), record["id"]


def _after(cursor: str) -> tuple[datetime, str]:
    at, job_id = read_cursor(cursor, 2)
    try:
        found = datetime.fromisoformat(at)
        found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong_cursor() from None
    if found.tzinfo is None or "\0" in job_id:
        raise wrong_cursor()
    return found, job_id


def _row(record: Any) -> Row:
    progress = from_json(record["progress"])
    return {
        "id": record["id"],
        "type": record["type"],
        "queue": record["queue_name"],
        "status": record["status"],
        "priority": PRIORITIES.get(record["priority"], "NORMAL"),
        "attempt": record["attempts"],
        "errors": record["errors"],
        "max_attempts": record["max_attempts"],
        "user_id": record["user_id"],
        "progress": {name: progress.get(name) for name in PROGRESS} if isinstance(progress, dict) else None,
        "worker": record["processed_by"],
        "created_at": iso(record["created_at"]),
        "queued_at": iso(record["queued_at"]),
        "run_at": iso(record["run_at"]),
        "started_at": iso(record["started_at"]),
        "completed_at": iso(record["completed_at"]),
        "failed_at": iso(record["failed_at"]),
        "cancelled_at": iso(record["cancelled_at"]),
        "updated_at": iso(record["updated_at"]),
        "duration_ms": record["duration_ms"],
        "waited_ms": record["waited_ms"],
        "timeout_s": record["timeout_s"],
        "cancel_requested_at": iso(record["cancel_requested_at"]),
        "cancel_seen_at": iso(record["cancel_seen_at"]),
        "cancel_seen_by": record["processed_by"] if record["cancel_seen_at"] else None,
        "cancel_reason": record["cancel_reason"],
        "cancelled_by": record["cancelled_by"],
        "stuck_at": iso(record["stuck_at"]),
        "stuck_reason": record["stuck_reason"],
        "final_reason": record["final_reason"],
        "is_duplicate": record["is_duplicate"],
        "deduplication_key": record["deduplication_key"],
        "rate_limit_key": record["rate_limit_key"],
        "metadata": from_json(record["metadata"]) or {},
        "error": error_of(record["error"]),
        "held_by": None,  # the engine knows
        "seq": record["seq"],
    }


def _attempt(record: Any) -> Row:
    return dict(record) | {
        "started_at": iso(record["started_at"]),
        "ended_at": iso(record["ended_at"]),
        "error": error_of(record["error"]),
    }
