"""An hour of two schedulers in processes of their own, in a night the clock is changed; one is killed again and again."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from multiprocessing.process import BaseProcess
from typing import Any

import pytest
from redis.asyncio import Redis

from core.storage.connection import connection
from schedules.firing import job_id_of
from schedules.scheduler import write_table
from schedules.table import Schedule
from taskcast.names import Names
from tests.schedules import doomed
from tests.schedules.test_scheduler import queued, runs
from tests.waiting import eventually

MINUTE = timedelta(minutes=1)
HOUR = 62
KILLED_EACH = 9
# Of policy `skip`, so that a slot that came late would be missed.
TABLE = [
    Schedule(name="tick", title="", cron="* * * * *", task="TICK", why="", policy="skip"),
    Schedule(name="half", title="", cron="*/30 * * * *", time_zone="Europe/Berlin", task="HALF", why="", policy="skip"),
    Schedule(name="daily", title="", cron="30 2 * * *", time_zone="Europe/Berlin", task="DAILY", why="", policy="skip"),
]
SPRING, AUTUMN = datetime(2026, 3, 29, 0, 29, tzinfo=UTC), datetime(2026, 10, 25, 0, 29, tzinfo=UTC)


@contextmanager
def stopped(process: BaseProcess) -> Iterator[None]:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    yield
    os.kill(process.pid, signal.SIGCONT)


def ended(process: BaseProcess) -> Callable[[], bool]:
    return lambda: not process.is_alive()


@pytest.mark.parametrize(
    ("begin", "daily"),
    [
        (SPRING, [SPRING + 31 * MINUTE]),  # 02:30 does not come, and runs at 03:00
        (AUTUMN, [AUTUMN + MINUTE]),  # 02:30 comes twice, and runs at its first coming
    ],
    ids=["spring", "autumn"],
)
async def test_each_slot_of_an_hour_is_sent_once_and_none_is_missed_while_a_scheduler_is_killed_again_and_again(
    redis_url: str, database: str, prefix: str, redis: Redis, names: Names, begin: datetime, daily: list[datetime]
) -> None:
    await write_table(TABLE)
    async with connection() as lent:
        await lent.execute("UPDATE schedules SET position = $1", begin)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.schedules.doomed"])
    clock: Any = context.Value("d", begin.timestamp(), lock=False)

    def start(dies_when: str | None = None) -> BaseProcess:
        process = context.Process(target=doomed.run, args=(redis_url, database, prefix, clock, dies_when), daemon=True)
        process.start()
        return process

    def all_sent(slot: datetime) -> Callable[[], Any]:
        async def is_so() -> bool:
            found = await runs()
            return (slot, "sent") in found and not any(state == "due" for _, state in found)

        return is_so

    steady, other = start(), start()
    points, killed = cycle(doomed.POINTS), []
    try:
        for minute in range(1, HOUR + 1):
            now = begin + minute * MINUTE
            if minute % KILLED_EACH == 0:
                other.kill()  # wherever it is
                other.join()
                with stopped(steady):
                    other = start(point := next(points))
                    clock.value = now.timestamp()
                    await eventually(ended(other), timeout=20)
                killed.append((point, other.exitcode))
                other = start()
            clock.value = now.timestamp()
            await eventually(all_sent(now), timeout=20)
    finally:
        for process in (steady, other):
            process.kill()
            process.join()

    minutes = [begin + minute * MINUTE for minute in range(1, HOUR + 1)]
    expected = [job_id_of("tick", slot) for slot in minutes]
    expected += [job_id_of("half", slot) for slot in minutes if slot.minute in {0, 30}]
    expected += [job_id_of("daily", slot) for slot in daily]
    assert sorted(await queued(redis, names)) == sorted(expected)
    assert {state for _, state in await runs()} == {"sent"}
    assert {code for _, code in killed} == {-signal.SIGKILL}
    assert {point for point, _ in killed} == doomed.POINTS.keys()
