"""Durations in words for people."""

from __future__ import annotations

from typing import Any


def duration(ms: Any) -> str:
    """Return milliseconds for a person: 840 ms, 1.2 s, 3 min 05 s, 2 h 10 min."""
    if not isinstance(ms, int | float):
        return "—"
    seconds = ms / 1000
    if ms < 1000:
        return f"{round(ms)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s".replace(" 00 s", "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min".replace(" 00 min", "") if hours < 48 else f"{hours // 24} days {hours % 24} h"
