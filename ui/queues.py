"""Queues and tasks as the browser draws them: short, flat, their pauses and limits in words."""

from __future__ import annotations

from typing import Any

from ui.durations import duration
from ui.limits import concurrency_words, rate_words
from ui.model import Row, millis
from ui.rows import cut


def queue_row(row: Row) -> Row:
    """Return what the pages draw of a queue; `oldest` in seconds."""
    waiting: Row = row.get("waiting") or {}
    return {
        "name": str(row.get("name") or ""),
        "paused": pause_of(row),
        "by": {name: int(waiting.get(name) or 0) for name in ("CRITICAL", "HIGH", "NORMAL", "LOW")},
        "waiting": sum(int(count or 0) for count in waiting.values()),
        "held": int(row.get("held") or 0),
        "running": int(row.get("running") or 0),
        "slots": int(row.get("slots") or 0),
        "scheduled": int(row.get("scheduled") or 0),
        "retrying": int(row.get("retrying") or 0),
        "oldest": row.get("oldest_s"),
        "rate": row.get("per_minute"),
        "observed": bool(row.get("observed")),
        "limits": [
            {
                "key": cut(limit.get("key")),
                "most": limit.get("limit"),
                "running": limit.get("running"),
                "held": limit.get("held"),
            }
            for limit in row.get("concurrency") or ()
        ],
    }


def task_row(row: Row) -> Row:
    """Return what the list of tasks draws of one, its options in words."""
    options: dict[str, Any] = row.get("options") or {}
    attempts = int(options.get("max_attempts") or 1)
    pause = options.get("backoff_s")
    growing = "growing from" if options.get("backoff", "exponential") == "exponential" else "always"
    return {
        "name": str(row.get("name") or ""),
        "paused": pause_of(row),
        "queue": str(row.get("queue") or options.get("queue") or ""),
        "priority": str(options.get("priority") or ""),
        "attempts": attempts,
        "backoff": f"{growing} {duration(pause * 1000)}" if attempts > 1 and isinstance(pause, int | float) else "",
        "timeout": duration(options["timeout_s"] * 1000) if options.get("timeout_s") else "none",
        "rate": rate_words(options.get("rate_limit")),
        "concurrency": concurrency_words(options.get("concurrency"), options.get("concurrency_key")),
        "executor": str(options.get("executor") or "thread"),
        "seen": millis(row.get("seen_at")),
    }


def pause_of(row: Row) -> Row | None:
    """Return who paused a queue or a task, why, since when and until when; None if it is not paused."""
    paused = row.get("paused")
    if not paused:
        return None
    found: Row = paused if isinstance(paused, dict) else {}
    return {"by": cut(found.get("by")), "reason": cut(found.get("reason")), "at": millis(found.get("at")),
            "until": millis(found.get("until"))}  # fmt: skip
