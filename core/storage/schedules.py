"""Queries of tables `schedules` and `schedule_runs`: what runs when, and what came of each slot."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from core.errors import InvalidInput
from core.storage.connection import connection, transaction
from core.storage.shapes import from_json, iso
from core.timing import Timing

Row = dict[str, Any]

RECENT = 10
MISSED_WITHIN = timedelta(days=7)

_SCHEDULES = """
SELECT name, title, task, arguments::text AS arguments, queue, priority, max_attempts, timeout_s, kind, cron, every_s, at, anchor,
       time_zone, why, source, policy, paused::text AS paused, position, created_by, created_at, updated_at
FROM schedules
"""

_RECENT = """
SELECT s.name, r.slot, r.state, r.job_id, r.by, r.error, j.status,
       extract(epoch FROM coalesce(j.completed_at, j.failed_at, j.cancelled_at) - j.started_at) AS duration_s
FROM unnest($1::text[]) AS s (name)
CROSS JOIN LATERAL (SELECT * FROM schedule_runs WHERE schedule = s.name ORDER BY slot DESC LIMIT $2) AS r
LEFT JOIN jobs j ON j.id = r.job_id
ORDER BY r.slot DESC
"""

_UPSERT = """
INSERT INTO schedules (name, title, task, arguments, queue, priority, max_attempts, timeout_s, kind, cron, every_s, at, anchor,
                       time_zone, why, source, policy, position, created_by, created_at, updated_at)
VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, now(), $18, now(), now())
"""

_REPLACED = """
ON CONFLICT (name) DO UPDATE SET title = excluded.title, task = excluded.task, arguments = excluded.arguments,
    queue = excluded.queue, priority = excluded.priority, max_attempts = excluded.max_attempts, timeout_s = excluded.timeout_s,
    kind = excluded.kind, cron = excluded.cron, every_s = excluded.every_s, at = excluded.at,
    time_zone = excluded.time_zone, why = excluded.why, source = excluded.source, policy = excluded.policy, updated_at = now(),
    anchor = CASE WHEN schedules.every_s = excluded.every_s THEN schedules.anchor ELSE excluded.anchor END,
    position = CASE WHEN (schedules.cron, schedules.every_s, schedules.at, schedules.time_zone)
                         IS DISTINCT FROM (excluded.cron, excluded.every_s, excluded.at, excluded.time_zone)
                    THEN now() ELSE schedules.position END
"""
"""New times count from now on, by the clock of the schedulers: what they would have been before is not made up for."""


async def list_schedules(now: datetime | None = None) -> list[Row]:
    """Return every schedule in the shape of REST, those that are due next first."""
    return await _list(f"{_SCHEDULES} ORDER BY name", now=now)


async def get_schedule(name: str) -> Row | None:
    """Return one schedule in the shape of REST, or None."""
    return next(iter(await _list(f"{_SCHEDULES} WHERE name = $1", name)), None)


async def _list(query: str, *values: str, now: datetime | None = None) -> list[Row]:
    async with connection() as lent:
        records = await lent.fetch(query, *values)
        names = [record["name"] for record in records]
        runs = await lent.fetch(_RECENT, names, RECENT)
        missed = dict(
            await lent.fetch(
                "SELECT schedule, count(*) FROM schedule_runs WHERE state = 'missed' AND slot > $1 AND schedule = ANY($2) GROUP BY 1",
                datetime.now(UTC) - MISSED_WITHIN,
                names,
            )
        )
    recent: dict[str, list[Row]] = {name: [] for name in names}
    for run in runs:
        recent[run["name"]].append(_run(run))
    now = now or datetime.now(UTC)
    rows = [_shown(record, recent[record["name"]], missed.get(record["name"], 0), now) for record in records]
    return sorted(rows, key=lambda row: (not row["next_runs"], row["next_runs"][:1], row["id"]))


async def all_records() -> list[Any]:
    """Return every schedule as it is stored, for the scheduler."""
    async with connection() as lent:
        records: list[Any] = await lent.fetch(_SCHEDULES)
    return records


def timing(record: Any) -> Timing:
    """Return when a stored schedule is due."""
    return Timing(
        kind=record["kind"], cron=record["cron"], every_s=record["every_s"], at=record["at"], time_zone=record["time_zone"],
        anchor=record["anchor"],
    )  # fmt: skip


def paused_at(record: Any, moment: datetime) -> bool:
    """Tell whether a stored schedule is paused at a moment."""
    pause = from_json(record["paused"])
    if not pause:
        return False
    until = pause.get("until")
    return until is None or datetime.fromisoformat(until) > moment


async def add(fields: Row, when: Timing, *, by: str, replace: bool = False) -> bool:
    """Store a schedule; return False if one of this name exists and is not to be replaced."""
    values = (
        fields["name"], fields["title"], fields["task"], msgspec.json.encode(fields.get("arguments") or {}).decode(),
        fields.get("queue"), fields.get("priority"), fields.get("max_attempts"), fields.get("timeout_s"), when.kind,
        when.cron, when.every_s, when.at, when.anchor, when.time_zone, fields.get("why") or "", fields["source"],
        fields.get("policy") or "once", by,
    )  # fmt: skip
    ending = _REPLACED if replace else "ON CONFLICT (name) DO NOTHING"
    async with connection() as lent:
        status: str = await lent.execute(_UPSERT + ending, *values)
    return status.endswith("1")


async def set_pause(name: str, pause: Row | None) -> None:
    """Pause a schedule, or let it go on; slots of the pause are not made up for, nor are those that wait to be sent."""
    text = None if pause is None else msgspec.json.encode(pause).decode()
    async with transaction() as lent:
        await lent.execute(
            """UPDATE schedules SET position = CASE WHEN $2::text IS NULL AND paused IS NOT NULL THEN greatest(position, now())
                                                    ELSE position END, paused = $2::text::jsonb, updated_at = now()
               WHERE name = $1""",
            name,
            text,
        )
        if pause is not None:
            await lent.execute(
                """UPDATE schedule_runs SET state = 'missed', error = 'paused before it could be sent', try_at = NULL
                   WHERE schedule = $1 AND state = 'due'""",
                name,
            )


async def remove(name: str) -> bool:
    """Delete a schedule and all of its slots; return whether there was one."""
    async with transaction() as lent:
        await lent.execute("DELETE FROM schedule_runs WHERE schedule = $1", name)
        status: str = await lent.execute("DELETE FROM schedules WHERE name = $1", name)
    return status.endswith("1")


async def remove_others_of_code(names: Sequence[str]) -> list[str]:
    """Delete the schedules that were in the code once and are not any more; return their names.

    What was sent stays known: a scheduler of an earlier deploy may bring them back.
    """
    async with transaction() as lent:
        rows = await lent.fetch(
            "DELETE FROM schedules WHERE source = 'code' AND NOT name = ANY($1::text[]) RETURNING name", list(names)
        )
        gone = [row["name"] for row in rows]
        await lent.execute("DELETE FROM schedule_runs WHERE schedule = ANY($1::text[]) AND state = 'due'", gone)
    return gone


async def decide(
    name: str,
    position: datetime,
    reached: datetime,
    due: Sequence[tuple[datetime, str]],
    missed: Sequence[tuple[datetime, str]],
) -> bool:
    """Write down the slots of a schedule up to a time, each once.

    Returns False if another scheduler was faster, or the schedule was changed or paused meanwhile.

    Args:
        name: of the schedule.
        position: how far it was decided when the caller looked.
        reached: how far it is now.
        due: `(slot, job id)` of those to be sent.
        missed: of those that are not.
    """
    slots = [*due, *missed]
    async with transaction() as lent:
        moved = await lent.execute(
            """UPDATE schedules SET position = $3, paused = CASE WHEN (paused ->> 'until')::timestamptz <= $3 THEN NULL
                                                                 ELSE paused END
               WHERE name = $1 AND position = $2 AND (paused IS NULL OR (paused ->> 'until')::timestamptz <= $3)""",
            name, position, reached,
        )  # fmt: skip
        if not moved.endswith("1"):
            return False
        await lent.execute(
            """INSERT INTO schedule_runs (schedule, slot, state, job_id, error, tries, created_at)
               SELECT $1, slot, state, job_id, CASE state WHEN 'missed' THEN 'no scheduler was there in time' END, 0, now()
               FROM unnest($2::timestamptz[], $3::text[], $4::text[]) AS r (slot, state, job_id)
               ON CONFLICT (schedule, slot) DO NOTHING""",
            name, [slot for slot, _ in slots], ["due"] * len(due) + ["missed"] * len(missed), [job for _, job in slots],
        )  # fmt: skip
    return True


async def go_back(name: str, position: datetime, back_to: datetime) -> None:
    """Set a schedule back from a time that was wrong; what was decided about the time ahead and not sent is forgotten."""
    async with transaction() as lent:
        moved = await lent.execute(
            "UPDATE schedules SET position = $3 WHERE name = $1 AND position = $2", name, position, back_to
        )
        if moved.endswith("1"):
            await lent.execute(
                "DELETE FROM schedule_runs WHERE schedule = $1 AND slot > $2 AND state <> 'sent'", name, back_to
            )


async def add_run(name: str, slot: datetime, job_id: str, *, by: str) -> None:
    """Write down a run by hand whose job was sent."""
    async with connection() as lent:
        await lent.execute(
            """INSERT INTO schedule_runs (schedule, slot, state, job_id, by, tries, created_at, sent_at)
               VALUES ($1, $2, 'sent', $3, $4, 0, now(), now()) ON CONFLICT (schedule, slot) DO NOTHING""",
            name, slot, job_id, by,
        )  # fmt: skip


async def due_runs(limit: int = 100) -> list[Any]:
    """Return the slots to be sent now, oldest first, with their schedules."""
    async with connection() as lent:
        records: list[Any] = await lent.fetch(
            """SELECT r.id, r.schedule, r.slot, r.job_id, r.by, r.tries, r.created_at, s.task, s.arguments::text AS arguments,
                      s.queue, s.priority, s.max_attempts, s.timeout_s,
                      EXISTS (SELECT 1 FROM jobs j WHERE j.id = r.job_id) AS recorded,
                      r.created_at < now() - interval '24 hours' AS given_up
               FROM schedule_runs r JOIN schedules s ON s.name = r.schedule
               WHERE r.state = 'due' AND (r.try_at IS NULL OR r.try_at <= now()) ORDER BY r.slot LIMIT $1""",
            limit,
        )
    return records


async def mark(run_id: int, state: str, *, error: str | None = None) -> bool:
    """Say what became of a slot that was due; return whether this caller was the one to say it."""
    async with connection() as lent:
        status: str = await lent.execute(
            """UPDATE schedule_runs SET state = $2::text, error = $3, try_at = NULL,
                      sent_at = CASE $2::text WHEN 'sent' THEN now() END
               WHERE id = $1 AND state = 'due'""",
            run_id, state, error,
        )  # fmt: skip
    return status.endswith("1")


async def try_later(run_id: int, *, error: str, after_s: float) -> None:
    """Say why a slot could not be sent, and when it is tried again."""
    async with connection() as lent:
        await lent.execute(
            """UPDATE schedule_runs SET error = $2, tries = tries + 1, try_at = now() + make_interval(secs => $3)
               WHERE id = $1 AND state = 'due'""",
            run_id, error[:500], after_s,
        )  # fmt: skip


async def delete_runs_before(before: datetime) -> int:
    """Delete what is known of slots before a time; return how many."""
    async with connection() as lent:
        status: str = await lent.execute("DELETE FROM schedule_runs WHERE slot < $1 AND state <> 'due'", before)
    return int(status.rsplit(maxsplit=1)[-1])


async def database_time() -> datetime:
    """Return the time that all schedulers go by: PostgreSQL's."""
    async with connection() as lent:
        now: datetime = await lent.fetchval("SELECT clock_timestamp()")
    return now


def _shown(record: Any, recent: list[Row], missed: int, now: datetime) -> Row:
    when, pause = timing(record), from_json(record["paused"])
    if pause and not paused_at(record, now):
        pause = None
    upcoming: list[datetime] = []
    # A zone may have left the tables of zones since.
    with suppress(InvalidInput):
        if not pause:
            upcoming = when.next_runs(now)
        elif pause.get("until"):
            upcoming = when.next_runs(max(now, datetime.fromisoformat(pause["until"])))
    return {
        "id": record["name"],
        "title": record["title"],
        "task": record["task"],
        "queue": record["queue"],
        "priority": record["priority"],
        "arguments": from_json(record["arguments"]) or {},
        "max_attempts": record["max_attempts"],
        "timeout_s": record["timeout_s"],
        "kind": record["kind"],
        "cron": record["cron"],
        "every_s": record["every_s"],
        "at": iso(record["at"]),
        "time_zone": record["time_zone"],
        "why": record["why"],
        "source": record["source"],
        "policy": record["policy"],
        "paused": {"by": None, "reason": None, "at": None, "until": None} | pause if pause else None,
        "next_runs": [iso(slot) for slot in upcoming],
        "last_run": recent[0] if recent else None,
        "recent": recent,
        "missed": missed,
        "created_by": record["created_by"],
        "updated_at": iso(record["updated_at"]),
    }


def _run(record: Any) -> Row:
    duration = record["duration_s"]
    return {
        "slot": iso(record["slot"]),
        "state": record["state"],
        "job": record["job_id"] if record["state"] == "sent" else None,
        "outcome": record["status"],
        "duration_s": None if duration is None else round(float(duration), 3),
        "by": record["by"],
        "error": record["error"],
    }
