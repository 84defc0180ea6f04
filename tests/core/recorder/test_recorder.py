"""The recorder on real servers: restarts, kills, two at once, and what stays true through all of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from core.recorder.apply import read_position
from core.recorder.trimmer import Trimmer
from core.settings import Settings
from core.storage.connection import connected, connection
from core.storage.jobs import job_detail
from core.storage.statistics import statistics, totals
from migrations.upgrade import upgrade
from taskcast.engine.jobs import Report
from tests.core.floor import Floor, Own, floor_on, statuses
from tests.waiting import eventually


async def test_what_the_engine_tells_is_in_the_tables_a_moment_later(floor: Floor, database: str) -> None:
    async with floor.recorder() as recorder:
        (job,) = await floor.enqueue(user_id="ada", priority=3)
        ((_, attempt),) = await floor.take(1)
        items = [("progressed", b'{"percentage":40}'), ("logged", b'{"line":1,"level":"INFO","message":"hello"}')]
        await floor.engine.report("w1", [Report(job=job, attempt=attempt, items=items)])  # type: ignore[list-item]
        await floor.finish([(job, attempt)])
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    row = await job_detail(job)
    assert row
    assert (row["status"], row["result"], row["user_id"], row["priority"]) == ("completed", {"ok": True}, "ada", "HIGH")
    assert row["progress"]["percentage"] == 40
    assert row["attempts"][0]["host"] == "here"
    assert (await totals())["by_status"]["completed"] == 1
    assert (await statistics(3600, 60))["ended"] == {"completed": 1, "failed": 0, "cancelled": 0}


async def test_a_burst_is_recorded_whole_and_counted_once(floor: Floor, database: str) -> None:
    async with floor.recorder() as recorder:
        for _ in range(10):
            await floor.run(100)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 30)

    assert await statuses() == {"completed": 1000}
    assert (await totals())["ended"]["completed"] == 1000
    assert recorder.counted["applied"] == 3001  # with one worker.started for each register but repeats
    assert not {"refused", "late", "poison", "holes"} & recorder.counted.keys()


async def test_two_recorders_apply_each_event_once(floor: Floor, database: str) -> None:
    first, second = floor.recorder(), floor.recorder()

    async with first, second:
        for _ in range(20):
            await floor.run(25)
        seq = await floor.seq()
        await asyncio.wait_for(asyncio.gather(first.reached(seq), second.reached(seq)), 30)

    together: Counter[str] = first.counted + second.counted
    assert await statuses() == {"completed": 500}
    assert (await totals())["ended"]["completed"] == 500
    assert together["applied"] == 1501
    assert not together["refused"] + together["late"]


async def test_a_recorder_killed_before_it_trimmed_repeats_nothing(floor: Floor, database: str) -> None:
    async with floor.recorder(trimmer=Trimmer(floor.engine.redis, floor.engine.names, every_s=3600)) as killed:
        await floor.run(50)
        await asyncio.wait_for(killed.reached(await floor.seq()), 10)
    kept = await floor.engine.redis.xlen(floor.engine.names.events)

    async with floor.recorder() as recorder:
        await floor.enqueue(1)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    assert kept
    assert recorder.counted == {"applied": 1}
    assert (await totals())["ended"]["completed"] == 50


async def test_the_recorder_is_cancelled_anywhere_and_nothing_is_lost_or_doubled(floor: Floor, database: str) -> None:
    async def jobs() -> None:
        for _ in range(30):
            await floor.run(20)

    at_work = asyncio.create_task(jobs())
    for pause in range(25):
        async with floor.recorder():
            await asyncio.sleep(0.003 * pause)
    await at_work
    async with floor.recorder() as recorder:
        await asyncio.wait_for(recorder.reached(await floor.seq()), 30)

    assert await statuses() == {"completed": 600}
    assert (await totals())["ended"]["completed"] == 600


async def test_postgres_is_killed_and_comes_back(own_postgres: Own, floor: Floor) -> None:
    await upgrade(own_postgres.url)
    async with connected(own_postgres.url), floor.recorder() as recorder:
        await floor.run(100)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
        at_work = asyncio.create_task(floor.run(200))
        await asyncio.to_thread(own_postgres.stop)
        await at_work
        await floor.run(100)
        await asyncio.to_thread(own_postgres.start)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 30)

        assert await statuses() == {"completed": 400}
        assert (await totals())["ended"]["completed"] == 400
        assert await read_position() == await floor.seq()


async def test_the_queue_server_is_killed_and_comes_back(own_valkey: Own, prefix: str, database: str) -> None:
    async with floor_on(own_valkey.url, prefix) as floor, floor.recorder() as recorder:
        await floor.run(100)
        await asyncio.to_thread(own_valkey.stop)
        await asyncio.to_thread(own_valkey.start)
        await floor.run(100)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 30)

        assert await statuses() == {"completed": 200}
        assert not {"holes", "rollbacks", "raised"} & recorder.counted.keys()


async def test_the_clock_of_a_server_that_forgot_everything_does_not_go_back(floor: Floor, database: str) -> None:
    async with floor.recorder() as recorder:
        await floor.run(10)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
        ahead = recorder.position + 10**12
        async with connection() as lent:
            await lent.execute("UPDATE recorder SET seq = $1", ahead)

    async with floor.recorder() as recorder:
        await eventually(lambda: recorder.counted["raised"])
        await floor.run(10)
        await asyncio.wait_for(recorder.reached(ahead + 20), 10)

        assert await statuses() == {"completed": 20}
        assert recorder.counted["raised"] == 1
        assert recorder.reconcile_wanted.is_set()


async def test_a_hole_that_nobody_can_fill_is_counted_and_stepped_over(floor: Floor, database: str) -> None:
    async with floor.recorder() as recorder:
        await floor.run(5)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
    await floor.run(5)
    await floor.engine.redis.xtrim(floor.engine.names.events, maxlen=0, approximate=False)
    await floor.run(5)

    async with floor.recorder() as recorder:
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    assert recorder.counted["holes"] == 1
    assert recorder.reconcile_wanted.is_set()
    assert await statuses() == {"completed": 10}


async def test_the_stream_is_trimmed_to_what_is_recorded(floor: Floor, database: str) -> None:
    redis, names = floor.engine.redis, floor.engine.names
    trimmer = Trimmer(redis, names, keep_s=0, keep_events=10, every_s=0)
    async with floor.recorder(trimmer=trimmer) as recorder:
        for _ in range(5):
            await floor.enqueue(10)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

        async def short() -> bool:
            await trimmer.trim(recorder.position)
            return int(await redis.xlen(names.events)) <= 2

        await eventually(short)

    left = await redis.xrange(names.events)
    assert sum(len(fields[b"e"].split(b"\n")) for _, fields in left) >= 10


async def test_nothing_unrecorded_is_trimmed(floor: Floor, database: str) -> None:
    redis, names = floor.engine.redis, floor.engine.names
    await floor.enqueue(10)
    recorded = await floor.seq()
    await floor.enqueue(10)
    trimmer = Trimmer(redis, names, keep_s=-3600, keep_events=1, keep_bytes=1, every_s=0)
    trimmer.note(await floor.seq(), 20)

    for _ in range(3):
        await trimmer.trim(recorded)

    left = await redis.xrange(names.events)
    assert [int(entry.split(b"-")[0]) for entry, _ in left][-1] == await floor.seq()
    assert len(left) >= 1


@pytest.mark.scenario
async def test_the_process_records_until_it_is_told_to_stop(floor: Floor, settings: Settings, database: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "TASKCAST_REDIS_URL": settings.need_redis_url(),
        "TASKCAST_DATABASE_URL": settings.need_database_url(),
        "TASKCAST_SECRET_KEY": settings.need_secret(),
        "TASKCAST_PREFIX": settings.prefix,
    }
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-m", "core.recorder"], cwd=root, env=environment, stderr=subprocess.PIPE
    )
    try:
        await floor.enqueue(delay_ms=300)
        await floor.run(20)

        async def recorded() -> bool:
            return await statuses() == {"completed": 20, "queued": 1}  # the rescuer has promoted the one that waited

        await eventually(recorded, timeout=30)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == 0, errors.decode()
    assert b"has stopped" in errors


def test_the_process_says_in_one_sentence_what_is_missing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "core.recorder"],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("recorder: TASKCAST_REDIS_URL is not set")
    assert "Traceback" not in done.stderr
