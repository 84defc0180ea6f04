"""Queries of table `tasks`: what workers announced, joined with what the queue server has paused."""

from __future__ import annotations

from typing import Any

from core.storage.connection import connection
from core.storage.pauses import shown
from core.storage.shapes import from_json, iso
from taskcast.engine.engine import Engine

ENGINE_S = 4.0
"""How long a look at the pauses waits for the queue server."""

Row = dict[str, Any]

_COLUMNS = "name, queue_name, options::text AS options, schema::text AS schema, seen_at"


async def list_tasks() -> list[Row]:
    """Return every task that a worker ever announced, by name."""
    async with connection() as lent:
        return [_task(record) for record in await lent.fetch(f"SELECT {_COLUMNS} FROM tasks ORDER BY name")]  # noqa: S608


async def task_rows(engine: Engine) -> list[Row]:
    """Return the same with the pause of each, None where there is none."""
    paused = await engine.paused(deadline_s=ENGINE_S)
    return [task | {"paused": shown(paused.get(f"t:{task['name']}"))} for task in await list_tasks()]


async def get_task(name: str) -> Row | None:
    """Return one task, or None."""
    async with connection() as lent:
        found = await lent.fetchrow(f"SELECT {_COLUMNS} FROM tasks WHERE name = $1", name)  # noqa: S608
    return None if found is None else _task(found)


def _task(record: Any) -> Row:
    return {
        "name": record["name"],
        "queue": record["queue_name"],
        "options": from_json(record["options"]) or {},
        "schema": from_json(record["schema"]) or {},
        "seen_at": iso(record["seen_at"]),
    }
