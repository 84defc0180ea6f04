"""A job as the browser draws it: short, flat, only what a line or a page shows, times in milliseconds since 1970."""

from __future__ import annotations

import math
from typing import Any

from taskcast.states import FINAL, JobState
from ui.limits import held_words
from ui.model import Row, millis
from ui.words import stuck_words

TEXT = 240
"""Characters of any one text in a table's row; the job's own page shows the whole."""


def table_row(row: Row) -> Row:
    """Return what a table draws of a job."""
    progress: Row = row.get("progress") or {}
    status = str(row.get("status") or "")
    error: Row = row.get("error") or {}
    return {
        "id": row["id"],
        "type": row.get("type") or "",
        "queue": row.get("queue") or "",
        "status": status,
        "priority": row.get("priority"),
        "attempt": row.get("attempt") or 0,
        "max": row.get("max_attempts"),
        "errors": row.get("errors") or 0,
        "user": row.get("user_id"),
        "worker": row.get("worker"),
        "percent": _percent(progress, status),
        "step": cut(progress.get("current_step")),
        "message": cut(progress.get("message")),
        "done": progress.get("completed_steps"),
        "total": progress.get("total_steps"),
        "eta": _eta(row, progress),
        "created": millis(row.get("created_at")),
        "started": millis(row.get("started_at")),
        "ended": ended(row),
        "due": millis(row.get("run_at")),
        "took": row.get("duration_ms"),
        "error": cut(error_line(error)) if error else None,
        "reason": row.get("final_reason"),
        "asked": bool(row.get("cancel_requested_at")) and status == JobState.RUNNING,
        "stuck": _stuck(row, status),
        "held": held_words(row),
        "cause": cut(cancel_words(row)) if status == JobState.CANCELLED else None,
    }


def cancel_words(row: Row) -> str:
    """Return who cancelled a job and why, as far as they said."""
    by, reason = row.get("cancelled_by"), row.get("cancel_reason")
    return " · ".join(part for part in (f"by {by}" if by else "", f"“{reason}”" if reason else "") if part)


def ended(row: Row) -> int | None:
    """Return when the job ended, in milliseconds; None while it has not."""
    key = {"completed": "completed_at", "failed": "failed_at", "cancelled": "cancelled_at"}.get(str(row.get("status")))
    return millis(row.get(key)) if key else None


def delta(old: Row | None, new: Row) -> Row:
    """Return the fields of `new` that differ from `old`; all of them if there is no `old`."""
    return new if old is None else {key: value for key, value in new.items() if old.get(key) != value}


def error_line(error: Row) -> str:
    """Return an error in one line, its type without the module."""
    name = str(error.get("type") or "Error").rpartition(".")[2]
    lines = str(error.get("message") or "").strip().splitlines()
    return f"{name}: {lines[0]}" if lines else name


def _stuck(row: Row, status: str) -> str | None:
    """Return why a job that has not ended looks stuck; None if it does not."""
    if not row.get("stuck_at") or status in FINAL:
        return None
    return stuck_words(row.get("stuck_reason")) or "No sign of life"


def _percent(progress: Row, status: str) -> float | None:
    if status == JobState.COMPLETED:
        return 100.0
    value = progress.get("percentage")
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return round(min(100.0, max(0.0, float(value))), 1)


def _eta(row: Row, progress: Row) -> int | None:
    seconds, at = progress.get("eta_s"), millis(row.get("updated_at"))
    if not isinstance(seconds, int | float) or math.isnan(seconds) or at is None or abs(seconds) > 1e9:
        return None
    return at + round(seconds * 1000)


def cut(text: Any) -> str | None:
    """Return a text in one line of at most `TEXT` characters."""
    if text is None:
        return None
    line = " ".join(str(text).split())
    return line if len(line) <= TEXT else line[: TEXT - 1] + "…"
