"""Queries of table `queues`, joined with what the queue server counts now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.storage.concurrency import concurrency_now
from core.storage.connection import connection
from core.storage.pauses import shown
from core.storage.shapes import PRIORITIES, from_json
from core.storage.workers import SILENT_S
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Paused, QueueCounts

ENGINE_S = 4.0
"""How long a look at the queues waits for the queue server."""

OTHERS_AFTER_S = 3600
"""A queue into which only jobs of another broker came for so long belongs to that broker."""

Row = dict[str, Any]


async def list_queues(engine: Engine) -> list[Row]:
    """Return every queue that was used, is a task's or is paused, by name, with what waits and runs in it now."""
    return await queue_rows(
        await engine.queues(deadline_s=ENGINE_S),
        await engine.paused(deadline_s=ENGINE_S),
        await concurrency_now(engine, deadline_s=ENGINE_S),
    )


async def delete_queues_unseen_since(before: datetime) -> None:
    """Delete the names of queues that were not used since a time and of which no job is kept."""
    async with connection() as lent:
        await lent.execute(
            "DELETE FROM queues q WHERE seen_at < $1"
            " AND NOT EXISTS (SELECT 1 FROM job_counts c WHERE c.queue_name = q.name AND c.count > 0)",
            before,
        )


async def queue_rows(
    counts: Sequence[QueueCounts], paused: Mapping[str, Paused], concurrency: Mapping[str, list[Row]]
) -> list[Row]:
    """Return the rows of queues, given what the queue server counts, what it has paused and the limits in force."""
    async with connection() as lent:
        queues = await lent.fetch("SELECT name FROM queues UNION SELECT queue_name FROM tasks")
        observed = await lent.fetch(
            "SELECT name FROM queues WHERE observed_at > coalesce(own_at, '-infinity') + make_interval(secs => $1)",
            float(OTHERS_AFTER_S),
        )
        # The running minute and as much of the one before as makes sixty seconds.
        ended = await lent.fetch(
            """
            SELECT queue_name, sum((completed + failed + cancelled) * CASE WHEN at = date_trunc('minute', now()) THEN 1
                ELSE 1 - extract(epoch FROM now() - date_trunc('minute', now())) / 60 END)::float8 AS count
            FROM job_minutes WHERE at >= date_trunc('minute', now()) - interval '1 minute' GROUP BY queue_name
            """
        )
        workers = await lent.fetch(
            "SELECT queues::text AS queues, slots FROM workers WHERE state = 'running'"
            " AND seen_at > now() - make_interval(secs => $1)",
            float(SILENT_S),
        )
    rates = {record["queue_name"]: record["count"] for record in ended}
    served = [(from_json(record["queues"]), record["slots"]) for record in workers]
    foreign = {record["name"] for record in observed}
    known = {record["name"] for record in queues} | {key[2:] for key in paused if key.startswith("q:")}
    counted = {count.name: count for count in counts}
    return [
        _queue(
            name,
            paused.get(f"q:{name}"),
            counted.get(name),
            concurrency=concurrency.get(name, []),
            observed=name in foreign,
            per_minute=round(rates.get(name, 0.0), 1),
            slots=sum(slots for queues, slots in served if queues is None or name in queues),
        )
        for name in sorted(known | counted.keys())
    ]


def _queue(
    name: str,
    paused: Paused | None,
    counts: QueueCounts | None,
    *,
    concurrency: list[Row],
    observed: bool,
    per_minute: float,
    slots: int,
) -> Row:
    waiting = counts.waiting if counts else {}
    oldest_ms = counts.oldest_ms if counts else None
    holds_own = counts is not None and bool(
        sum(waiting.values()) + counts.running + counts.scheduled + counts.retrying + counts.held
    )
    return {
        "name": name,
        "paused": shown(paused),
        "waiting": {word: waiting.get(number, 0) for number, word in PRIORITIES.items()},
        "running": counts.running if counts else 0,
        "scheduled": counts.scheduled if counts else 0,
        "retrying": counts.retrying if counts else 0,
        "held": counts.held if counts else 0,
        "oldest_s": None if oldest_ms is None else oldest_ms / 1000,
        "per_minute": per_minute,
        "concurrency": concurrency,
        "observed": observed and not holds_own,
        "slots": slots,
    }
