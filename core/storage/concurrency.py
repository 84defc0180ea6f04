"""Concurrency limits per queue: what tasks announced and running jobs count under, with who runs and waits now."""

from __future__ import annotations

from typing import Any

from core.storage.connection import connection
from core.storage.shapes import from_json
from taskcast.engine.engine import Engine
from taskcast.limits import key_of

MOST_KEYS = 500
MOST_SHOWN = 20
"""Keys shown per queue: those that most jobs wait for, then those under which most run."""

Row = dict[str, Any]


async def concurrency_now(engine: Engine, *, deadline_s: float) -> dict[str, list[Row]]:
    """Return the concurrency limits in force, by queue: key, limit, running under the key in all queues, held here."""
    limits = await _known_limits()
    running, waiting = await engine.places(sorted({key for _, key in limits})[:MOST_KEYS], deadline_s=deadline_s)
    found: dict[tuple[str, str], Row] = {
        name: {"key": name[1], "limit": limit, "running": running.get(name[1], 0), "held": 0}
        for name, limit in limits.items()
    }
    for line in waiting:
        row = {"key": line.key, "limit": line.limit, "running": line.running, "held": line.held}
        found[line.queue, line.key] = row
    queues: dict[str, list[Row]] = {}
    for (queue, _), row in sorted(found.items(), key=_most_wanted):
        shown = queues.setdefault(queue, [])
        if len(shown) < MOST_SHOWN:
            shown.append(row)
    return queues


def _most_wanted(found: tuple[tuple[str, str], Row]) -> tuple[Any, ...]:
    name, row = found
    return -row["held"], -row["running"], name


async def _known_limits() -> dict[tuple[str, str], int]:
    """Return the limit of each queue and key: of tasks whose key is the same for all jobs, and of jobs that run."""
    async with connection() as lent:
        tasks = await lent.fetch(
            "SELECT name, queue_name, options::text AS options FROM tasks WHERE options->'concurrency' IS NOT NULL"
        )
        jobs = await lent.fetch(
            "SELECT DISTINCT queue_name, (limits->'concurrency')::text AS concurrency FROM jobs"
            " WHERE status = 'running' AND limits->'concurrency' IS NOT NULL LIMIT $1",
            MOST_KEYS,
        )
    limits: dict[tuple[str, str], int] = {}
    for task in tasks:
        options = from_json(task["options"])
        limit = options.get("concurrency")
        try:
            key = key_of(str(options["concurrency_key"]), {}) if options.get("concurrency_key") else task["name"]
        except ValueError:  # made of a job's arguments
            continue
        if isinstance(limit, int):
            limits[task["queue_name"], key] = limit
    for job in jobs:
        counted = from_json(job["concurrency"])
        if isinstance(counted, dict) and isinstance(counted.get("limit"), int) and isinstance(counted.get("key"), str):
            limits[job["queue_name"], counted["key"]] = counted["limit"]
    return limits
