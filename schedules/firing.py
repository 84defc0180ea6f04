"""Fires schedules: decides which slots are due, writes them down, sends their jobs, says what became of them.

Any number of schedulers may do this at once, and any of them may be killed anywhere. A slot is written `due` in one
transaction with the schedule's position, sent under an id made of both, and then marked `sent`; what stayed `due` is sent
again by whoever looks next, and the queue server or the table of jobs knows it if it was sent before.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from core import orders
from core.errors import InvalidInput
from core.storage import schedules
from core.storage.connection import DatabaseAway
from core.storage.shapes import from_json
from core.timing import Timing
from taskcast.engine.engine import Engine
from taskcast.errors import EngineFull, EngineUnavailable, MessageTooLarge, TaskcastError
from taskcast.states import Priority

LATE = timedelta(seconds=60)
"""A slot that is later than this was missed, and its schedule's policy says what becomes of it."""
AHEAD = timedelta(minutes=5)
"""A position further ahead than this is of a clock that was wrong; what was sent by it is not sent again."""
MADE_UP = 100
"""With the policy `all`, so many slots are made up for at most, the newest."""
KEPT = 2000
"""So many slots are written down at once, the newest; what was missed before them is counted and told only."""
LOOKS_BACK = timedelta(days=31)
LONGEST_PAUSE_S = 60.0
LONGEST_RETRY_S = 5.0
"""How long after PostgreSQL is back slots may wait; well below what makes them late."""
LONGEST_WAIT_S = 2.0
"""How long until an edit of a schedule is seen."""

TOLD_AT_ONCE = 100
TELL_S = 2.0
UNFIT = (InvalidInput, MessageTooLarge, ValueError, TypeError)
"""What no repetition mends."""

Clock = Callable[[], Awaitable[datetime]]

logger = logging.getLogger(__name__)


class Firing:
    """Fires the schedules of one installation.

    Args:
        engine: where jobs are sent.
        clock: the time to go by; PostgreSQL's by default, which all schedulers share.
    """

    def __init__(self, engine: Engine, *, clock: Clock = schedules.database_time) -> None:
        self._engine, self._clock = engine, clock
        self._unreadable: dict[str, str] = {}
        self._untold: deque[tuple[str, bytes, bytes]] = deque(maxlen=1000)

    async def step(self) -> float:
        """Do what is due now; return in how many seconds there is something to do."""
        now = await self._clock()
        upcoming = await self._decide(now)
        await self.send()
        wait = (upcoming - await self._clock()).total_seconds() if upcoming else LONGEST_WAIT_S
        return min(LONGEST_WAIT_S, max(0.0, wait))

    async def send(self) -> int:
        """Send every slot that is due; return how many this call marked as sent."""
        sent = 0
        # Were the queue server away, each further slot would wait as long to learn it, and meanwhile none were decided.
        with suppress(EngineUnavailable):
            for run in await schedules.due_runs():
                sent += await self._send(run)
        await self._tell_all()
        return sent

    async def _decide(self, now: datetime) -> datetime | None:
        """Write down the slots up to now; return the next one."""
        upcoming: list[datetime] = []
        for record in await schedules.all_records():
            try:
                when = schedules.timing(record)
                position = record["position"]
                if position > now + AHEAD:
                    logger.warning("schedule %s was decided up to %s, which lies ahead", record["name"], position)
                    await schedules.go_back(record["name"], position, now - LATE)
                elif not schedules.paused_at(record, now):
                    await self._decide_one(record, when, max(position, now - LOOKS_BACK), now)
                upcoming += when.next_runs(now, 1)
                # Should it break again, that is news.
                self._unreadable.pop(record["name"], None)
            except (ValueError, TypeError, ArithmeticError) as error:
                if self._unreadable.get(record["name"]) != str(error):
                    self._unreadable[record["name"]] = str(error)
                    logger.exception("schedule %s cannot be read; the others go on", record["name"])
        return min(upcoming, default=None)

    async def _decide_one(self, record: Any, when: Timing, since: datetime, now: datetime) -> None:
        name, begin = record["name"], max(since, _resumed(record) or since)
        if not any(slot <= now for slot in when.next_runs(begin, 1)):
            return
        slots, count = deque[datetime](maxlen=KEPT), 0
        for slot in when.between(begin, now):
            slots.append(slot)
            count += 1
        due, missed = by_policy(record["policy"], list(slots), now)
        decided = await schedules.decide(
            name,
            record["position"],
            slots[-1],
            [(slot, job_id_of(name, slot)) for slot in due],
            [(slot, job_id_of(name, slot)) for slot in missed],
        )
        if decided and missed:
            count -= len(due)
            logger.warning("%s slots of schedule %s were missed, the last at %s", count, name, missed[-1])
            self._tell("schedule.missed", {"schedule": name, "count": count, "slot": shown(missed[-1])})

    async def _send(self, run: Any) -> bool:
        name, slot, job_id = run["schedule"], run["slot"], run["job_id"]
        try:
            # Long after its end the queue server has forgotten a job, the table has not.
            if not run["recorded"]:
                if run["given_up"]:
                    raise InvalidInput("it could not be sent for a day")
                await orders.enqueue(self._engine, _order(run), by=run["by"] or f"schedule:{name}")
        except EngineUnavailable as error:
            await self._later(run, error)
            raise
        except EngineFull as error:
            await self._later(run, error)
            return False
        except DatabaseAway:
            raise
        except UNFIT as error:
            logger.error("slot %s cannot be sent: %s", job_id, error)
            if await schedules.mark(run["id"], "missed", error=str(error)[:500]):
                self._tell("schedule.missed", {"schedule": name, "count": 1, "slot": shown(slot)})
            return False
        except Exception as error:
            # Whatever is wrong with this one, those behind it are sent.
            logger.exception("slot %s could not be sent", job_id)
            await self._later(run, error)
            return False
        if not await schedules.mark(run["id"], "sent"):
            return False
        self._tell("schedule.fired", {"schedule": name, "slot": shown(slot), "job": job_id})
        return True

    async def _later(self, run: Any, error: Exception) -> None:
        after_s = min(LONGEST_PAUSE_S, 0.5 * 2 ** min(run["tries"], 10)) * random.uniform(0.5, 1.0)
        logger.warning("slot %s is not accepted yet, again in %.1f s: %s", run["job_id"], after_s, error)
        await schedules.try_later(run["id"], error=str(error), after_s=after_s)

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        self._untold.append((kind, b"", msgspec.json.encode(data)))

    async def _tell_all(self) -> None:
        """Tell what has happened; what the queue server cannot take is told when it can."""
        while self._untold:
            part = list(islice(self._untold, TOLD_AT_ONCE))
            try:
                await self._engine.tell(part, deadline_s=TELL_S)
            except TaskcastError as error:
                logger.warning("%s events of schedules cannot be told yet: %s", len(self._untold), error)
                return
            for _ in part:
                self._untold.popleft()


def by_policy(policy: str, slots: list[datetime], now: datetime) -> tuple[list[datetime], list[datetime]]:
    """Return which of the slots up to now are sent, and which are missed.

    A slot of the last minute is sent in any case. Of older ones `skip` sends none, `once` the newest if there is no slot of
    the last minute, and `all` the newest hundred.
    """
    fresh = [slot for slot in slots if now - slot <= LATE]
    late = slots[: len(slots) - len(fresh)]
    if policy == "all":
        return [*late[-MADE_UP:], *fresh], late[:-MADE_UP]
    if policy == "once" and late and not fresh:
        return late[-1:], late[:-1]
    return fresh, late


def job_id_of(name: str, slot: datetime) -> str:
    """Return the id of the job of one slot, such as `cache-cleanup:2026-11-24T10:00Z`."""
    return f"{name}:{shown(slot)}"


def shown(slot: datetime) -> str:
    """Return a slot as ids and events have it: to the minute, or the second if it has any."""
    slot = slot.astimezone(UTC)
    return f"{slot:%Y-%m-%dT%H:%MZ}" if slot.second == 0 else f"{slot:%Y-%m-%dT%H:%M:%SZ}"


def _resumed(record: Any) -> datetime | None:
    """Return when a pause ended by itself: its slots are not made up for."""
    pause = from_json(record["paused"])
    return datetime.fromisoformat(pause["until"]) if pause and pause.get("until") else None


def _order(run: Any) -> orders.Order:
    name, slot = run["schedule"], run["slot"]
    return orders.Order(
        task=run["task"],
        arguments=from_json(run["arguments"]) or {},
        job_id=run["job_id"],
        queue=run["queue"],
        priority=Priority[run["priority"]] if run["priority"] else None,
        max_attempts=run["max_attempts"],
        timeout_s=run["timeout_s"],
        metadata={"schedule": name, "slot": shown(slot)},
        force=True,
    )


async def fire(firing: Firing) -> None:
    """Fire until cancelled, whatever is away meanwhile."""
    pause_s = 0.5
    while True:
        try:
            wait_s, pause_s = await firing.step(), 0.5
        except Exception:
            logger.warning("the schedules cannot be looked at; trying again in %.1f s", pause_s, exc_info=True)
            wait_s, pause_s = pause_s * random.uniform(0.5, 1.0), min(LONGEST_RETRY_S, pause_s * 2)
        await asyncio.sleep(wait_s)
