"""Pausing queues and tasks: nothing of theirs begins, and all of it comes back in its order."""

from __future__ import annotations

import pytest

from taskcast.engine.jobs import Paused
from tests.taskcast.engine.conftest import Bench, new_job


async def told(bench: Bench) -> list[tuple[str, str | None, str | None, str | None]]:
    """Return the events of queues as (type, queue, task, reason)."""
    found = [event for event in await bench.events() if event.__struct_config__.tag.startswith("queue.")]
    return [(event.__struct_config__.tag[6:], event.data.queue, event.data.task, event.data.reason) for event in found]


async def test_paused_queue_gives_nothing_and_others_go_on(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x"), new_job("b", queue="y")])

    assert await bench.engine.pause(queue="x", by="ada", reason="broken")

    assert await bench.taken() == [("b", 1)]
    assert await bench.lane("x") == ["a"]
    assert await bench.engine.resume(queue="x", by="ada")
    assert await bench.taken() == [("a", 1)]
    assert await told(bench) == [("paused", "x", None, "broken"), ("resumed", "x", None, None)]


async def test_pause_says_who_and_why_and_since_when(bench: Bench) -> None:
    assert await bench.engine.pause(queue="x", by="ada", reason="broken")
    first = (await bench.engine.paused())["q:x"]

    assert not await bench.engine.pause(queue="x", by="bob", reason="still", until_ms=9_999_999_999_999)

    assert first == Paused(by="ada", reason="broken", until_ms=None, at_ms=first.at_ms)
    second = Paused(by="bob", reason="still", until_ms=9_999_999_999_999, at_ms=first.at_ms)
    assert await bench.engine.paused() == {"q:x": second}
    (queue,) = await bench.engine.queues()
    assert (queue.name, queue.paused) == ("x", second)
    assert await bench.engine.resume(queue="x")
    assert not await bench.engine.resume(queue="x")
    assert await bench.engine.paused() == {}


async def test_one_of_queue_and_task_must_be_given(bench: Bench) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        await bench.engine.pause()
    with pytest.raises(ValueError, match="exactly one"):
        await bench.engine.resume(queue="x", task="y")


async def test_jobs_of_a_paused_task_are_held_back_and_cost_no_slot(bench: Bench) -> None:
    jobs = [new_job(f"a{i}", task="stopped") for i in range(3)] + [new_job(f"b{i}") for i in range(2)]
    await bench.engine.enqueue(jobs)
    await bench.engine.pause(task="stopped")

    assert await bench.taken(want=2) == [("b0", 1), ("b1", 1)]

    live = await bench.engine.job("a0")
    assert live is not None
    assert (live.state, live.held_by) == ("queued", "t:stopped")
    (queue,) = await bench.engine.queues()
    assert (queue.waiting[2], queue.held) == (0, 3)
    assert await bench.story("a0") == ["queued/0"]


async def test_held_jobs_come_back_in_their_order(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"a{i}", task="stopped") for i in range(700)])
    await bench.engine.pause(task="stopped")
    await bench.take()
    await bench.take()
    await bench.engine.enqueue([new_job("last")])

    assert await bench.engine.resume(task="stopped")

    assert await bench.lane() == [*(f"a{i}" for i in range(700)), "last"]
    (queue,) = await bench.engine.queues()
    assert (queue.waiting[2], queue.held) == (701, 0)
    live = await bench.engine.job("a0")
    assert live is not None
    assert live.held_by is None
    assert await bench.redis.keys(bench.names.tag + "hold*") == []
    assert [kind for kind, *_ in await told(bench)] == ["paused", "resumed"]


async def test_take_goes_on_past_held_jobs_in_steps(bench: Bench) -> None:
    jobs = [new_job(f"a{i}", task="stopped") for i in range(600)]
    await bench.engine.enqueue([*jobs, new_job("free")])
    await bench.engine.pause(task="stopped")

    first, second = await bench.take(want=1), await bench.take(want=1)

    assert (first.jobs, first.next_due_ms) == ([], 0)
    assert [job.job for job in second.jobs] == ["free"]


async def test_pause_with_an_end_is_over_at_its_time(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x"), new_job("b", queue="y", task="stopped")])
    await bench.engine.pause(queue="x", until_ms=9_999_999_999_999)
    await bench.engine.pause(task="stopped", until_ms=9_999_999_999_999)
    waiting = await bench.take()
    assert waiting.jobs == []
    assert waiting.next_due_ms is not None
    assert waiting.next_due_ms > 1_000_000

    await bench.engine.pause(queue="x", until_ms=1)
    await bench.engine.pause(task="stopped", until_ms=1)

    assert sorted(await bench.taken()) == [("a", 1), ("b", 1)]
    assert await bench.engine.paused() == {}
    resumed = [(queue or task, reason) for kind, queue, task, reason in await told(bench) if kind == "resumed"]
    assert sorted(resumed) == [("stopped", "until"), ("x", "until")]


async def test_promote_ends_a_pause_that_nobody_takes_from(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", task="stopped")])
    await bench.engine.pause(task="stopped")
    await bench.take()
    await bench.engine.pause(task="stopped", until_ms=1)

    await bench.engine.promote()

    assert await bench.lane() == ["a"]
    assert [kind for kind, *_ in await told(bench)] == ["paused", "paused", "resumed"]


async def test_running_job_of_a_paused_queue_ends_and_its_retry_waits(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x")])
    await bench.taken()
    await bench.engine.pause(queue="x")

    await bench.engine.release("w1", [("a", 1)], begun=True)

    assert await bench.taken() == []
    await bench.engine.resume(queue="x")
    assert await bench.taken() == [("a", 2)]


async def test_held_job_is_cancelled_where_it_waits(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", task="stopped", deduplication_key="k"), new_job("b", task="stopped")])
    await bench.engine.pause(task="stopped")
    await bench.take()

    assert await bench.engine.cancel("a", by="ada") == "cancelled"

    assert (await bench.engine.enqueue([new_job("c", deduplication_key="k")]))[0].outcome == "accepted"
    (queue,) = await bench.engine.queues()
    assert queue.held == 1
    await bench.engine.resume(task="stopped")
    assert await bench.lane() == ["b", "c"]


async def test_drain_cancels_what_waits_and_what_is_held_back(bench: Bench) -> None:
    jobs = [new_job(f"w{i}", queue="x", priority=1 + i % 4) for i in range(1100)]
    await bench.engine.enqueue([new_job("held", queue="x", task="stopped"), *jobs, new_job("other", queue="y")])
    await bench.engine.enqueue([new_job("later", queue="x", delay_ms=9_999_999)])
    await bench.engine.pause(task="stopped")
    running = [job for job, _ in await bench.taken(want=10, queues=["x"])]

    assert await bench.engine.drain("x", by="ada") == 1101 - len(running)

    x, y = await bench.engine.queues()
    assert (sum(x.waiting.values()), x.held, x.running, x.scheduled) == (0, 0, len(running), 1)
    assert y.waiting[2] == 1
    cancelled = (await bench.events("held"))[-1]
    assert (cancelled.state, cancelled.data.by, cancelled.data.reason) == ("cancelled", "ada", "drained")
    drained = (await bench.events())[-1].data
    assert (drained.queue, drained.by, drained.count) == ("x", "ada", 1101 - len(running))
    assert await bench.engine.drain("x") == 0
