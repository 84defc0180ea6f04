"""A job's page as data: a pure function from the job's detail to the parts the browser draws."""

from __future__ import annotations

import json
from typing import Any

from taskcast.states import JobState
from ui.durations import duration
from ui.limits import concurrency_words, rate_words
from ui.looks import FINAL_REASONS, PRIORITIES, QUEUED_REASONS, STATES
from ui.model import Row, millis
from ui.results import result_parts
from ui.rows import cancel_words, error_line, table_row
from ui.words import stuck_words

SHOWN_CHARACTERS = 300_000
SHOWN_ATTEMPTS = 50
LOST = "lost"
"""State of an attempt, not of a job: its worker has vanished."""
LOG_KEPT_MS = 86_400_000
"""The lines of completed jobs are kept at least a day, the least that can be set."""
WIDE = 40
"""Characters above which a fact takes a whole line; the browser knows the same number."""


def job_page(row: Row) -> Row:
    """Return the parts of the page by name; a part that did not change is equal to what it was."""
    status = str(row.get("status") or "")
    return {
        "missing": False,
        "problem": None,
        "job": table_row(row) | {"message": _text((row.get("progress") or {}).get("message"))},
        "facts": _facts(row),
        "timeline": timeline(row),
        "arguments": shown(row.get("data")) if "data" in row else None,
        "result": _result(row.get("result")) if status == JobState.COMPLETED and "result" in row else None,
        "error": _error(row),
        "cancel": _cancel(row),
        "attempts": [_attempt(attempt) for attempt in row.get("attempts") or []][-SHOWN_ATTEMPTS:],
    }


def _result(result: Any) -> Row:
    return shown(result) | result_parts(result)


def empty_log(row: Row, *, now: float) -> str:
    """Return why a job has no log lines, and whether any may still come; `now` in ms."""
    status = str(row.get("status") or "")
    if status in {JobState.SCHEDULED, JobState.QUEUED} and not row.get("attempt"):
        return "The job has not begun; its log lines will appear here."
    if status == JobState.COMPLETED and now - (millis(row.get("completed_at")) or now) > LOG_KEPT_MS:
        return "No log lines: nothing was logged, or it is so old that they were deleted."
    if status in JobState._value2member_map_ and JobState(status).is_final:
        return "Nothing was logged." if row.get("attempt") else "The job never began, so nothing was logged."
    return "Nothing is logged yet; lines will appear here as they come."


def shown(value: Any) -> Row:
    """Return any JSON value as text to read, with what was cut of it; never raises."""
    cut = value.get("$cut") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(cut, dict):
        return {"text": _text(cut.get("head")) or "", "cut": _size(cut.get("bytes"))}
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=repr)
    except (ValueError, TypeError, RecursionError):
        text = repr(value)
    if len(text) > SHOWN_CHARACTERS:
        return {"text": text[:SHOWN_CHARACTERS], "cut": _size(len(text.encode("utf-8", "replace")))}
    return {"text": text.encode("utf-8", "replace").decode(), "cut": None}


def timeline(row: Row) -> list[Row]:
    """Return what happened to the job, newest first, across all its attempts."""
    items: list[Row] = []

    def add(at: Any, tone: str, title: str, text: str = "", *, now: bool = False) -> None:
        when = millis(at)
        if when is not None:
            items.append({"at": when, "tone": tone, "title": title, "text": text, "now": now})

    status = str(row.get("status") or "")
    by = row.get("user_id")
    add(row.get("created_at"), "idle", "Accepted", f"for {by}" if by else "")
    if row.get("run_at") and status == JobState.SCHEDULED:
        items.append(_due(row, "Due", "waits for its time"))
    attempts: list[Row] = row.get("attempts") or []
    for attempt in attempts:
        number = attempt.get("attempt")
        waited = attempt.get("waited_ms")
        on = f"on {attempt['worker']}" if attempt.get("worker") else ""
        pause = f" · waited {duration(waited)}" if waited is not None else ""
        state = str(attempt.get("state") or "")
        add(attempt.get("started_at"), "info", _named("Started", number, attempts), on + pause,
            now=status == JobState.RUNNING and attempt is attempts[-1])  # fmt: skip
        add(attempt.get("ended_at"), *_end_of(attempt, state, number, attempts))
    if not attempts:
        add(row.get("started_at"), "info", "Started", f"on {row['worker']}" if row.get("worker") else "")
    if row.get("cancel_requested_at"):
        add(row["cancel_requested_at"], "warn", "Cancel requested", cancel_words(row))
        add(row.get("cancel_seen_at"), "warn", "Cancel seen", f"by {_seen_by(row) or 'its worker'}")
    add(
        row.get("stuck_at"),
        "warn",
        "Looks stuck",
        stuck_words(row.get("stuck_reason")) or "no sign of life for some time",
    )
    if status == JobState.RETRYING and row.get("run_at"):
        items.append(_due(row, "Next attempt", "waits before it tries again"))
    ended_by_attempt = attempts and attempts[-1].get("ended_at") and attempts[-1].get("state") == status
    if not ended_by_attempt:
        add(row.get("completed_at"), "ok", "Completed")
        reason = FINAL_REASONS.get(str(row.get("final_reason")), "")
        add(row.get("failed_at"), "bad", "Failed for good", reason)
        add(row.get("cancelled_at"), "idle", "Cancelled", cancel_words(row))
    order = sorted(enumerate(items), key=lambda pair: (pair[1]["at"], pair[0]), reverse=True)
    return [item for _, item in order]


def _named(word: str, number: Any, attempts: list[Row]) -> str:
    return f"{word}, attempt {number}" if len(attempts) > 1 else word


def _end_of(attempt: Row, state: str, number: Any, attempts: list[Row]) -> tuple[str, str, str]:
    error: Row = attempt.get("error") or {}
    took = f"after {duration(attempt['duration_ms'])}" if attempt.get("duration_ms") is not None else ""
    what = " · ".join(part for part in (error_line(error)[:200] if error else "", took) if part)
    if state == JobState.COMPLETED:
        return "ok", _named("Completed", number, attempts), took
    if state == JobState.FAILED:
        reason = FINAL_REASONS.get(str(attempt.get("reason")), "")
        return "bad", "Failed for good", what or reason
    if state == JobState.CANCELLED:
        return "idle", "Cancelled", took
    if state == JobState.RETRYING:
        return "warn", f"Attempt {number} failed", what
    if state == LOST:
        return "warn", _named("Worker lost", number, attempts), "its lease ran out"
    reason = QUEUED_REASONS.get(str(attempt.get("reason")), str(attempt.get("reason") or state))
    return "idle", "Back in the queue", reason


def _due(row: Row, title: str, text: str) -> Row:
    return {"at": millis(row.get("run_at")) or 0, "tone": "warn", "title": title, "text": text, "now": False}


def _facts(row: Row) -> list[list[Any]]:
    attempt, most = row.get("attempt") or 0, row.get("max_attempts")
    errors = row.get("errors") or 0
    priority = str(row.get("priority") or "")
    facts: list[list[Any]] = [
        ["Queue", row.get("queue") or "—", ""],
        ["Worker", row.get("worker") or "—", "mono"],
        ["Attempt", f"{attempt}" if attempt else "not begun", ""],
        ["Errors", f"{errors} of {most} allowed" if most else str(errors), ""],
        ["Priority", next((label for p, label in PRIORITIES.items() if p.name == priority), priority or "—"), ""],
        ["Timeout", duration(row["timeout_s"] * 1000) if row.get("timeout_s") else "none", ""],
        ["Waited", duration(row.get("waited_ms")), ""],
        ["Took", duration(row.get("duration_ms")), ""],
    ]
    if row.get("user_id"):
        facts.append(["For", str(row["user_id"]), ""])
    limits: Row = row.get("limits") or {}
    if concurrency := limits.get("concurrency"):
        words = concurrency_words(concurrency.get("limit"))
        facts.append(["Concurrency limit", f"{words}, key {concurrency.get('key')}", ""])
    if rate := limits.get("rate"):
        facts.append(["Rate limit", f"{rate_words(rate)}, key {rate.get('key')}", ""])
    if row.get("deliveries"):
        facts.append(["Lost workers", f"{row['deliveries']} of {row.get('max_deliveries') or 3}", ""])
    for key, label in (("deduplication_key", "Deduplication key"), ("rate_limit_key", "Rate limit key")):
        if row.get(key) and not (key == "rate_limit_key" and limits.get("rate")):
            facts.append([label, str(row[key]), "mono"])
    for key, value in list((row.get("metadata") or {}).items())[:12]:
        facts.append(
            [str(key)[:60], value if isinstance(value, str) else json.dumps(value, default=repr)[:400], "mono"]
        )
    return sorted(facts, key=lambda fact: len(str(fact[1])) > WIDE)


def _attempt(attempt: Row) -> Row:
    """Return one attempt; its error only where it has one, its end only when it has ended."""
    error: Row = attempt.get("error") or {}
    state = str(attempt.get("state") or "")
    reason = str(attempt.get("reason") or "")
    said_enough = state in {JobState.RUNNING, JobState.COMPLETED} or reason == "error"
    words = "" if said_enough else FINAL_REASONS.get(reason) or QUEUED_REASONS.get(reason)
    if state == LOST:
        words = "its worker was lost"
    return {
        "n": attempt.get("attempt") or 0,
        "state": state,
        "worker": _text(attempt.get("worker")),
        "process": " · ".join(
            part
            for part in (_text(attempt.get("host")) or "", f"process {attempt['pid']}" if attempt.get("pid") else "")
            if part
        ),
        "started": millis(attempt.get("started_at")),
        "ended": millis(attempt.get("ended_at")),
        "took": attempt.get("duration_ms"),
        "waited": attempt.get("waited_ms"),
        "reason": words or "",
        "error": error_line(error)[:2000] if error else None,
        "trace": _text(attempt.get("stack_trace")),
    }


def _error(row: Row) -> Row | None:
    error: Row | None = row.get("error")
    status = str(row.get("status") or "")
    if not error or status in (JobState.COMPLETED, JobState.CANCELLED):
        return None
    final = status == JobState.FAILED
    reason = FINAL_REASONS.get(str(row.get("final_reason")), "") if final else "an attempt failed; another follows"
    return {
        "type": _text(error.get("type")) or "Error",
        "message": _text(error.get("message")) or "",
        "code": _text(error.get("code")),
        "reason": reason,
        "trace": _text(row.get("stack_trace")),
        "final": final,
    }


def _cancel(row: Row) -> Row | None:
    if not row.get("cancel_requested_at"):
        return None
    status = str(row.get("status") or "")
    state = STATES.get(JobState(status)) if status in JobState._value2member_map_ else None
    final = bool(state) and JobState(status).is_final
    ended = millis(row.get("cancelled_at") or row.get("completed_at") or row.get("failed_at")) if final else None
    return {
        "asked": millis(row.get("cancel_requested_at")),
        "by": cancel_words(row),
        "seen": millis(row.get("cancel_seen_at")),
        "worker": _seen_by(row),
        "stopped": ended,
        "ended": state.label if state and final else None,
    }


def _seen_by(row: Row) -> str | None:
    """Return the worker that has seen the request to stop; it is the one that had the attempt."""
    if not row.get("cancel_seen_at") and row.get("status") != JobState.CANCELLED:
        return None
    return _text(row.get("cancel_seen_by") or row.get("worker"))


def _text(value: Any) -> str | None:
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def _size(count: Any) -> str:
    if not isinstance(count, int | float):
        return "more"
    for unit in ("bytes", "KB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return "more"
