"""What the screen knows, made from events: `apply` is pure and the only place where an event changes a row.

A row is REST's row as a dict. Nothing here talks to a server or to a browser.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from taskcast import events as ev
from taskcast.states import JobState, Priority

Row = dict[str, Any]

ATTEMPT_FIELDS = ("started_at", "completed_at", "failed_at", "cancelled_at", "duration_ms", "progress", "error")
CANCEL_FIELDS = ("cancel_requested_at", "cancel_seen_at", "cancel_seen_by", "cancel_reason", "cancelled_by")


def iso(at_ms: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC, as the gateway writes times."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis(text: object) -> int | None:
    """Return an ISO 8601 time as milliseconds since 1970; None for None and for what is no time."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def apply(row: Row | None, event: ev.Event) -> Row | None:
    """Return the row after the event; the same object if the event is old or says nothing about it, None if it is gone.

    A row that is not known yet is made from what the event says; `is_partial` then marks that REST knows more.
    """
    if not event.job or (row is not None and event.seq <= int(row.get("seq") or 0)):
        return row
    if isinstance(event, ev.JobDeleted):
        return None
    change = _CHANGES.get(type(event))
    if change is None:
        return row
    base = row if row is not None else _unknown(event)
    new = {**base, **change(base, event), "seq": event.seq, "updated_at": iso(event.at)}
    if event.state:
        new["status"] = event.state
    if event.attempt:
        new["attempt"] = event.attempt
    return new


def apply_detail(row: Row | None, event: ev.Event) -> Row | None:
    """Do as `apply`, and keep what only a job's own page shows: attempts, arguments, result and stack trace."""
    new = apply(row, event)
    if new is None or new is row:
        return new
    new["attempts"] = _attempts(list((row or {}).get("attempts") or []), new, event)
    if isinstance(event, ev.JobCompleted):
        new["result"], new["stack_trace"] = event.data.result, None
    elif isinstance(event, ev.JobFailed | ev.JobRetrying):
        new["stack_trace"] = event.data.stack_trace
    elif isinstance(event, ev.JobQueued | ev.JobScheduled):
        new["data"] = event.data.data
        if event.data.reason == "retry":
            new["result"] = new["stack_trace"] = None
    return new


def newer(known: Row | None, found: Row) -> Row:
    """Return whichever row stands later in the order of events; what was read completes what was pieced together."""
    if known is None or int(found.get("seq") or 0) >= int(known.get("seq") or 0):
        return found
    if known.get("is_partial"):
        return {**found, **{k: v for k, v in known.items() if v is not None and k != "is_partial"}, "is_partial": False}
    return known


def _unknown(event: ev.Event) -> Row:
    row: Row = {
        "id": event.job, "type": event.task or "", "queue": event.queue or "", "user_id": event.user,
        "status": event.state or JobState.RUNNING.value, "priority": None, "attempt": event.attempt, "errors": 0,
        "max_attempts": None, "created_at": None, "progress": None, "seq": 0, "is_partial": True,
    }  # fmt: skip
    return row


def _accepted(row: Row, event: Any) -> Row:
    data: ev.JobRow = event.data
    change: Row = {
        "priority": Priority(data.priority).name,
        "created_at": data.created_at,
        "run_at": data.run_at,
        "max_attempts": data.max_attempts,
        "timeout_s": data.timeout_s,
        "deduplication_key": data.deduplication_key,
        "rate_limit_key": data.rate_limit_key,
        "metadata": data.metadata,
        "queued_at": iso(event.at) if event.state != JobState.SCHEDULED else row.get("queued_at"),
        "worker": None,
        "queued_reason": data.reason,
        "held_by": None,
        "limits": getattr(data, "limits", None),
        "stuck_at": None,
        "stuck_reason": None,
        "is_partial": False,
    }
    if data.reason in {"retry", "enqueued"}:
        change |= dict.fromkeys((*ATTEMPT_FIELDS, *CANCEL_FIELDS, "final_reason"))
        change["errors"] = 0
    elif data.reason != "due":
        change |= {"started_at": None, "progress": None}
    return change


def _started(row: Row, event: Any) -> Row:
    started: ev.Started = event.data
    waited = iso(event.at - started.waited_ms)
    return {
        **dict.fromkeys(ATTEMPT_FIELDS),
        "worker": started.worker,
        "waited_ms": started.waited_ms,
        "started_at": iso(event.at),
        "queued_at": row.get("queued_at") or waited,
        "created_at": row.get("created_at") or waited,
        "stuck_at": None,
        "stuck_reason": None,
    }


def _progressed(row: Row, event: Any) -> Row:
    p: ev.Progressed = event.data
    return {
        "progress": {
            "percentage": p.percentage,
            "current_step": p.current_step,
            "total_steps": p.total_steps,
            "completed_steps": p.completed_steps,
            "message": p.message,
            "eta_s": p.eta_s,
        },
        "stuck_at": None,
        "stuck_reason": None,
    }


def _completed(_: Row, event: Any) -> Row:
    return {"completed_at": iso(event.at), "duration_ms": event.data.duration_ms, "error": None, "run_at": None}


def _error(error: ev.ErrorInfo) -> Row:
    return {"type": error.type, "message": error.message, "code": error.code}


def _failed(row: Row, event: Any) -> Row:
    data: ev.Failed = event.data
    return {
        "failed_at": iso(event.at),
        "duration_ms": data.duration_ms,
        "error": _error(data.error),
        "final_reason": data.final_reason,
        "errors": int(row.get("errors") or 0) + (data.final_reason in {"error", "timeout"}),
        "run_at": None,
    }


def _retrying(_: Row, event: Any) -> Row:
    data: ev.Retrying = event.data
    return {
        "run_at": data.run_at,
        "errors": data.errors,
        "max_attempts": data.max_attempts,
        "duration_ms": data.duration_ms,
        "error": _error(data.error),
        "worker": None,
    }


def _cancelled(row: Row, event: Any) -> Row:
    data: ev.Cancelled = event.data
    return {
        "cancelled_at": iso(event.at),
        "duration_ms": data.duration_ms,
        "cancelled_by": data.by or row.get("cancelled_by"),
        "cancel_reason": data.reason or row.get("cancel_reason"),
        "run_at": None,
    }


def _cancel_requested(_: Row, event: Any) -> Row:
    return {
        "cancel_requested_at": iso(event.at),
        "cancelled_by": event.data.by,
        "cancel_reason": event.data.reason,
        "cancel_seen_at": None,
        "cancel_seen_by": None,
    }


_CHANGES: dict[type[ev.Event], Callable[[Row, Any], Row]] = {
    ev.JobScheduled: _accepted,
    ev.JobQueued: _accepted,
    ev.JobStarted: _started,
    ev.JobProgressed: _progressed,
    ev.JobCompleted: _completed,
    ev.JobFailed: _failed,
    ev.JobRetrying: _retrying,
    ev.JobCancelledEvent: _cancelled,
    ev.JobCancelRequested: _cancel_requested,
    ev.JobCancelSeen: lambda _, event: {"cancel_seen_at": iso(event.at), "cancel_seen_by": event.data.worker},
    ev.JobStuck: lambda _, event: {"stuck_at": iso(event.at), "stuck_reason": event.data.reason},
    ev.JobDeduplicated: lambda _row, _event: {"is_duplicate": True},
}


def _attempts(attempts: list[Row], row: Row, event: ev.Event) -> list[Row]:
    if isinstance(event, ev.JobStarted):
        attempts = [a for a in attempts if a.get("attempt") != event.attempt]
        started = event.data
        attempts.append({
            "attempt": event.attempt, "state": "running", "worker": started.worker, "host": started.host,
            "pid": started.pid, "waited_ms": started.waited_ms, "started_at": iso(event.at), "ended_at": None,
            "duration_ms": None, "reason": None, "error": None, "stack_trace": None,
        })  # fmt: skip
        return attempts
    ended = isinstance(event, ev.JobCompleted | ev.JobFailed | ev.JobRetrying | ev.JobCancelledEvent)
    given_back = isinstance(event, ev.JobQueued) and event.was == JobState.RUNNING
    if (ended or given_back) and attempts and attempts[-1].get("ended_at") is None:
        last = {**attempts[-1], "state": event.state, "ended_at": iso(event.at)}
        if isinstance(event, ev.JobFailed | ev.JobRetrying):
            last |= {"error": row["error"], "stack_trace": event.data.stack_trace, "reason": event.data.final_reason}
        if isinstance(event, ev.JobQueued):
            last["reason"] = event.data.reason
        last["duration_ms"] = getattr(event.data, "duration_ms", None)
        return [*attempts[:-1], last]
    return attempts
