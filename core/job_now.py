"""One job as it is now: its row, corrected by what the engine knows where the recorder is a moment behind.

The correction concerns the state and what hangs on it; progress, logs and results come from the table alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from core.storage.jobs import job_detail
from core.storage.live import position
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import LiveJob, Tombstone
from taskcast.errors import EngineUnavailable, TaskcastError
from taskcast.ids import FOREIGN_ID
from taskcast.states import FINAL, JobState, Priority

logger = logging.getLogger(__name__)

ENGINE_WAIT_S = 1.5
"""How long a look at one job waits for the engine; its row is shown without it then."""
HOLDS_WAIT_S = 0.3
"""How long a list of jobs waits for what holds them back."""
RECORDER_WAIT_S = 1.5
RECORDER_STEP_S = 0.05
SHOWN_FROM_ROW = "a job is shown from its row alone: the engine cannot be reached"

Row = dict[str, Any]

_EMPTY: Row = {
    "progress": None,
    "worker": None,
    "queued_at": None,
    "run_at": None,
    "started_at": None,
    "completed_at": None,
    "failed_at": None,
    "cancelled_at": None,
    "duration_ms": None,
    "waited_ms": None,
    "timeout_s": None,
    "cancel_requested_at": None,
    "cancel_seen_at": None,
    "cancel_seen_by": None,
    "cancel_reason": None,
    "cancelled_by": None,
    "stuck_at": None,
    "stuck_reason": None,
    "final_reason": None,
    "is_duplicate": False,
    "deduplication_key": None,
    "rate_limit_key": None,
    "metadata": {},
    "error": None,
    "data": None,
    "result": None,
    "stack_trace": None,
    "deliveries": 0,
    "max_deliveries": 3,
    "limits": None,
    "held_by": None,
    "attempts": [],
}
"""What a job that has only just been accepted does not have yet."""


class NotRecordedYet(TaskcastError):
    """The job has ended, but its end is not in the database yet; try again in a moment."""

    code = "not_recorded_yet"


async def job_now(engine: Engine, job_id: str, *, surely: bool = False) -> Row | None:
    """Return a job in the shape of REST's detail, without `may`; None if neither table nor engine know it.

    Without the engine's word a row may be behind: good enough to be shown, but nothing to refuse a command for. So
    `surely` fails where the engine cannot be asked. Without a row either, nobody can say that there is no such job.

    Raises:
        NotRecordedYet: if the job has begun and ended since the recorder wrote last, and it does not catch up at once.
        EngineUnavailable: if the engine cannot be reached, and there is no row, or it has to be sure.
    """
    if not FOREIGN_ID.fullmatch(job_id):
        return None
    # The engine is asked first: what it forgets meanwhile is in the table by then.
    try:
        live = await engine.job(job_id, deadline_s=ENGINE_WAIT_S)
    except EngineUnavailable:
        row = None if surely else await job_detail(job_id)
        if row is None:
            raise
        logger.warning(SHOWN_FROM_ROW, extra={"job_id": job_id})
        return row
    row = await job_detail(job_id)
    tombstone = live.tombstone if live is not None and live.state is None else None
    if tombstone is not None and (row is None or row["seq"] < tombstone.seq):
        # The end alone would be half a truth: its result or error is on its way into the table.
        try:
            row = await _row_of_ended(job_id, tombstone)
        except NotRecordedYet:
            if row is None:
                raise
    if row is None:
        return _of_engine(live) if live is not None and live.state is not None else None
    return corrected(row, live)


async def job_after(engine: Engine, row: Row) -> Row:
    """Return a job that was just read, after something was done to it."""
    return corrected(row, await _ask(engine, row["id"]))


async def with_holds(engine: Engine, rows: list[Row]) -> list[Row]:
    """Return the rows of a list, those that wait with what holds them back; without it while the engine is away."""
    waiting = [row["id"] for row in rows if row["status"] == JobState.QUEUED]
    if not waiting:
        return rows
    try:
        held = await engine.held_by(waiting, deadline_s=HOLDS_WAIT_S)
    except EngineUnavailable:
        return rows
    return [row | {"held_by": held[row["id"]]} if row["id"] in held else row for row in rows]


async def _ask(engine: Engine, job_id: str) -> LiveJob | None:
    try:
        return await engine.job(job_id, deadline_s=ENGINE_WAIT_S)
    except EngineUnavailable:
        logger.warning(SHOWN_FROM_ROW, extra={"job_id": job_id})
        return None


async def _row_of_ended(job_id: str, tombstone: Tombstone) -> Row | None:
    """Wait until the recorder has passed a job's end, so that a caller sees what they were told of; then read its row."""
    until = time.monotonic() + RECORDER_WAIT_S
    while await position() < tombstone.seq:
        if time.monotonic() > until:
            raise NotRecordedYet
        await asyncio.sleep(RECORDER_STEP_S)
    # No row after all: it was deleted.
    return await job_detail(job_id)


def corrected(row: Row, live: LiveJob | None) -> Row:
    """Return the row with what the engine knows better."""
    if live is None:
        return row
    row = row | {"held_by": live.held_by}
    if live.state is not None and live.seq > row["seq"]:
        was_final = JobState(row["status"]) in FINAL
        row = row | {
            "status": live.state,
            "attempt": live.attempt,
            "errors": live.errors,
            "worker": live.worker or row["worker"],
            "run_at": _time(live.run_at_ms) if live.run_at_ms else row["run_at"],
            "seq": live.seq,
        }
        if was_final:
            # A new life after a retry by hand: what the row says of the end is history.
            row |= dict.fromkeys(("completed_at", "failed_at", "cancelled_at", "final_reason", "error", "result"))
        row |= _begun(live, row.get("attempts"))
    elif live.state is None and live.tombstone is not None and live.tombstone.seq > row["seq"]:
        tomb = live.tombstone
        row = row | {"status": tomb.state, "attempt": tomb.attempt, "seq": tomb.seq}
        row[f"{tomb.state}_at"] = _time(tomb.seq // 1000)
    return row


def _of_engine(live: LiveJob) -> Row:
    head, row = live.head or {}, live.row or {}
    at = _time(live.seq // 1000)
    return _EMPTY | {
        "id": live.id,
        "type": head.get("task", ""),
        "queue": live.queue or head.get("queue", ""),
        "status": live.state,
        "priority": Priority(live.priority or row.get("priority", Priority.NORMAL)).name,
        "attempt": live.attempt,
        "errors": live.errors,
        "deliveries": live.deliveries,
        "max_attempts": row.get("max_attempts", 1),
        "max_deliveries": row.get("max_deliveries", 3),
        "limits": row.get("limits"),
        "held_by": live.held_by,
        "user_id": head.get("user"),
        "worker": live.worker,
        "created_at": row.get("created_at") or at,
        "queued_at": at if live.state == JobState.QUEUED else None,
        "run_at": _time(live.run_at_ms) if live.run_at_ms else row.get("run_at"),
        "updated_at": at,
        "timeout_s": row.get("timeout_s"),
        "deduplication_key": row.get("deduplication_key"),
        "rate_limit_key": row.get("rate_limit_key"),
        "metadata": row.get("metadata") or {},
        "data": row.get("data"),
        "seq": live.seq,
        **_begun(live, []),
    }


def _begun(live: LiveJob, attempts: list[Row] | None) -> Row:
    """Return what a running job's row says of its attempt; whoever holds this row does not take in the event of it."""
    if live.state != JobState.RUNNING:
        return {}
    at = _time(live.seq // 1000)
    begun = {"started_at": at, "waited_ms": _waited_ms(live)}
    if attempts is None:
        return begun
    # One that was given back before has the same number; its row says how it was left.
    before = [attempt for attempt in attempts if attempt["attempt"] != live.attempt]
    attempt = dict.fromkeys(("host", "pid", "ended_at", "duration_ms", "reason", "error", "stack_trace"))
    attempt |= begun | {"attempt": live.attempt, "state": live.state, "worker": live.worker}
    return begun | {"attempts": [*before, attempt]}


def _waited_ms(live: LiveJob) -> int | None:
    """Return how long a first attempt had waited for its worker; of a later one the record does not tell."""
    row = live.row or {}
    since = row.get("run_at") or row.get("created_at")
    if live.attempt != 1 or not isinstance(since, str):
        return None
    return max(0, live.seq // 1000 - round(datetime.fromisoformat(since).timestamp() * 1000))


def _time(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
