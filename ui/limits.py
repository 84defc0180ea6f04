"""Rate and concurrency limits in words, of tasks and of jobs, and what holds a job back."""

from __future__ import annotations

from typing import Any

from taskcast.states import JobState
from ui.durations import duration
from ui.model import Row

HELD = {
    "t": "Held back: task {} is paused",
    "c": "Held back by the concurrency limit {}",
    "r": "Held back by the rate limit {}",
}
PERIODS = {"s": ("second", 1), "m": ("minute", 60), "h": ("hour", 3600), "d": ("day", 86_400)}


def rate_words(limit: Any) -> str:
    """Return a rate limit in words: as announced (`10/m`, or count and seconds), or as a job has it."""
    if isinstance(limit, dict):
        count, period_ms = limit.get("count"), limit.get("period_ms")
        if count is None:
            return ""
        seconds = period_ms / 1000 if isinstance(period_ms, int | float) else None
    elif isinstance(limit, list | tuple) and len(limit) == 2:
        count, seconds = limit
    else:
        text = str(limit or "")
        count, _, unit = text.partition("/")
        if unit not in PERIODS:
            return text
        return f"{count} per {PERIODS[unit][0]}"
    word = next((word for word, length in PERIODS.values() if length == seconds), None)
    return f"{count} per {word}" if word else f"{count} in {duration(seconds * 1000 if seconds is not None else None)}"


def concurrency_words(limit: Any, key: Any = None) -> str:
    """Return a concurrency limit in words; the empty string if there is none."""
    return f"{limit} at once" + (f" per {key}" if key else "") if limit else ""


def held_words(row: Row) -> str | None:
    """Return what holds a waiting job back, if the gateway says so: `t:` a paused task, `c:` and `r:` a limit's key."""
    kind, _, key = str(row.get("held_by") or "").partition(":")
    if str(row.get("status") or "") != JobState.QUEUED or kind not in HELD:
        return None
    return HELD[kind].format(key[:80])
