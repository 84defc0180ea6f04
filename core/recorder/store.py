"""Writing what a batch came to, with as few statements as it has kinds of change.

New rows go in by `COPY`. Old ones are updated from arrays, in three groups, because PostgreSQL's work depends on the
columns named: progress alone touches no index, and only a changed error makes the search words again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from core.recorder.changes import Attempt, Changes, Ends
from core.recorder.decoding import cut, int4, int8
from core.recorder.row import LOADED, MOVED, PROGRESSED, Row
from core.storage.histogram import add
from taskcast.events import WorkerInfo

TYPES = {
    "id": "text", "queue_name": "text", "type": "text", "status": "text", "seq": "int8", "created_at": "timestamptz",
    "updated_at": "timestamptz", "priority": "int2", "attempts": "int4", "errors": "int4", "deliveries": "int4",
    "max_attempts": "int4", "user_id": "text", "processed_by": "text", "duration_ms": "int8", "waited_ms": "int8",
    "final_reason": "text", "is_duplicate": "bool", "cancelled_by": "text", "cancel_reason": "text",
    "cancel_requested_at": "timestamptz", "cancel_seen_at": "timestamptz", "stuck_at": "timestamptz", "stuck_reason": "text",
    "queued_at": "timestamptz", "run_at": "timestamptz", "started_at": "timestamptz", "completed_at": "timestamptz",
    "failed_at": "timestamptz", "cancelled_at": "timestamptz", "timeout_s": "float8", "deduplication_key": "text",
    "rate_limit_key": "text", "limits": "jsonb", "max_deliveries": "int4", "data": "jsonb", "metadata": "jsonb", "progress": "jsonb", "result": "jsonb",
    "error": "jsonb", "stack_trace": "text", "message": "bytea",
}  # fmt: skip
DEFINITION = ("data", "timeout_s", "deduplication_key", "rate_limit_key", "limits", "max_deliveries", "metadata")
FLAGS: dict[str, str] = dict.fromkeys(DEFINITION, "defined") | {"progress": "progressed", "result": "has_result"}
"""Large columns that are written only where the row's flag says so."""
INSERTED = (*LOADED, *DEFINITION, "progress", "result", "error", "stack_trace", "message")
_FIXED = frozenset({"id", "queue_name", "type"})

_json = msgspec.json.Encoder()


def _update(columns: Sequence[str], *, large: bool) -> str:
    """Return the UPDATE that sets these columns from arrays, and the large ones where their flags are set."""
    sets = [f"{name} = u.{name}" for name in columns]
    given: list[tuple[str, str]] = [("id", "text"), *((name, TYPES[name]) for name in columns)]
    if large:
        given += [(name, TYPES[name]) for name in (*FLAGS, "message")]
        given += [(flag, "bool") for flag in dict.fromkeys(FLAGS.values())]
        sets += [f"{name} = CASE WHEN u.{flag} THEN u.{name} ELSE j.{name} END" for name, flag in FLAGS.items()]
        sets.append("message = coalesce(u.message, j.message)")
    # jsonb travels as text: whatever codec the connection has for it does not matter.
    arrays = [f"${i}::{'text' if kind == 'jsonb' else kind}[]" for i, (_, kind) in enumerate(given, start=1)]
    casts = [f"{name}::jsonb" if kind == "jsonb" else name for name, kind in given]
    return (
        f"UPDATE jobs j SET {', '.join(sets)} FROM (SELECT {', '.join(casts)} FROM unnest({', '.join(arrays)})"  # noqa: S608
        f" AS t({', '.join(name for name, _ in given)})) AS u({', '.join(name for name, _ in given)}) WHERE j.id = u.id"
    )


_MOVE_COLUMNS = tuple(name for name in LOADED if name not in _FIXED)
_END_COLUMNS = ("queue_name", "type", *_MOVE_COLUMNS, "error", "stack_trace")
_LARGE = (*FLAGS, "message", *dict.fromkeys(FLAGS.values()))
_MOVE = _update(_MOVE_COLUMNS, large=True)
_END = _update(_END_COLUMNS, large=True)
_PROGRESS_COLUMNS = ("progress", "updated_at", "seq")
_PROGRESS = _update(_PROGRESS_COLUMNS, large=False)

_LOAD = f"""
SELECT {", ".join(LOADED)}, data IS NULL, error IS NOT NULL OR stack_trace IS NOT NULL
FROM jobs WHERE id = ANY($1::text[])
"""  # noqa: S608


async def load(connection: Any, ids: Iterable[str]) -> list[Row]:
    """Return the rows of these jobs that the table has."""
    rows = []
    for record in await connection.fetch(_LOAD, list(ids)):
        row = Row(*record)
        row.stored, row.before = True, row.key
        rows.append(row)
    return rows


async def store(connection: Any, rows: Iterable[Row], changes: Changes) -> None:
    """Write rows and changes; the caller has the recorder's position locked, so that nobody else writes jobs."""
    touched = [row for row in rows if row.touch]
    if lost := [row.id for row in touched if row.stored and (row.gone or row.purge)]:
        await delete_traces(connection, lost)
    if deleted := [row.id for row in touched if row.stored and row.gone]:
        await connection.execute("DELETE FROM jobs WHERE id = ANY($1::text[])", deleted)
    alive = [row for row in touched if not row.gone]
    if new := [row for row in alive if not row.stored]:
        await _insert(connection, new)
    old = [row for row in alive if row.stored]
    await _change(connection, _END, (*_END_COLUMNS, *_LARGE), [row for row in old if row.failed or row.renamed])
    plain = [row for row in old if not (row.failed or row.renamed)]
    await _change(connection, _MOVE, (*_MOVE_COLUMNS, *_LARGE), [row for row in plain if row.touch == MOVED])
    await _change(connection, _PROGRESS, _PROGRESS_COLUMNS, [row for row in plain if row.touch == PROGRESSED])
    await count_moves(connection, ((row.before, row.key) for row in touched))
    await _attempts(connection, changes.attempts.values())
    await _logs(connection, changes)
    await _spans(connection, changes)
    await _workers(connection, changes)
    await _queues(connection, changes)
    await _pauses(connection, changes)


async def delete_traces(connection: Any, ids: Sequence[str]) -> None:
    """Delete the log lines and attempts of these jobs."""
    await connection.execute("DELETE FROM job_logs WHERE job_id = ANY($1::text[])", ids)
    await connection.execute("DELETE FROM job_attempts WHERE job_id = ANY($1::text[])", ids)


async def _insert(connection: Any, rows: Sequence[Row]) -> None:
    records = [[getattr(row, name) for name in INSERTED] for row in rows]
    await connection.copy_records_to_table("jobs", records=records, columns=INSERTED)


async def _change(connection: Any, sql: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    if rows:
        arrays = [[getattr(row, name) for row in rows] for name in columns]
        await connection.execute(sql, [row.id for row in rows], *arrays)


async def count_moves(connection: Any, moves: Iterable[tuple[Any, Any]]) -> None:
    """Keep `job_counts`, given what each job counted as before and counts as now (None: there is no row)."""
    deltas: Counter[Any] = Counter()
    for before, after in moves:
        if before != after:
            deltas[before] -= 1
            deltas[after] += 1
    changed = sorted((key, delta) for key, delta in deltas.items() if key is not None and delta)
    if changed:
        await connection.execute(
            """
            INSERT INTO job_counts (type, queue_name, status, count)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[])
            ON CONFLICT (type, queue_name, status) DO UPDATE SET count = job_counts.count + excluded.count
            """,
            *([key[i] for key, _ in changed] for i in range(3)),
            [delta for _, delta in changed],
        )


_BEGUN = """
INSERT INTO job_attempts
    (job_id, attempt, state, worker, host, pid, waited_ms, started_at, ended_at, duration_ms, reason, error, stack_trace)
SELECT a, b, c, d, e, f, g, h, i, j, k, l::jsonb, m FROM unnest(
    $1::text[], $2::int4[], $3::text[], $4::text[], $5::text[], $6::int4[], $7::int8[], $8::timestamptz[],
    $9::timestamptz[], $10::int8[], $11::text[], $12::text[], $13::text[]) AS t(a, b, c, d, e, f, g, h, i, j, k, l, m)
ON CONFLICT (job_id, attempt) DO UPDATE SET
    state = excluded.state, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
    reason = excluded.reason, error = excluded.error, stack_trace = excluded.stack_trace
"""
_REPLACED = ", worker = excluded.worker, host = excluded.host, pid = excluded.pid, waited_ms = excluded.waited_ms"
_REPLACED += ", started_at = excluded.started_at"
_ATTEMPT_FIELDS = (
    "job_id", "attempt", "state", "worker", "host", "pid", "waited_ms", "started_at", "ended_at", "duration_ms",
    "reason", "error", "stack_trace",
)  # fmt: skip


async def _attempts(connection: Any, attempts: Iterable[Attempt]) -> None:
    for begun in (True, False):
        if part := [attempt for attempt in attempts if attempt.begun is begun]:
            arrays = [[getattr(attempt, name) for attempt in part] for name in _ATTEMPT_FIELDS]
            await connection.execute(_BEGUN + (_REPLACED if begun else ""), *arrays)


_LOG_FIELDS = ("job_id", "attempt", "line", "level", "message", "context", "stack_trace", "created_at")
_LOGS_AGAIN = """
INSERT INTO job_logs (job_id, attempt, line, level, message, context, stack_trace, created_at)
SELECT a, b, c, d, e, f::jsonb, g, h FROM unnest($1::text[], $2::int4[], $3::int4[], $4::text[], $5::text[],
    $6::text[], $7::text[], $8::timestamptz[]) AS t(a, b, c, d, e, f, g, h)
ON CONFLICT (job_id, attempt, line) DO UPDATE SET level = excluded.level, message = excluded.message,
    context = excluded.context, stack_trace = excluded.stack_trace, created_at = excluded.created_at
"""


async def _logs(connection: Any, changes: Changes) -> None:
    if not changes.logs:
        return
    records = [[getattr(line, name) for name in _LOG_FIELDS] for line in changes.logs.values()]
    try:
        async with connection.transaction():
            await connection.copy_records_to_table("job_logs", records=records, columns=_LOG_FIELDS)
    except asyncpg.UniqueViolationError:
        await connection.execute(_LOGS_AGAIN, *map(list, zip(*records, strict=True)))


SPANS: dict[str, Callable[[datetime], datetime]] = {
    "job_minutes": lambda minute: minute,
    "job_hours": lambda minute: minute.replace(minute=0),
    "job_days": lambda minute: minute.replace(minute=0, hour=0),
}
"""The tables that ends are added up in, and the beginning of the span that a minute belongs to."""

Spans = dict[tuple[datetime, str, str], Ends]


async def _spans(connection: Any, changes: Changes) -> None:
    """Add what ended to its minute, its hour and its day."""
    if not changes.minutes:
        return
    for table, begin in SPANS.items():
        spans: Spans = {}
        for (at, job_type, queue), ends in changes.minutes.items():
            spans.setdefault((begin(at), job_type, queue), Ends()).add(ends)
        await _add_spans(connection, table, spans)


async def _add_spans(connection: Any, table: str, spans: Spans) -> None:
    keys = [[key[i] for key in spans] for i in range(3)]
    known = await connection.fetch(
        f"SELECT at, type, queue_name, histogram::text FROM {table} JOIN"  # noqa: S608
        " unnest($1::timestamptz[], $2::text[], $3::text[]) AS t(at, type, queue_name) USING (at, type, queue_name)",
        *keys,
    )
    sums = {key: dict(ends.histogram) for key, ends in spans.items()}
    for record in known:
        key = (record["at"].astimezone(UTC), record["type"], record["queue_name"])
        add(sums[key], {int(index): count for index, count in msgspec.json.decode(record["histogram"]).items()})
    await connection.execute(
        f"""
        INSERT INTO {table} (at, type, queue_name, completed, failed, cancelled, retried, duration_ms_sum, histogram)
        SELECT a, b, c, d, e, f, g, h, i::jsonb FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::int4[],
            $5::int4[], $6::int4[], $7::int4[], $8::int8[], $9::text[]) AS t(a, b, c, d, e, f, g, h, i)
        ON CONFLICT (at, type, queue_name) DO UPDATE SET completed = {table}.completed + excluded.completed,
            failed = {table}.failed + excluded.failed, cancelled = {table}.cancelled + excluded.cancelled,
            retried = {table}.retried + excluded.retried,
            duration_ms_sum = {table}.duration_ms_sum + excluded.duration_ms_sum, histogram = excluded.histogram
        """,  # noqa: S608
        *keys,
        *([getattr(ends, name) for ends in spans.values()] for name in Ends.__slots__ if name != "histogram"),
        [_json.encode(histogram).decode() for histogram in sums.values()],
    )


async def _workers(connection: Any, changes: Changes) -> None:
    for worker, news in changes.workers.items():
        info: WorkerInfo = news.info
        await connection.execute(
            """
            INSERT INTO workers AS w (id, host, pid, state, queues, slots, busy, loop_lag_ms, cpu, rss_bytes, version,
                started_at, seen_at, stopped_at, lingering)
            VALUES ($1, $2, $3, $4::varchar, $5::text::jsonb, $6, $7::text::jsonb, $8, $9, $10, $11,
                coalesce($12::timestamptz, $13::timestamptz), $13::timestamptz,
                CASE WHEN $4::varchar <> 'running' THEN $13::timestamptz END, $15::text::jsonb)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state, seen_at = excluded.seen_at,
                stopped_at = excluded.stopped_at, busy = excluded.busy, lingering = excluded.lingering, started_at = coalesce($12::timestamptz, w.started_at),
                host = excluded.host, pid = excluded.pid, loop_lag_ms = excluded.loop_lag_ms, cpu = excluded.cpu,
                queues = CASE WHEN $14::bool THEN w.queues ELSE excluded.queues END,
                slots = CASE WHEN $14::bool THEN w.slots ELSE excluded.slots END,
                rss_bytes = CASE WHEN $14::bool THEN w.rss_bytes ELSE excluded.rss_bytes END,
                version = CASE WHEN $14::bool THEN w.version ELSE excluded.version END
            """,
            cut(worker, 255),
            cut(info.host, 255),
            int4(info.pid),
            news.state,
            None if info.queues is None else _json.encode(info.queues).decode(),
            int4(info.slots),
            _json.encode(info.busy if news.state == "running" else []).decode(),
            info.loop_lag_ms,
            info.cpu,
            int8(info.rss_bytes),
            cut(info.version, 64),
            news.started_at,
            news.at,
            news.state == "lost",  # all that is known of one found dead is its name
            _json.encode(info.lingering if news.state == "running" else []).decode(),
        )
    if changes.tasks:
        await _tasks(connection, changes)


async def _tasks(connection: Any, changes: Changes) -> None:
    tasks = []
    for name, news in changes.tasks.items():
        options = dict(news.options)
        schema = options.pop("schema", None) or {}
        queue = options.get("queue")
        tasks.append((name, queue if isinstance(queue, str) else "default", options, schema, news.at))
    await connection.execute(
        """
        INSERT INTO tasks (name, queue_name, options, schema, seen_at)
        SELECT a, b, c::jsonb, d::jsonb, e
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS t(a, b, c, d, e)
        ON CONFLICT (name) DO UPDATE SET queue_name = excluded.queue_name, options = excluded.options,
            schema = excluded.schema, seen_at = excluded.seen_at
        """,
        [task[0][:255] for task in tasks],
        [task[1][:64] for task in tasks],
        [_json.encode(task[2]).decode() for task in tasks],
        [_json.encode(task[3]).decode() for task in tasks],
        [task[4] for task in tasks],
    )


async def _queues(connection: Any, changes: Changes) -> None:
    seen = sorted(changes.queues.items())
    if not seen:
        return
    await connection.execute(
        """
        INSERT INTO queues AS q (name, seen_at, own_at, observed_at)
        SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
        ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, own_at = greatest(q.own_at, excluded.own_at),
            observed_at = greatest(q.observed_at, excluded.observed_at)
        WHERE q.seen_at < excluded.seen_at - interval '1 minute'
            OR (q.own_at IS NULL AND excluded.own_at IS NOT NULL)
            OR (q.observed_at IS NULL AND excluded.observed_at IS NOT NULL)
        """,
        [name for name, _ in seen],
        [news.seen_at for _, news in seen],
        [news.own_at for _, news in seen],
        [news.observed_at for _, news in seen],
    )


async def _pauses(connection: Any, changes: Changes) -> None:
    if over := [key for key, news in changes.pauses.items() if news is None]:
        await connection.execute("DELETE FROM pauses WHERE key = ANY($1::text[])", over)
    for key, news in changes.pauses.items():
        if news is not None:
            await connection.execute(
                "INSERT INTO pauses (key, by, reason, at, until) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO UPDATE"
                " SET by = excluded.by, reason = excluded.reason, at = excluded.at, until = excluded.until",
                key, news.by, news.reason, news.at, news.until,
            )  # fmt: skip
