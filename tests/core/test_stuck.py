"""Stuck jobs: what is found, what is put right, and that each is told once."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from core.resender import Resender
from core.storage.connection import connection
from core.storage.jobs import job_detail
from core.stuck import Checked, Limits, Reason, StuckCheck, StuckWatch
from taskcast import events
from tests.core.floor import CIPHER, Floor
from tests.waiting import eventually

AT_ONCE = Limits(unmoved_s=0, past_timeout_s=0, lease_gone_s=0, no_worker_s=0)


def stuck_check(floor: Floor, **options: Any) -> StuckCheck:
    resender = Resender(engine=floor.engine, cipher=CIPHER, **options)
    return StuckCheck(engine=floor.engine, resender=resender, lease_ms=1, limits=AT_ONCE)


async def check(floor: Floor, **options: Any) -> Checked:
    """Check once, with the tables up to date before and after."""
    async with floor.recorder() as recorder:
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
        checked = await stuck_check(floor, **options).check()
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
    return checked


def said(checked: Checked) -> list[tuple[str, str, str]]:
    return [(finding.job, finding.reason, finding.action) for finding in checked.found]


async def told(floor: Floor) -> list[tuple[str | None, str]]:
    """The job and reason of each `job.stuck` so far."""
    found = []
    for _, fields in await floor.engine.redis.xrange(floor.engine.names.events):
        found += [events.decode(line) for line in fields[b"e"].split(b"\n")]
    stuck = [event for event in found if isinstance(event, events.JobStuck)]
    assert all(event.task == "TASK" and event.attempt in {0, 1} for event in stuck)
    return [(event.job, event.data.reason) for event in stuck]


async def serve(floor: Floor) -> None:
    """Have a live worker that serves all queues, without taking anything."""
    await floor.take(0)


async def test_a_healthy_installation_has_no_stuck_jobs(floor: Floor, database: str) -> None:
    await serve(floor)
    await floor.enqueue(3)
    await floor.enqueue(2, delay_ms=3_600_000)
    await floor.take(1)

    checked = await check(floor)

    assert said(checked) == []
    assert checked.checked >= 3
    assert await told(floor) == []


async def test_a_job_that_runs_past_its_timeout_is_told_once_until_it_moves(floor: Floor, database: str) -> None:
    (job,) = await floor.enqueue(1, timeout_s=0.001)
    held = await floor.take(1)

    first, second = await check(floor), await check(floor)
    marked = await job_detail(job)
    await floor.finish(held)
    await check(floor)
    ended = await job_detail(job)

    assert said(first) == said(second) == [(job, Reason.PAST_TIMEOUT, "none")]
    assert await told(floor) == [(job, "past_timeout")]
    assert marked and ended
    assert (marked["status"], marked["stuck_reason"]) == ("running", "past_timeout")
    assert (ended["status"], ended["stuck_at"]) == ("completed", None)


async def test_a_running_job_that_the_queue_server_does_not_know_is_sent_again(floor: Floor, database: str) -> None:
    (job,) = await floor.enqueue(1)
    await floor.take(1)
    await check(floor)
    await floor.engine.redis.delete(floor.engine.names.job(job), floor.engine.names.held("w1"))

    checked = await check(floor)

    assert said(checked) == [(job, Reason.UNKNOWN_TO_ENGINE, "resent")]
    assert (await floor.take(1))[0][0] == job


async def test_an_unknown_job_fails_where_the_policy_says_so(floor: Floor, database: str) -> None:
    (job,) = await floor.enqueue(1)
    await check(floor)
    await floor.engine.redis.delete(floor.engine.names.job(job))

    checked = await check(floor, on_forgotten="fail")

    row = await job_detail(job)
    assert row
    assert said(checked) == [(job, Reason.UNKNOWN_TO_ENGINE, "failed")]
    assert (row["status"], row["final_reason"]) == ("failed", "forgotten")


async def test_a_job_that_fell_out_of_its_lane_is_put_back(floor: Floor, database: str) -> None:
    await serve(floor)
    (job,) = await floor.enqueue(1)
    await floor.engine.redis.delete(floor.engine.names.lane("default", 2))

    checked = await check(floor)

    assert [(finding.job, finding.reason) for finding in checked.found] == [(job, Reason.MISPLACED)]
    assert await told(floor) == [(job, "misplaced")]
    assert (await floor.take(1))[0][0] == job


async def test_a_job_whose_owner_was_forgotten_is_taken_back(floor: Floor, database: str) -> None:
    (job,) = await floor.enqueue(1)
    await floor.take(1)
    names = floor.engine.names
    await floor.engine.reclaim(lease_ms=10**15)
    await floor.engine.redis.hset(names.run, "since", 0)
    await floor.engine.redis.delete(names.lease("w1"))

    checked = await check(floor)

    assert said(checked) == [(job, Reason.OWNER_LOST, "reclaimed")]
    assert (await floor.take(1)) == [(job, 2)]


async def test_jobs_of_a_queue_that_nobody_serves_are_told_and_left(floor: Floor, database: str) -> None:
    jobs = await floor.enqueue(3, queue="orphan")

    first, second = await check(floor), await check(floor)

    assert sorted(said(first)) == sorted((job, Reason.NO_WORKER, "none") for job in jobs)
    assert sorted(said(first)) == sorted(said(second))
    assert sorted(await told(floor)) == sorted((job, "no_worker") for job in jobs)
    assert {job for job, _ in await floor.take(5)} == set(jobs)


async def test_a_paused_queue_and_a_paused_task_wait_rightly(floor: Floor, database: str) -> None:
    await floor.enqueue(1, queue="paused")
    await floor.enqueue(1, task="PAUSED")
    await floor.engine.pause(queue="paused")
    await floor.engine.pause(task="PAUSED")

    assert said(await check(floor)) == []


async def test_two_checks_at_once_tell_of_a_job_once(floor: Floor, database: str) -> None:
    (job,) = await floor.enqueue(1, timeout_s=0.001)
    await floor.take(1)

    async with floor.recorder() as recorder:
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
        both = await asyncio.gather(stuck_check(floor).check(), stuck_check(floor).check())

    assert [len(checked.found) for checked in both] == [1, 1]
    assert await told(floor) == [(job, "past_timeout")]


async def test_the_watch_checks_by_itself(floor: Floor, database: str, redis: Redis) -> None:
    (job,) = await floor.enqueue(1, timeout_s=0.001)
    await floor.take(1)
    watched = stuck_check(floor)

    async with floor.recorder(), StuckWatch(check=watched, every_s=0.02):
        await eventually(lambda: watched.counted[Reason.PAST_TIMEOUT] == 1)

    assert await told(floor) == [(job, "past_timeout")]


async def test_a_job_that_has_only_just_moved_is_left_alone(floor: Floor, database: str) -> None:
    await floor.enqueue(1)
    await floor.take(1)
    async with floor.recorder() as recorder:
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
        resender = Resender(engine=floor.engine, cipher=CIPHER)
        await floor.engine.redis.delete(floor.engine.names.lane("default", 2))

        checked = await StuckCheck(engine=floor.engine, resender=resender).check()

    assert checked.found == []
    async with connection() as lent:
        assert await lent.fetchval("SELECT count(*) FROM jobs WHERE stuck_at IS NOT NULL") == 0
