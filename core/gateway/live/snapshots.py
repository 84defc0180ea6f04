"""Snapshots: rows and the position they are true at, read once for all who ask for the same at about the same time.

When a gateway comes back, thousands of clients ask for one snapshot within a moment; they share it, and each gets every
event after its position.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from core.gateway.live.shape import Shape
from core.job_now import job_now, with_holds
from core.storage import live
from core.storage.filters import JobFilter
from core.storage.jobs import snapshot
from taskcast.engine.engine import Engine
from taskcast.errors import JobNotFound
from taskcast.protocol import Filter
from taskcast.states import Priority

SHARED_S = 1.0
"""A snapshot is given to all who ask for it within this time."""
PART_BYTES = 48 * 1024
LOGS_BYTES = 1024 * 1024
"""A job's snapshot has fewer than the wanted lines rather than more than this; REST has the earlier ones."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """The position, and the rows as the ends of frames: what follows `{"s":"...",`."""

    position: int
    parts: list[str]


class Snapshots:
    """Reads snapshots of lists and of single jobs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._shared: dict[Any, tuple[float, asyncio.Task[Snapshot]]] = {}

    async def of_jobs(self, shape: Shape, *, limit: int) -> Snapshot:
        """Return the newest jobs that the shape wants."""
        key = (shape.filter, shape.user, limit)
        return await self._share(key, lambda: self._read_jobs(shape, limit))

    async def of_job(self, job_id: str, *, tail: int) -> Snapshot:
        """Return one job with its last log lines."""
        return await self._share((job_id, tail), lambda: self._read_job(job_id, tail))

    async def check_visible(self, job_id: str, user: str | None) -> None:
        """See that the job exists and, for those who see only their own, is theirs.

        Raises:
            JobNotFound: if it is not; the existence of another's job is not told.
        """
        owner = await live.owner(job_id)
        if owner is None:
            row = await job_now(self._engine, job_id)
            if row is None:
                raise JobNotFound(job_id)
            owner = (row["user_id"],)
        if user is not None and owner[0] != user:
            raise JobNotFound(job_id)

    async def _share(self, key: Any, read: Callable[[], Awaitable[Snapshot]]) -> Snapshot:
        now = time.monotonic()
        for old in [old for old, (at, _) in self._shared.items() if now - at > SHARED_S]:
            del self._shared[old]
        if key not in self._shared:
            task = asyncio.ensure_future(read())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._shared[key] = (now, task)
        return await asyncio.shield(self._shared[key][1])

    async def _read_jobs(self, shape: Shape, limit: int) -> Snapshot:
        wanted = _job_filter(shape)
        if wanted is None:
            items: list[Row] = []
            position = await live.position()
        else:
            items, position = await snapshot(wanted, limit)
        return Snapshot(position, _parts(await with_holds(self._engine, items), position))

    async def _read_job(self, job_id: str, tail: int) -> Snapshot:
        job, logs, position = await live.job_snapshot(job_id, tail)
        if job is None:
            job = await job_now(self._engine, job_id)
        else:
            [job] = await with_holds(self._engine, [job])
        return Snapshot(position, _job_parts(job, logs, position))


def _parts(items: list[Row], position: int) -> list[str]:
    return _frames([f'"items":[{part}]' for part in _cut(_texts(items))], position)


def _job_parts(job: Row | None, logs: list[Row], position: int) -> list[str]:
    texts = _texts(logs)
    size = 0
    for count, text in enumerate(reversed(texts)):
        size += len(text)
        if size > LOGS_BYTES and count > 0:
            texts = texts[-count:]
            break
    first, *more = _cut(texts)
    shown = msgspec.json.encode(job).decode()
    return _frames([f'"job":{shown},"logs":[{first}]', *(f'"logs":[{part}]' for part in more)], position)


def _texts(rows: list[Row]) -> list[str]:
    return [msgspec.json.encode(row).decode() for row in rows]


def _cut(texts: list[str]) -> list[str]:
    """Join rows into parts of a comfortable size; there is always one."""
    parts: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if parts[-1] and size + len(text) > PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text)
    return [",".join(part) for part in parts]


def _frames(bodies: list[str], position: int) -> list[str]:
    *before, last = bodies
    return [
        *(f'"snap":{{{body},"last":false}},"pos":"{position}"}}' for body in before),
        f'"snap":{{{last},"last":true}},"pos":"{position}"}}',
    ]


def _job_filter(shape: Shape) -> JobFilter | None:
    """Return the database's filter for a shape, or None if no job can match."""
    wanted = shape.filter or Filter()
    if any(getattr(wanted, name) == () for name in wanted.__struct_fields__):
        return None
    users = list(wanted.user_id or ())
    if shape.user is not None:
        if users and shape.user not in users:
            return None
        users = [shape.user]
    return JobFilter(
        status=list(wanted.status or ()),
        queue=list(wanted.queue or ()),
        type=list(wanted.type or ()),
        user_id=users,
        priority=[int(Priority.parse(name)) for name in wanted.priority or ()],
    )
