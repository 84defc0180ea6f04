"""Stuck jobs: those that do not move although they should, found by comparing the tables with the queue server.

Five things are looked for, see `Reason`. What can be put right is; each finding is told as `job.stuck`, once until the
job moves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from redis.exceptions import RedisError

from core.loops import Loop, jittered
from core.resender import Resender
from core.storage.connection import DatabaseAway, transaction
from core.storage.live import position
from core.storage.unfinished import PAGE, Candidate, page_of_queued, still_unfinished, waiting_rows, watched_rows
from core.storage.workers import running_workers
from taskcast.engine import wire
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import QueueCounts
from taskcast.errors import EngineFull, EngineUnavailable
from taskcast.states import JobState

EVERY_S = 30.0
LEASE_MS = 15_000
CATCH_UP_S = 2.0
"""How long to wait for the recorder, whose tables must not be judged while they are behind."""
DEEP = 20_000
"""From so many waiting jobs on only a queue's oldest are looked for."""
LONGEST_S = 10 * 366 * 86400.0
LOCK = 0x737475636B  # "stuck": the advisory lock that two checks at once queue for

logger = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a job looks stuck."""

    PAST_TIMEOUT = "past_timeout"  # it runs, and should have been stopped
    UNKNOWN_TO_ENGINE = "unknown_to_engine"  # the tables have it unfinished, the queue server has nothing
    MISPLACED = "misplaced"  # the queue server has its record, but nothing leads to it
    OWNER_LOST = "owner_lost"  # its worker's lease is gone, and nobody took the job back
    NO_WORKER = "no_worker"  # it waits in a queue that no live worker serves


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on a job looks stuck, in seconds."""

    unmoved_s: float = 30.0
    past_timeout_s: float = 30.0
    lease_gone_s: float = 45.0
    no_worker_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A job that looks stuck, and what was done about it."""

    job: str
    reason: Reason
    action: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check came to."""

    checked: int
    found: list[Finding]
    at: datetime


class StuckCheck:
    """Looks for stuck jobs; any number of processes may, one after the other.

    `counted` is how many findings of each reason were told.

    Args:
        engine: the queue server.
        resender: what becomes of jobs that it forgot.
        lease_ms: how long a worker's lease lasts.
        limits: from when on a job looks stuck.
    """

    def __init__(
        self, *, engine: Engine, resender: Resender, lease_ms: int = LEASE_MS, limits: Limits | None = None
    ) -> None:
        self.counted: Counter[str] = Counter()
        self._engine, self._resender, self._lease_ms = engine, resender, lease_ms
        self._limits = limits or Limits()
        self._after = ""
        self._one_here = asyncio.Lock()  # those who wait must not use up the connections that the first one needs

    async def check(self) -> Checked:
        """Do one check: of the running, the oldest that wait, the overdue, and in turn of a part of all the others."""
        async with self._one_here, transaction() as lock:
            await lock.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            now, told = await self._now(), self.counted.total()
            queues = await self._engine.queues()
            rows = await self._rows(now - _seconds(self._limits.unmoved_s), queues)
            found = await self._no_worker(queues, now)
            checked = {row.id for row in rows} | {finding.job for finding in found}
            for look in (self._unknown, self._owner_lost, self._misplaced, self._past_timeout):
                named = {finding.job for finding in found}
                found += await look([row for row in rows if row.id not in named], now)
            if self.counted.total() > told:
                await self._recorded()  # so that the next check, wherever it is done, sees what this one has told
        return Checked(len(checked), found, now)

    async def _rows(self, unmoved_since: datetime, queues: Sequence[QueueCounts]) -> list[Candidate]:
        """Return the jobs to look at: those watched always, and at each check a further page of those that wait.

        Where very many wait, only the oldest are looked at: a job is looked for in its lane, from the front.
        """
        page = await page_of_queued(unmoved_since, after=self._after)
        self._after = page[-1].id if len(page) == PAGE else ""
        deep = {queue.name for queue in queues if sum(queue.waiting.values()) + queue.held > DEEP}
        rows = {row.id: row for row in await watched_rows(unmoved_since)}
        return [*rows.values(), *(row for row in page if row.id not in rows and row.queue not in deep)]

    async def _unknown(self, rows: Sequence[Candidate], _now: datetime) -> list[Finding]:
        unmoved = [row for row in rows if row.unmoved]
        known = await self._engine.known([row.id for row in unmoved])
        unknown = {row.id: row for row in unmoved if known[row.id] is None}
        # What the server told before we asked must be in the tables before we judge: an end may be on its way.
        asked_at = await self._recorded() if unknown else None
        if asked_at is None:
            return []
        whole = await still_unfinished(list(unknown), up_to_seq=asked_at)
        await self._tell([unknown[row.id] for row in whole], Reason.UNKNOWN_TO_ENGINE)
        return [Finding(row.id, Reason.UNKNOWN_TO_ENGINE, await self._resender.resend(row)) for row in whole]

    async def _owner_lost(self, rows: Sequence[Candidate], now: datetime) -> list[Finding]:
        lost = []
        for worker in {row.worker for row in rows if row.status == JobState.RUNNING and row.worker}:
            if await self._gone_s(worker, now) > self._limits.lease_gone_s:
                lost += [row for row in rows if row.status == JobState.RUNNING and row.worker == worker]
        lost = [row for row in lost if await self._still_runs(row)]
        if not lost:
            return []
        await self._tell(lost, Reason.OWNER_LOST)
        await self._engine.reclaim(lease_ms=self._lease_ms)
        return [
            Finding(row.id, Reason.OWNER_LOST, "none" if await self._still_runs(row) else "reclaimed") for row in lost
        ]

    async def _misplaced(self, rows: Sequence[Candidate], _now: datetime) -> list[Finding]:
        unmoved = {row.id: row for row in rows if row.unmoved}
        done = await self._engine.misplaced(list(unmoved))
        await self._tell([unmoved[job] for job, _ in done], Reason.MISPLACED)
        return [Finding(job, Reason.MISPLACED, f"put back ({place})") for job, place in done]

    async def _past_timeout(self, rows: Sequence[Candidate], now: datetime) -> list[Finding]:
        late = [
            row
            for row in rows
            if row.status == JobState.RUNNING
            and row.started_at is not None
            and row.timeout_s is not None
            and row.started_at + _seconds(min(row.timeout_s, LONGEST_S) + self._limits.past_timeout_s) < now
            and await self._still_runs(row)
        ]
        await self._tell(late, Reason.PAST_TIMEOUT)
        return [Finding(row.id, Reason.PAST_TIMEOUT, "none") for row in late]

    async def _no_worker(self, queues: Sequence[QueueCounts], now: datetime) -> list[Finding]:
        """Find the oldest jobs of queues that nobody serves."""
        alive = await self._alive_workers()
        paused = await self._engine.paused()
        tasks = [key[2:] for key in paused if key.startswith("t:")]
        waiting = [
            row
            for queue in queues
            if (queue.oldest_ms or 0) > self._limits.no_worker_s * 1000
            and f"q:{queue.name}" not in paused
            and not any(served is None or queue.name in served for served in alive)
            for row in await waiting_rows(queue.name, before=now - _seconds(self._limits.no_worker_s), without=tasks)
        ]
        await self._tell(waiting, Reason.NO_WORKER)
        return [Finding(row.id, Reason.NO_WORKER, "none") for row in waiting]

    async def _tell(self, rows: Iterable[Candidate], reason: Reason) -> None:
        """Tell of those that nobody has told of since they moved last."""
        new = [row for row in rows if not row.is_told]
        if not new:
            return
        data = msgspec.json.encode({"reason": reason})
        await self._engine.tell(("job.stuck", _head(row), data) for row in new)
        self.counted[reason] += len(new)
        logger.warning(
            "jobs are stuck", extra={"reason": str(reason), "jobs": [row.id for row in new[:20]], "count": len(new)}
        )

    async def _alive_workers(self) -> list[list[str] | None]:
        """Return what each live worker serves, None for all."""
        names, redis = self._engine.names, self._engine.redis
        return [queues for worker, queues in await running_workers() if await redis.exists(names.lease(worker))]

    async def _gone_s(self, worker: str, now: datetime) -> float:
        """Return how long ago a worker's lease ended; 0 while it has one, or while the living still renew theirs."""
        names, redis = self._engine.names, self._engine.redis
        if await redis.exists(names.lease(worker)):
            return 0.0
        renewed_ms = await redis.zscore(names.workers, worker)
        since_ms = float(await redis.hget(names.run, "since") or 0)
        ended_ms = max(float(renewed_ms or 0), since_ms) + self._lease_ms
        return now.timestamp() - ended_ms / 1000

    async def _still_runs(self, row: Candidate) -> bool:
        live = await self._engine.job(row.id)
        return live is not None and (live.state, live.attempt) == (JobState.RUNNING, row.attempt)

    async def _now(self) -> datetime:
        seconds, microseconds = await self._engine.redis.time()
        return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)

    async def _recorded(self) -> int | None:
        """Wait until all that has been told is in the tables; return up to which seq, or None if that takes long."""
        seq = int(await self._engine.redis.get(self._engine.names.seq) or 0)
        until = time.monotonic() + CATCH_UP_S
        while await position() < seq:
            if time.monotonic() > until:
                return None
            await asyncio.sleep(0.05)
        return seq


class StuckWatch(Loop):
    """Checks for stuck jobs every 30 s."""

    name = "stuck watch"
    away = (EngineUnavailable, EngineFull, RedisError, *DatabaseAway)
    longest_pause_s = EVERY_S

    def __init__(self, *, check: StuckCheck, every_s: float = EVERY_S) -> None:
        super().__init__()
        self._check, self._every_s = check, every_s

    async def _step(self) -> None:
        await asyncio.sleep(jittered(self._every_s))
        await self._check.check()


def _head(row: Candidate) -> bytes:
    return wire.head(row.id, row.type, row.queue, row.user_id) + b',"attempt":%d' % row.attempt


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
