"""Cancelling: at once where it waits, by request where it runs, and never two ends."""

from __future__ import annotations

import asyncio
import json

import pytest

from taskcast.engine.jobs import CancelAsked, Ended, Report
from tests.taskcast.engine.conftest import Bench, end, new_job


async def test_waiting_job_is_cancelled_at_once(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b"), new_job("later", delay_ms=999_999)])

    assert await bench.engine.cancel("a", by="ada", reason="wrong file") == "cancelled"
    assert await bench.engine.cancel("later") == "cancelled"

    event = (await bench.events("a"))[-1]
    assert (event.was, event.state, event.data.by, event.data.reason) == ("queued", "cancelled", "ada", "wrong file")
    assert await bench.lane() == ["b"]
    assert await bench.redis.zcard(bench.names.delayed) == 0
    assert await bench.engine.cancel("a") == "final"
    assert await bench.engine.cancel("never") == "unknown"


async def test_running_job_is_asked_to_stop_by_every_way(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    channel = bench.redis.pubsub()
    await channel.subscribe(bench.names.control)
    await channel.get_message(timeout=5)
    asked = CancelAsked("a", 1, "ada", "enough")

    assert await bench.engine.cancel("a", by="ada", reason="enough") == "requested"

    told = await channel.get_message(timeout=5)
    assert told is not None
    assert json.loads(told["data"]) == {"cancel": "a", "attempt": 1, "worker": "w1"}
    assert await bench.engine.report("w1", [Report(job="a", attempt=1, items=[])]) == [asked]
    assert (await bench.engine.renew("w1", lease_ms=60_000, known=1, held=[("a", 1)])).cancels == [asked]
    assert (await bench.engine.renew("w1", lease_ms=60_000, known=1)).cancels == [asked]
    assert [(await bench.take()).cancels for _ in range(3)] == [[asked]] * 3
    assert await bench.engine.cancel("a", by="bob") == "requested"
    await channel.aclose()


async def test_request_that_was_seen_is_told_once_and_not_repeated(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    await bench.engine.cancel("a")

    assert await bench.engine.cancel_seen("w1", "a", 1)
    assert await bench.engine.cancel_seen("w1", "a", 1)
    assert not await bench.engine.cancel_seen("w2", "a", 1)
    assert not await bench.engine.cancel_seen("w1", "a", 2)

    assert await bench.story("a") == ["queued/0", "started/1", "cancel_requested/1", "cancel_seen/1"]
    assert (await bench.take(held=[("a", 1)])).cancels == []
    assert await bench.engine.report("w1", [Report(job="a", attempt=1, items=[])]) == [True]


@pytest.mark.parametrize(
    ("said", "becomes"),
    [("completed", "completed"), ("failed", "failed"), ("cancelled", "cancelled"), ("retrying", "cancelled")],
)
async def test_job_that_was_asked_to_stop_is_never_retried(bench: Bench, said: str, becomes: str) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=9)])
    await bench.taken()
    await bench.engine.cancel("a", by="ada", reason="enough")

    assert await bench.engine.finish("w1", [end("a", state=said, ended_ago_ms=3)]) == [Ended("done")]

    event = (await bench.events("a"))[-1]
    assert event.state == becomes
    assert event.data.duration_ms == 5
    if becomes == "cancelled":
        assert (event.data.by, event.data.reason, event.data.ended_ago_ms) == ("ada", "enough", 3)


async def test_cancel_racing_finish_gives_one_end_each(bench: Bench) -> None:
    jobs = [f"j{i}" for i in range(200)]
    await bench.engine.enqueue([new_job(job, max_attempts=9) for job in jobs])
    await bench.taken(want=100)

    async def finish() -> None:
        for i in range(0, 100):
            await bench.engine.finish("w1", [end(jobs[i], state=("completed", "retrying", "failed")[i % 3])])

    await asyncio.gather(finish(), *(bench.engine.cancel(job) for job in jobs))
    for job in jobs:
        await bench.engine.cancel(job)

    for job in jobs:
        ends = [event for event in await bench.events(job) if event.state in {"completed", "failed", "cancelled"}]
        assert len(ends) == 1, await bench.story(job)
    assert await bench.redis.zcard(bench.names.delayed) == 0
    assert await bench.lane() == []


async def test_request_is_answered_by_a_repeated_take(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken(number=1)
    await bench.engine.cancel("a", by="ada")

    (job,) = (await bench.take(number=1)).jobs

    assert job.cancel == CancelAsked("a", 1, "ada", None)
