"""Queues and tasks steered over the gateway while real workers serve them, and what an emptied queue server gets back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from taskcast.broker import JobBroker
from taskcast.client import Client
from taskcast.events import decode
from taskcast.names import Names
from tests.scenarios.app import ledger
from tests.scenarios.system import System
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(180)]

QUEUE = "scenario"


async def send(system: System, count: int, *, pause_s: float = 0.0) -> list[str]:
    broker = JobBroker(system.redis_url)
    jobs = await broker.enqueue_many(ledger, [{"number": n, "steps": 1, "pause_s": pause_s} for n in range(count)])
    await broker.shutdown()
    return [job.task_id for job in jobs]


def begun(system: System, ids: list[str]) -> list[str]:
    wanted = set(ids)
    return [job for word, job, *_ in system.ledger() if word == "begin" and job in wanted]


async def states(client: Client, ids: list[str]) -> Counter[str]:
    return Counter([(await client.job(job))["status"] for job in ids])


async def test_a_paused_queue_begins_nothing_and_loses_nothing(system: System) -> None:
    async with system.client() as client:
        paused = await client.pause_queue(QUEUE, reason="the bank is down")
        try:
            jobs = await send(system, 50)
            waiting = await eventually(lambda: _waits(client, 50))
            still = begun(system, jobs)
        finally:
            await client.resume_queue(QUEUE)

        await eventually(lambda: _all(client, jobs, "completed"), timeout=30)

    assert paused["queue"]["paused"]["reason"] == "the bank is down"
    assert waiting["paused"]["by"]
    assert still == []
    assert Counter(begun(system, jobs)) == Counter(jobs)


async def test_a_paused_task_lets_the_others_of_its_queue_pass(system: System) -> None:
    async with system.client() as client:
        await client.pause_task("ledger", reason="a bug")
        try:
            held = await send(system, 20)
            other = (await client.enqueue("quick", {"number": 1}))["id"]
            await eventually(lambda: _all(client, [other], "completed"), timeout=30)
            before = await states(client, held)
            row = await client.job(held[0])
            queue = await client.queue(QUEUE)
        finally:
            await client.resume_task("ledger")

        await eventually(lambda: _all(client, held, "completed"), timeout=30)

    assert before == {"queued": 20}
    assert row["held_by"] == "t:ledger"
    assert (queue["held"], queue["running"]) == (20, 0)


async def test_a_drained_queue_is_empty_and_its_jobs_say_why(system: System) -> None:
    async with system.client() as client:
        await client.pause_queue(QUEUE)
        try:
            jobs = await send(system, 1200)
            await eventually(lambda: _waits(client, 1200))
            drained = await client.drain_queue(QUEUE, reason="sent twice")
        finally:
            await client.resume_queue(QUEUE)
        await eventually(lambda: _all(client, [jobs[0], jobs[-1]], "cancelled"), timeout=30)
        row = await client.job(jobs[600])

    assert drained["count"] == 1200
    assert sum(drained["queue"]["waiting"].values()) == 0
    assert (row["status"], row["cancel_reason"]) == ("cancelled", "sent twice")
    assert begun(system, jobs) == []


async def test_an_emptied_queue_server_gets_pauses_and_jobs_back(system: System) -> None:
    async with system.client() as client:
        await client.pause_queue(QUEUE, reason="the bank is down")
        jobs = await send(system, 30)
        await eventually(lambda: _recorded(client, 30), timeout=30)
        redis = Redis.from_url(system.redis_url)
        await redis.flushall()
        await redis.aclose()

        back = await eventually(lambda: _waits(client, 30), timeout=60)
        still = begun(system, jobs)
        await client.resume_queue(QUEUE)
        await eventually(lambda: _all(client, jobs, "completed"), timeout=30)

    assert back["paused"]["reason"] == "the bank is down"
    assert still == []
    assert Counter(begun(system, jobs)) == Counter(jobs)


async def test_a_job_that_fell_out_of_its_lane_is_found_told_and_run(system: System) -> None:
    names = Names()
    redis = Redis.from_url(system.redis_url)
    async with system.client() as client:
        await client.pause_queue(QUEUE)
        try:
            jobs = await send(system, 3)
            await eventually(lambda: _waits(client, 3))
            await redis.lrem(names.lane(QUEUE, 2), 1, jobs[1])
        finally:
            await client.resume_queue(QUEUE)
        await eventually(lambda: _all(client, [jobs[0], jobs[2]], "completed"), timeout=30)
        lost = (await client.job(jobs[1]))["status"]

        async def found() -> bool:
            await client.check_stuck()  # the watch may have been faster
            return await _all(client, [jobs[1]], "completed")

        await eventually(found, timeout=90, every=1)
        lines = [line for _, entry in await redis.xrange(names.events) for line in entry[b"e"].split(b"\n")]
    await redis.aclose()

    stuck = [event for line in lines if b'"job.stuck"' in line for event in [decode(line)]]
    assert lost == "queued"
    assert [(event.job, event.data.reason) for event in stuck if event.job in jobs] == [(jobs[1], "misplaced")]
    assert Counter(begun(system, jobs)) == Counter(jobs)


async def _waits(client: Client, count: int) -> dict[str, Any] | None:
    """The queue, if so many wait in it."""
    for row in await client.queues():
        if row["name"] == QUEUE and sum(row["waiting"].values()) == count:
            return row
    return None


async def _recorded(client: Client, count: int) -> bool:
    return (await client.jobs(queue=QUEUE, status="queued", limit=1)).total == count


async def _all(client: Client, ids: list[str], state: str) -> bool:
    return await states(client, ids) == {state: len(ids)}
