from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from schedules.scheduler import SlotScheduler, TableSource
from schedules.slots import latest_slot, slot_job_id
from schedules.table import SCHEDULES, Schedule
from taskcast import JobBroker
from taskcast.errors import ConfigurationError
from taskcast.ids import FOREIGN_ID
from taskcast.names import Names
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
EVERY_MINUTE = Schedule(name="tick", title="Tick", cron="* * * * *", task="TICK", why="to be tested", queue="ticks")


@pytest.fixture
async def brokers(redis_url: str, prefix: str) -> AsyncIterator[list[JobBroker]]:
    brokers = [JobBroker(redis_url, prefix=prefix) for _ in range(3)]
    yield brokers
    for broker in brokers:
        await broker.shutdown()


async def told(redis: Redis, names: Names, kind: str) -> list[dict[str, Any]]:
    lines = [line for _, fields in await redis.xrange(names.events) for line in fields[b"e"].split(b"\n")]
    return [event for line in lines if (event := msgspec.json.decode(line))["type"] == kind]


async def test_a_slot_sent_by_several_schedulers_is_one_job(
    brokers: list[JobBroker], redis: Redis, names: Names
) -> None:
    schedulers = [SlotScheduler(broker, TableSource([EVERY_MINUTE])) for broker in brokers]
    slot = datetime.now(UTC).replace(second=0, microsecond=0)

    sent = await asyncio.gather(*(s.send_slot(EVERY_MINUTE, slot) for s in schedulers for _ in range(4)))

    assert sum(sent) == 1
    (job,) = await told(redis, names, "job.queued")
    assert (job["job"], job["task"], job["queue"]) == (slot_job_id(EVERY_MINUTE, slot), "TICK", "ticks")
    assert (job["data"]["by"], job["data"]["metadata"]["schedule"]) == ("schedule:tick", "tick")
    (fired,) = await told(redis, names, "schedule.fired")
    assert fired["data"] == {"schedule": "tick", "slot": f"{slot:%Y-%m-%dT%H:%MZ}", "job": job["job"]}


async def test_a_start_sends_the_slot_that_was_missed_and_a_second_start_does_not(
    brokers: list[JobBroker], redis: Redis, names: Names
) -> None:
    minute = datetime.now(UTC) - timedelta(minutes=10)
    missed = dataclasses.replace(EVERY_MINUTE, name="missed", cron=f"{minute.minute} * * * *")

    for broker in brokers:
        scheduler = SlotScheduler(broker, TableSource([missed]))
        await scheduler.startup()
        assert scheduler._catching_up
        await scheduler._catching_up

    assert [job["job"] for job in await told(redis, names, "job.queued")] == [slot_job_id(missed, minute)]


async def test_what_was_due_long_ago_is_left_alone(brokers: list[JobBroker], redis: Redis, names: Names) -> None:
    scheduler = SlotScheduler(brokers[0], TableSource([EVERY_MINUTE]))

    assert not await scheduler.send_slot(EVERY_MINUTE, datetime.now(UTC) - timedelta(hours=2))

    assert await told(redis, names, "job.queued") == []


async def test_a_slot_is_sent_again_until_the_server_is_there(
    redis_url: str, prefix: str, redis: Redis, names: Names
) -> None:
    scheduler = SlotScheduler(JobBroker(redis_url, prefix=prefix), TableSource([EVERY_MINUTE]))
    engine, failures = scheduler._jobs.engine, 2
    enqueue = engine.enqueue

    async def flaky(jobs: Any, **options: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            from taskcast.errors import EngineUnavailable

            raise EngineUnavailable
        return await enqueue(jobs, **options)

    engine.enqueue = flaky  # type: ignore[method-assign]
    slot = datetime.now(UTC).replace(second=0, microsecond=0)

    assert await scheduler.send_slot(EVERY_MINUTE, slot)

    assert len(await told(redis, names, "job.queued")) == 1
    await scheduler._jobs.shutdown()


async def test_the_command_sends_what_is_due(
    redis_url: str, prefix: str, redis: Redis, names: Names, tmp_path: Path
) -> None:
    (tmp_path / "every_minute.py").write_text(
        "from schedules.scheduler import SlotScheduler, TableSource, scheduler as real\n"
        "from schedules.table import Schedule\n"
        "tick = Schedule(name='tick', title='Tick', cron='* * * * *', task='TICK', why='to be tested')\n"
        "scheduler = SlotScheduler(real._jobs, TableSource([tick]))\n"
    )
    environment = os.environ | {
        "TASKCAST_REDIS_URL": redis_url,
        "TASKCAST_PREFIX": prefix,
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    command = [sys.executable, "-m", "taskiq", "scheduler", "every_minute:scheduler", "--log-level", "WARNING"]
    processes = [await asyncio.create_subprocess_exec(*command, env=environment, cwd=tmp_path) for _ in range(2)]

    try:
        jobs = await eventually(lambda: told(redis, names, "job.queued"), timeout=20)
    finally:
        for process in processes:
            process.terminate()
            await asyncio.wait_for(process.wait(), 10)

    ids = [job["job"] for job in jobs]
    assert len(ids) == len(set(ids))
    assert ids[0].startswith("tick:20")


async def test_a_start_without_a_server_names_the_setting(redis_url: str) -> None:
    scheduler = SlotScheduler(JobBroker(redis_url), TableSource([]), url_is_set=False)

    with pytest.raises(ConfigurationError, match="TASKCAST_REDIS_URL"):
        await scheduler.startup()


def test_slots_are_found_in_the_time_zone_of_the_schedule() -> None:
    at_eight = Schedule(name="a", title="A", cron="0 8 * * *", task="A", why="-", time_zone="Europe/Berlin")
    summer, winter = datetime(2026, 7, 1, 6, 1, 30, tzinfo=UTC), datetime(2026, 12, 1, 7, 1, 30, tzinfo=UTC)

    assert latest_slot(at_eight, summer, timedelta(minutes=2)) == datetime(2026, 7, 1, 6, 0, tzinfo=UTC)
    assert latest_slot(at_eight, winter, timedelta(minutes=2)) == datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
    assert latest_slot(at_eight, winter + timedelta(minutes=3), timedelta(minutes=2)) is None
    assert slot_job_id(at_eight, datetime(2026, 7, 1, 6, 0, tzinfo=UTC)) == "a:2026-07-01T06:00Z"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Not good"},
        {"cron": "* * * *"},
        {"cron": "99 * * * *"},
        {"cron": "sometimes"},
        {"cron": "0 9-5 * * *"},
        {"cron": "*/0 * * * *"},
        {"time_zone": "Mars/Base"},
    ],
)
def test_a_wrong_schedule_is_refused_where_it_is_written(wrong: dict[str, str]) -> None:
    with pytest.raises((ValueError, KeyError)):
        dataclasses.replace(EVERY_MINUTE, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("cron", ["*/10 * * * *", "0 3 * * 0", "0 4 1 * *", "0,30 8-18/2 * * 1-5"])
def test_a_usual_cron_line_is_taken(cron: str) -> None:
    assert dataclasses.replace(EVERY_MINUTE, cron=cron).cron == cron


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_each_schedule_names_a_task_that_exists_with_its_own_options(schedule: Schedule) -> None:
    from workers.broker import broker

    assert broker.find_task(schedule.task) is not None
    options = broker.options_of(schedule.task)
    assert (options.queue, options.priority, options.max_attempts, options.timeout_s) == (
        schedule.queue,
        schedule.priority,
        schedule.max_attempts,
        schedule.timeout_s,
    )
    assert schedule.why
    assert FOREIGN_ID.fullmatch(slot_job_id(schedule, datetime.now(UTC)))
