from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from core import orders
from core.storage import schedules as stored
from core.storage.connection import connection
from core.timing import Timing, timing_of
from schedules.firing import Firing, by_policy, job_id_of
from schedules.scheduler import SlotScheduler, write_table
from schedules.table import SCHEDULES, Schedule
from taskcast import JobBroker
from taskcast.engine.engine import Engine
from taskcast.errors import ConfigurationError
from taskcast.ids import FOREIGN_ID
from taskcast.names import Names
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TICK = Schedule(name="tick", title="Tick", cron="* * * * *", task="TICK", why="to be tested", queue="ticks")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    async def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def engine(redis_url: str, prefix: str) -> AsyncIterator[Engine]:
    async with Engine.connect(redis_url, prefix) as engine:
        yield engine


@pytest.fixture
def clock(database: str) -> Clock:
    return Clock()


@pytest.fixture
def firing(engine: Engine, clock: Clock) -> Firing:
    return Firing(engine, clock=clock)


async def put(schedule: Schedule = TICK, *, position: datetime = NOON, **fields: Any) -> None:
    await write_table([schedule])
    async with connection() as lent:
        await lent.execute("UPDATE schedules SET position = $1", position)
        for name, value in fields.items():
            await lent.execute(f"UPDATE schedules SET {name} = $1", value)


async def runs(state: str | None = None) -> list[tuple[datetime, str]]:
    async with connection() as lent:
        rows = await lent.fetch("SELECT slot, state FROM schedule_runs ORDER BY slot")
    return [(row["slot"], row["state"]) for row in rows if state in {None, row["state"]}]


async def told(redis: Redis, names: Names, kind: str) -> list[dict[str, Any]]:
    lines = [line for _, fields in await redis.xrange(names.events) for line in fields[b"e"].split(b"\n")]
    return [event for line in lines if (event := msgspec.json.decode(line))["type"] == kind]


async def queued(redis: Redis, names: Names) -> list[str]:
    return [event["job"] for event in await told(redis, names, "job.queued")]


async def test_a_slot_that_is_due_is_one_job_of_its_own_id(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put()
    await firing.step()
    assert await queued(redis, names) == []

    clock.now = NOON + timedelta(minutes=1)
    await firing.step()

    (job,) = await told(redis, names, "job.queued")
    assert (job["job"], job["task"], job["queue"]) == ("tick:2026-06-01T12:01Z", "TICK", "ticks")
    assert (job["data"]["by"], job["data"]["metadata"]) == (
        "schedule:tick",
        {"schedule": "tick", "slot": "2026-06-01T12:01Z"},
    )
    (fired,) = await told(redis, names, "schedule.fired")
    assert fired["data"] == {"schedule": "tick", "slot": "2026-06-01T12:01Z", "job": job["job"]}


async def test_a_job_that_ran_before_its_slot_was_marked_is_known_by_the_table(
    firing: Firing, redis: Redis, names: Names
) -> None:
    await put()
    async with connection() as lent:
        await lent.execute(
            """INSERT INTO schedule_runs (schedule, slot, state, job_id, tries, created_at)
               VALUES ('tick', $1, 'due', 'tick:x', 0, now())""",
            NOON,
        )
        # A row with something in each column that wants it, and only its id and state meant.
        columns = await lent.fetch(
            """SELECT column_name AS name, data_type AS kind FROM information_schema.columns
               WHERE table_name = 'jobs' AND is_nullable = 'NO' AND is_generated = 'NEVER' AND column_default IS NULL"""
        )
        values = {column["name"]: _something(column["kind"]) for column in columns}
        values |= {"id": "tick:x", "status": "completed", "type": "TICK"}
        named = ", ".join(values)
        await lent.execute(
            f"INSERT INTO jobs ({named}) SELECT {named} FROM jsonb_populate_record(null::jobs, $1::text::jsonb)",
            msgspec.json.encode(values).decode(),
        )

    await firing.send()

    assert await queued(redis, names) == []
    assert await runs() == [(NOON, "sent")]


def _something(kind: str) -> Any:
    if "time" in kind:
        return NOON.isoformat()
    return {"jsonb": {}, "boolean": False, "text": "", "character varying": ""}.get(kind, 0)


@pytest.mark.parametrize(
    ("policy", "sent", "missed"), [("skip", [], 30), ("once", [30], 29), ("all", list(range(1, 31)), 0)]
)
async def test_what_no_scheduler_was_there_for_follows_the_policy(
    firing: Firing, clock: Clock, redis: Redis, names: Names, policy: str, sent: list[int], missed: int
) -> None:
    # The last slot lies three minutes back, so that none is of the last minute.
    await put(dataclasses.replace(TICK, cron="0-30 12 * * *", policy=policy))  # type: ignore[arg-type]
    clock.now = NOON + timedelta(minutes=33)

    await firing.step()

    expected = [job_id_of("tick", NOON + timedelta(minutes=minute)) for minute in sent]
    assert await queued(redis, names) == expected
    assert len(await runs("missed")) == missed
    events = await told(redis, names, "schedule.missed")
    assert [event["data"]["count"] for event in events] == ([missed] if missed else [])


def test_a_slot_of_the_last_minute_is_sent_whatever_the_policy() -> None:
    slots = [NOON - timedelta(minutes=minute) for minute in (3, 2, 0)]

    assert by_policy("skip", slots, NOON) == ([NOON], slots[:2])
    assert by_policy("once", slots, NOON) == ([NOON], slots[:2])
    assert by_policy("all", slots, NOON) == (slots, [])


async def test_while_nothing_is_due_no_slot_is_looked_for_again(
    firing: Firing, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(dataclasses.replace(TICK, cron="0 12 * * 1"))
    clock.now = NOON + MINUTE
    await firing.step()
    looked_for: list[Timing] = []
    monkeypatch.setattr(Timing, "after", lambda timing, _: looked_for.append(timing) or iter(()))

    for minute in range(2, 60):
        clock.now = NOON + minute * MINUTE
        await firing.step()

    assert looked_for == []


async def test_a_paused_schedule_fires_nothing_and_makes_up_for_nothing(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put()
    await stored.set_pause("tick", {"by": "ada", "until": (NOON + timedelta(minutes=10)).isoformat()})

    for minute in (5, 10, 11):
        clock.now = NOON + timedelta(minutes=minute)
        await firing.step()

    assert await queued(redis, names) == ["tick:2026-06-01T12:11Z"]
    assert [row["paused"] for row in await stored.list_schedules(clock.now)] == [None]


async def test_a_pause_takes_back_what_was_not_sent_yet_and_lets_nothing_be_decided(
    firing: Firing, redis: Redis, names: Names
) -> None:
    await put()
    await stored.decide("tick", NOON, NOON + MINUTE, [(NOON + MINUTE, "tick:x")], [])

    await stored.set_pause("tick", {"by": "ada"})
    await firing.send()

    assert await queued(redis, names) == []
    assert await runs() == [(NOON + MINUTE, "missed")]
    # Of a scheduler that had looked before.
    assert not await stored.decide("tick", NOON + MINUTE, NOON + 2 * MINUTE, [(NOON + 2 * MINUTE, "tick:y")], [])


async def test_a_clock_that_goes_back_fires_nothing_twice_and_one_that_was_ahead_stops_nothing(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put()
    for minute in (1, 2, 1, 0, 2, 3):
        clock.now = NOON + timedelta(minutes=minute)
        await firing.step()
    assert await queued(redis, names) == [f"tick:2026-06-01T12:0{minute}Z" for minute in (1, 2, 3)]

    clock.now = NOON + timedelta(days=30)
    await firing.step()
    before = len(await queued(redis, names))
    for minute in (4, 5, 6):
        clock.now = NOON + timedelta(minutes=minute)
        await firing.step()

    assert len(await queued(redis, names)) == before + 3


async def test_what_a_clock_of_tomorrow_called_missed_runs_when_its_time_comes(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put(dataclasses.replace(TICK, policy="skip"))
    clock.now = NOON + timedelta(days=1, seconds=30)
    await firing.step()
    before = await queued(redis, names)

    for minute in (1, 2):
        clock.now = NOON + timedelta(minutes=minute)
        await firing.step()
        await firing.step()

    assert [job for job in await queued(redis, names) if job not in before] == [
        "tick:2026-06-01T12:01Z",
        "tick:2026-06-01T12:02Z",
    ]
    assert await runs("missed") == []


async def test_a_slot_is_sent_again_until_the_server_is_there_and_says_why(
    engine: Engine, clock: Clock, redis: Redis, names: Names, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put()
    clock.now = NOON + timedelta(minutes=1)
    with monkeypatch.context() as patch:
        patch.setattr("core.orders.ENGINE_S", 0.1)
        async with Engine.connect("redis://127.0.0.1:1/0", prefix) as away:
            await Firing(away, clock=clock).step()
    [row] = await stored.list_schedules(clock.now)
    assert row["recent"][0]["state"] == "due"
    assert row["recent"][0]["error"]

    async with connection() as lent:
        await lent.execute("UPDATE schedule_runs SET try_at = now()")
    await Firing(engine, clock=clock).step()

    assert await queued(redis, names) == ["tick:2026-06-01T12:01Z"]


async def test_one_slot_that_cannot_be_sent_does_not_hold_up_the_others(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put()
    fields = {"name": "bad", "title": "Bad", "task": "BAD", "queue": "no queue!", "source": "stored", "policy": "all"}
    await stored.add(fields, Timing(kind="cron", cron="* * * * *"), by="a test")
    async with connection() as lent:
        await lent.execute("UPDATE schedules SET position = $1 WHERE name = 'bad'", NOON - timedelta(minutes=5))
    clock.now = NOON + timedelta(minutes=1)

    await firing.step()

    assert await queued(redis, names) == ["tick:2026-06-01T12:01Z"]
    row = await stored.get_schedule("bad")
    assert row is not None
    assert {run["error"].partition(";")[0] for run in row["recent"]} == {"queue: 'no queue!' is no queue name"}


async def test_a_slot_is_sent_with_what_its_schedule_says_then_and_not_at_all_once_that_is_deleted(
    firing: Firing, redis: Redis, names: Names
) -> None:
    await put(dataclasses.replace(TICK, arguments={"number": 1}))
    await stored.decide("tick", NOON, NOON + MINUTE, [(NOON, "tick:x"), (NOON + MINUTE, "tick:y")], [])
    async with connection() as lent:
        await lent.execute("UPDATE schedule_runs SET try_at = now() + interval '1 hour' WHERE job_id = 'tick:y'")

    await put(dataclasses.replace(TICK, arguments={"number": 2}))
    await firing.send()
    await stored.remove("tick")
    async with connection() as lent:
        await lent.execute("UPDATE schedule_runs SET try_at = NULL")
    await firing.send()

    [job] = await told(redis, names, "job.queued")
    assert (job["job"], job["data"]["data"]) == ("tick:x", {"number": 2})


async def test_a_schedule_deleted_while_its_slot_is_being_sent_stops_nothing(
    firing: Firing, clock: Clock, redis: Redis, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put()
    enqueue = orders.enqueue

    async def deleted_meanwhile(*args: Any, **options: Any) -> Any:
        await stored.remove("tick")
        return await enqueue(*args, **options)

    monkeypatch.setattr(orders, "enqueue", deleted_meanwhile)
    clock.now = NOON + MINUTE
    await firing.step()
    await firing.step()

    assert await queued(redis, names) == ["tick:2026-06-01T12:01Z"]
    assert await told(redis, names, "schedule.fired") == []
    assert await runs() == []


@pytest.mark.parametrize("field", ["cron", "time_zone"])
async def test_a_schedule_that_cannot_be_read_any_more_does_not_hold_up_the_others(
    firing: Firing, clock: Clock, redis: Redis, names: Names, field: str
) -> None:
    await put()
    fields = {"name": "a-bad-one", "title": "Bad", "task": "BAD", "source": "stored"}
    await stored.add(fields, Timing(kind="cron", cron="* * * * *"), by="a test")
    async with connection() as lent:
        await lent.execute(f"UPDATE schedules SET {field} = 'Mars/Base' WHERE name = 'a-bad-one'")
    clock.now = NOON + timedelta(minutes=1)

    await firing.step()

    assert await queued(redis, names) == ["tick:2026-06-01T12:01Z"]
    row = await stored.get_schedule("a-bad-one")
    assert row is not None
    assert row["next_runs"] == []


async def test_a_schedule_that_was_mended_and_breaks_again_is_told_again(
    firing: Firing, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"name": "a-bad-one", "title": "Bad", "task": "BAD", "source": "stored"}
    await stored.add(fields, Timing(kind="cron", cron="* * * * *"), by="a test")

    async def times_told_with(cron: str) -> int:
        async with connection() as lent:
            await lent.execute("UPDATE schedules SET cron = $1", cron)
        await firing.step()
        return caplog.text.count("schedule a-bad-one cannot be read")

    assert await times_told_with("Mars/Base") == 1
    assert await times_told_with("Mars/Base") == 1, "the same mistake is told once"
    assert await times_told_with("* * * * *") == 1
    assert await times_told_with("Mars/Base") == 2


async def test_while_the_queue_server_is_away_one_slot_is_tried_and_slots_are_decided_in_time(
    clock: Clock, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.orders.ENGINE_S", 0.1)
    await put(dataclasses.replace(TICK, policy="all"))
    clock.now = NOON + timedelta(minutes=30)
    async with Engine.connect("redis://127.0.0.1:1/0", prefix) as away:
        await Firing(away, clock=clock).step()

    async with connection() as lent:
        assert await lent.fetchval("SELECT sum(tries) FROM schedule_runs WHERE state = 'due'") == 1
    assert len(await runs("due")) == 30


async def test_what_was_missed_while_the_queue_server_is_away_is_told_when_it_is_back(
    firing: Firing, clock: Clock, redis: Redis, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(dataclasses.replace(TICK, policy="skip", cron="0-9 12 * * *"))
    clock.now = NOON + timedelta(minutes=20)
    with monkeypatch.context() as patch:
        patch.setattr("schedules.firing.TELL_S", 0.0)
        patch.setattr(firing, "_engine", Engine.connect("redis://127.0.0.1:1/0"))
        await firing.step()
        await firing._engine.aclose()
    assert await told(redis, names, "schedule.missed") == []

    await firing.step()

    [event] = await told(redis, names, "schedule.missed")
    assert (event["data"]["count"], event["data"]["slot"]) == (9, "2026-06-01T12:09Z")


async def test_a_day_of_every_five_seconds_is_made_up_for_by_a_hundred_and_the_rest_is_counted(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    fields = {"name": "often", "title": "Often", "task": "OFTEN", "source": "stored", "policy": "all"}
    await stored.add(fields, Timing(kind="interval", every_s=5, anchor=NOON), by="a test")
    async with connection() as lent:
        await lent.execute("UPDATE schedules SET position = $1", NOON)
    clock.now = NOON + timedelta(days=1)

    await firing.step()

    fresh = 13  # from 12:00:00 back to 11:59:00
    [event] = await told(redis, names, "schedule.missed")
    assert event["data"]["count"] == 86_400 // 5 - 100 - fresh
    assert len(await runs()) == 2000
    assert len(await runs("missed")) == 2000 - 100 - fresh


async def test_two_deploys_that_take_turns_send_each_slot_once(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    old, new = TICK, dataclasses.replace(TICK, name="tock", task="TOCK")
    for minute in range(1, 7):
        await write_table([[old], [old, new]][minute % 2])
        async with connection() as lent:
            await lent.execute("UPDATE schedules SET position = $1", NOON)
        clock.now = NOON + timedelta(minutes=minute)
        await firing.step()

    ids = await queued(redis, names)
    assert len(ids) == len(set(ids))
    assert {f"tick:2026-06-01T12:0{minute}Z" for minute in range(1, 7)} <= set(ids)


async def test_a_slot_waits_while_the_queue_server_is_full(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put()
    clock.now = NOON + MINUTE
    await redis.config_set("maxmemory", "1")
    try:
        await firing.step()
    finally:
        await redis.config_set("maxmemory", "0")
    row = await stored.get_schedule("tick")
    assert row is not None
    assert (row["recent"][0]["state"], "memory" in row["recent"][0]["error"]) == ("due", True)

    async def sent() -> bool:  # at its second try at the latest: the server looks at its memory once a second
        await firing.step()
        return await runs() == [(clock.now, "sent")]

    await eventually(sent)
    assert await queued(redis, names) == ["tick:2026-06-01T12:01Z"]


async def test_a_slot_that_was_not_sent_when_its_schedule_left_the_code_stays_unsent_when_it_comes_back(
    firing: Firing, redis: Redis, names: Names
) -> None:
    await put()
    await stored.decide("tick", NOON, NOON, [(NOON, "tick:x")], [])

    await write_table([])
    await write_table([TICK])
    await firing.send()

    assert await queued(redis, names) == []


async def test_arguments_that_do_not_fit_any_more_are_missed_with_the_reason(
    firing: Firing, clock: Clock, redis: Redis, names: Names
) -> None:
    await put(dataclasses.replace(TICK, arguments={"month": 7}))
    async with connection() as lent:
        schema = '{"type": "object", "properties": {"month": {"type": "string"}}}'
        await lent.execute(
            "INSERT INTO tasks (name, queue_name, options, schema, seen_at) VALUES ('TICK', 'ticks', '{}', $1::text::jsonb, now())",
            schema,
        )
    clock.now = NOON + timedelta(minutes=1)

    await firing.step()

    [row] = await stored.list_schedules(clock.now)
    assert row["recent"][0]["state"] == "missed"
    assert "month must be a text" in row["recent"][0]["error"]
    assert len(await told(redis, names, "schedule.missed")) == 1


async def test_changed_times_count_from_now_on_and_a_schedule_that_left_the_code_goes(database: str) -> None:
    await put(position=NOON)
    await write_table([dataclasses.replace(TICK, title="Another")])
    async with connection() as lent:
        assert await lent.fetchval("SELECT position FROM schedules") == NOON
    await write_table([dataclasses.replace(TICK, cron="5 * * * *")])
    async with connection() as lent:
        assert await lent.fetchval("SELECT position > now() - interval '1 minute' FROM schedules")

    await write_table([])

    assert await stored.list_schedules() == []


@pytest.mark.parametrize("missing", ["TASKCAST_REDIS_URL", "TASKCAST_DATABASE_URL"])
async def test_a_start_without_a_server_names_the_setting(redis_url: str, missing: str) -> None:
    scheduler = SlotScheduler(
        JobBroker(redis_url),
        database_url=None if missing == "TASKCAST_DATABASE_URL" else "postgresql://x/y",
        url_is_set=missing != "TASKCAST_REDIS_URL",
    )

    with pytest.raises(ConfigurationError, match=missing):
        await scheduler.startup()


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("cron", "zone", "begin", "expected"),
    [
        # Spring: 02:00 becomes 03:00 in Berlin on 2026-03-29 at 01:00 UTC.
        ("30 2 * * *", "Europe/Berlin", berlin(2026, 3, 28, 12), [(29, 1, 0), (30, 0, 30)]),
        ("0 8 * * *", "Europe/Berlin", berlin(2026, 3, 28, 12), [(29, 6, 0), (30, 6, 0)]),
        ("*/30 * * * *", "Europe/Berlin", berlin(2026, 3, 29, 0, 15), [(29, 0, 30), (29, 1, 0), (29, 1, 30)]),
        ("15,45 2 29 3 *", "Europe/Berlin", berlin(2026, 3, 28, 12), [(29, 1, 0)]),
        # Autumn: 03:00 becomes 02:00 on 2026-10-25 at 01:00 UTC; what has a time comes once, what goes by the clock twice.
        ("30 2 * * *", "Europe/Berlin", berlin(2026, 10, 24, 12), [(25, 0, 30), (26, 1, 30)]),
        ("*/30 * * * *", "Europe/Berlin", berlin(2026, 10, 25, 0, 15), [(25, 0, 30), (25, 1, 0), (25, 1, 30), (25, 2, 0)]),
        ("45 2 * * *", "Europe/Berlin", berlin(2026, 10, 25, 1, 40), [(26, 1, 45)]),
        # The other half of the world, by half an hour: Lord Howe Island.
        ("15 2 * * *", "Australia/Lord_Howe", berlin(2026, 10, 2, 18), [(3, 15, 30), (4, 15, 15)]),
    ],
)  # fmt: skip
def test_slots_are_right_over_both_nights_of_daylight_saving(
    cron: str, zone: str, begin: datetime, expected: list[tuple[int, int, int]]
) -> None:
    timing = Timing(kind="cron", cron=cron, time_zone=zone)

    found = timing.next_runs(begin, len(expected))

    assert [(slot.day, slot.hour, slot.minute) for slot in found] == expected


def test_an_interval_is_counted_from_its_anchor_and_once_is_once() -> None:
    every = Timing(kind="interval", every_s=90, anchor=NOON)
    once = Timing(kind="once", at=NOON)

    assert every.next_runs(NOON + timedelta(seconds=100), 2) == [
        NOON + timedelta(seconds=180),
        NOON + timedelta(seconds=270),
    ]
    assert every.next_runs(NOON - timedelta(seconds=1), 1) == [NOON]
    assert once.next_runs(NOON - timedelta(seconds=1)) == [NOON]
    assert once.next_runs(NOON) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "cron"),
        ({"cron": "* * * *"}, "cron"),
        ({"cron": "99 * * * *"}, "cron"),
        ({"cron": "sometimes"}, "cron"),
        ({"cron": "0 9-5 * * *"}, "cron"),
        ({"cron": "*/0 * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": "0 0 * * * *"}, "cron"),
        ({"cron": "* * * * *", "time_zone": "Mars/Base"}, "time_zone"),
        ({"cron": "* * * * *", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"cron": "* * * * *", "time_zone": "localtime"}, "time_zone"),
        ({"every_s": 1}, "every_s"),
        ({"cron": "* * * * *", "every_s": 60}, "cron"),
    ],
)
def test_a_wrong_time_is_refused_with_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        timing_of(**wrong)


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
    assert FOREIGN_ID.fullmatch(job_id_of(schedule.name, datetime.now(UTC)))
