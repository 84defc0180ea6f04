"""Queries of table `workers`: the processes that run jobs, as they told of themselves last."""

from __future__ import annotations

from typing import Any

from core.storage.connection import connection
from core.storage.shapes import from_json, iso

Row = dict[str, Any]

SILENT_S = 300
"""A worker that has not been heard of for so long is shown as lost, whatever it said last; it beats every 15 s."""
SHOWN_S = 3600
"""How long a worker that has stopped is still shown."""


async def list_workers() -> list[Row]:
    """Return the workers that run, or stopped within the last hour; the newest first."""
    async with connection() as lent:
        records = await lent.fetch(
            """
            SELECT id, host, pid, queues::text AS queues, slots, busy::text AS busy, lingering::text AS lingering, loop_lag_ms, cpu, rss_bytes, version,
                started_at, seen_at, stopped_at,
                CASE WHEN state = 'running' AND seen_at < now() - make_interval(secs => $1) THEN 'lost' ELSE state END
                    AS state
            FROM workers
            WHERE seen_at > now() - make_interval(secs => $2)
            ORDER BY started_at DESC, id
            """,
            float(SILENT_S),
            float(SHOWN_S),
        )
    return [_worker(record) for record in records]


async def running_workers() -> list[tuple[str, list[str] | None]]:
    """Return the workers that have not said that they stopped, with the queues each serves, None for all."""
    async with connection() as lent:
        records = await lent.fetch("SELECT id, queues::text FROM workers WHERE state = 'running'")
    return [(record[0], from_json(record[1])) for record in records]


def _worker(record: Any) -> Row:
    return {
        "id": record["id"],
        "host": record["host"],
        "pid": record["pid"],
        "state": record["state"],
        "queues": from_json(record["queues"]),
        "slots": record["slots"],
        "busy": from_json(record["busy"]) or [],
        "lingering": from_json(record["lingering"]) or [],
        "loop_lag_ms": record["loop_lag_ms"],
        "cpu": record["cpu"],
        "rss_bytes": record["rss_bytes"],
        "version": record["version"],
        "started_at": iso(record["started_at"]),
        "seen_at": iso(record["seen_at"]),
        "stopped_at": iso(record["stopped_at"]),
    }
