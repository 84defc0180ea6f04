"""Concurrency and rate limits: who may not run yet is held back, costs no slot, and comes back."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from taskcast.engine.jobs import Ended
from tests.taskcast.engine.conftest import LEASE_MS, Bench, PrivateServer, end, new_job
from tests.waiting import eventually

HOUR_MS = 3_600_000


def one_at_a_time(job: str, **fields: Any) -> Any:
    return new_job(job, **({"concurrency": 1, "concurrency_key": "k"} | fields))


async def running(bench: Bench, key: str = "k") -> set[str]:
    return {job.decode() for job in await bench.redis.smembers(bench.names.concurrency(key))}


async def held(bench: Bench) -> int:
    return sum(queue.held for queue in await bench.engine.queues())


async def held_by(bench: Bench, job: str) -> str | None:
    live = await bench.engine.job(job)
    assert live is not None
    return live.held_by


async def pay_off(bench: Bench, key: str, ms: int) -> None:
    """Let time pass for a rate."""
    name = bench.names.rate(key)
    paid = await bench.redis.get(name)
    if paid is not None:
        await bench.redis.set(name, int(paid) - ms * 1000, keepttl=True)
    await bench.redis.zadd(bench.names.wakes, {f"r:{key}": 0}, xx=True)


async def test_no_more_run_at_once_than_the_limit(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}", concurrency=2) for i in range(4)] + [new_job("free")])

    assert await bench.taken() == [("j0", 1), ("j1", 1), ("free", 1)]

    assert await held_by(bench, "j2") == "c:work"
    assert await held(bench) == 2
    await bench.engine.finish("w1", [end("j0")])
    assert await bench.taken() == [("j2", 1)]
    assert await bench.taken() == []
    await bench.engine.finish("w1", [end("j1"), end("j2")])
    assert await bench.taken() == [("j3", 1)]
    assert await held(bench) == 0


async def test_limit_counts_by_its_key(bench: Bench) -> None:
    jobs = [one_at_a_time(f"{key}{i}", concurrency_key=key, task=f"t{i}") for i in range(2) for key in ("a", "b")]
    await bench.engine.enqueue(jobs)

    assert await bench.taken() == [("a0", 1), ("b0", 1)]


async def test_held_jobs_run_in_the_order_they_came(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"j{i}") for i in range(4)])
    order = []
    for i in range(4, 8):
        ((job, attempt),) = await bench.taken()
        order.append(job)
        await bench.engine.enqueue([one_at_a_time(f"j{i}")])
        await bench.engine.finish("w1", [end(job, attempt)])

    assert order == ["j0", "j1", "j2", "j3"]


LEAVING = [
    "completed",
    "failed",
    "cancelled",
    "retrying",
    "released",
    "given back",
    "unclaimed",
    "reclaimed",
    "dropped",
]


@pytest.mark.parametrize("way", LEAVING)
async def test_every_way_out_of_running_makes_room(bench: Bench, way: str) -> None:
    await bench.engine.enqueue([one_at_a_time("a", max_attempts=3, max_deliveries=1), one_at_a_time("b")])
    await bench.taken("w1", want=1)
    await bench.worker("w2")
    await bench.taken("w2")
    assert await held_by(bench, "b") == "c:k"

    if way in {"completed", "failed", "cancelled", "retrying"}:
        await bench.engine.finish("w1", [end("a", state=way, delay_ms=HOUR_MS)])
    elif way == "released":
        await bench.engine.release("w1", [("a", 1)], begun=True)
        await bench.engine.cancel("a")
    elif way == "given back":
        await bench.engine.release("w1", [("a", 1)], begun=False)
        await bench.engine.cancel("a")
    elif way == "unclaimed":
        await bench.engine.renew("w1", lease_ms=LEASE_MS, known=9, held=[])
        await bench.engine.cancel("a")
    elif way == "reclaimed":
        await bench.die("w1")
        await bench.reclaim()
    else:
        assert await bench.engine.drop("a", seq=2**52, state="completed")

    assert await bench.taken("w2") == [("b", 1)]
    assert await running(bench) == {"b"}


async def test_released_job_obeys_its_limit_anew_and_is_the_first(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"j{i}") for i in range(3)])
    await bench.taken()
    await bench.engine.release("w1", [("j0", 1)], begun=True)

    assert await bench.taken() == [("j0", 2)]
    assert await running(bench) == {"j0"}


async def test_member_that_does_not_run_leaves_when_the_key_seems_full(bench: Bench) -> None:
    await bench.redis.sadd(bench.names.concurrency("k"), "ghost")
    await bench.engine.enqueue([one_at_a_time("a")])

    assert await bench.taken() == [("a", 1)]
    assert await running(bench) == {"a"}


async def test_cancelled_job_that_had_come_back_leaves_its_place_to_the_next(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"j{i}") for i in range(3)])
    await bench.taken()
    await bench.engine.finish("w1", [end("j0")])
    await bench.engine.promote()
    assert await bench.lane() == ["j1"]

    await bench.engine.cancel("j1")

    assert await bench.taken() == [("j2", 1)]


async def test_paused_queue_does_not_keep_the_place_of_others(bench: Bench) -> None:
    await bench.engine.enqueue(
        [one_at_a_time("a", queue="x"), one_at_a_time("b", queue="x"), one_at_a_time("c", queue="y")]
    )
    await bench.taken()
    await bench.engine.pause(queue="x")

    await bench.engine.finish("w1", [end("a")])

    assert await bench.taken() == [("c", 1)]
    await bench.engine.resume(queue="x")
    assert await bench.taken() == []
    await bench.engine.finish("w1", [end("c")])
    assert await bench.taken() == [("b", 1)]


async def test_jobs_that_come_back_into_a_paused_queue_keep_their_order(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"j{i}", queue="x") for i in range(5)])
    await bench.taken()
    await bench.engine.pause(queue="x")
    await bench.engine.finish("w1", [end("j0")])
    for _ in range(3):
        await bench.engine.promote()

    await bench.engine.resume(queue="x")
    order = []
    for _ in range(4):
        ((job, attempt),) = await bench.taken()
        order.append(job)
        await bench.engine.finish("w1", [end(job, attempt)])

    assert order == ["j1", "j2", "j3", "j4"]


async def test_urgent_jobs_are_not_held_behind_others_of_their_key(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"low{i}", priority=1) for i in range(9)])
    await bench.taken()
    await bench.engine.enqueue([one_at_a_time("urgent", priority=4)])
    await bench.taken()

    await bench.engine.finish("w1", [end("low0")])

    assert await bench.taken() == [("urgent", 1)]


async def test_held_jobs_of_all_priorities_keep_their_shares(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"{p}.{i}", priority=p) for p in (1, 2, 3, 4) for i in range(200)])
    counts: Counter[str] = Counter()
    for _ in range(160):
        ((job, attempt),) = await bench.taken()
        counts[job[0]] += 1
        await bench.engine.finish("w1", [end(job, attempt)])

    assert counts == {"4": 108, "3": 36, "2": 12, "1": 4}


async def test_take_serves_who_can_run_behind_many_who_cannot(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"j{i}") for i in range(600)] + [new_job(f"free{i}") for i in range(2)])

    first = await bench.take(want=3)
    second = await bench.take(want=2)

    assert [job.job for job in first.jobs] == ["j0"]
    assert first.next_due_ms == 0
    assert [job.job for job in second.jobs] == ["free0", "free1"]


async def test_rate_lets_a_burst_go_and_then_one_an_interval(bench: Bench) -> None:
    jobs = [new_job(f"j{i}", rate_count=2, rate_period_ms=2 * HOUR_MS) for i in range(5)]
    await bench.engine.enqueue([*jobs, new_job("free")])

    take = await bench.take()

    assert [job.job for job in take.jobs] == ["j0", "j1", "free"]
    assert take.next_due_ms is not None
    assert HOUR_MS - 10_000 < take.next_due_ms < HOUR_MS + 1000
    assert await held_by(bench, "j2") == "r:work"
    assert await bench.taken() == []
    await pay_off(bench, "work", HOUR_MS)
    assert await bench.taken() == [("j2", 1)]
    await pay_off(bench, "work", 9 * HOUR_MS)
    assert await bench.taken() == [("j3", 1), ("j4", 1)]
    assert await held(bench) == 0


async def test_jobs_of_a_rate_begin_when_their_time_comes(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}", rate_count=1, rate_period_ms=40) for i in range(5)])
    waits = []
    begun: list[str] = []

    async def take() -> bool:
        took = await bench.take()
        begun.extend(job.job for job in took.jobs)
        waits.append(took.next_due_ms)
        return len(begun) == 5

    await eventually(take, every=0.001)

    began = [event.at for event in await bench.events() if event.state == "running"]
    assert begun == [f"j{i}" for i in range(5)]
    assert all(later - sooner >= 39 for sooner, later in pairwise(began))  # whole milliseconds
    assert None not in waits[:-1]


async def test_promote_sends_back_as_many_as_may_go(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}", rate_count=3, rate_period_ms=3 * HOUR_MS) for i in range(9)])
    await bench.taken()
    await pay_off(bench, "work", 2 * HOUR_MS)

    _, next_ms = await bench.engine.promote()

    assert await bench.lane() == ["j3", "j4"]
    assert next_ms is not None
    assert next_ms > HOUR_MS / 2


async def test_promote_repairs_a_list_that_nobody_looks_at(bench: Bench) -> None:
    await bench.engine.enqueue(
        [one_at_a_time("a"), one_at_a_time("b"), new_job("c", task="slow", rate_count=1, rate_period_ms=HOUR_MS)]
    )
    await bench.engine.enqueue(
        [new_job("d", task="slow", rate_count=1, rate_period_ms=HOUR_MS), new_job("e", task="stopped")]
    )
    await bench.engine.pause(task="stopped")
    await bench.taken()
    await bench.redis.delete(
        bench.names.concurrency("k"), bench.names.rate("slow"), bench.names.paused, bench.names.wakes
    )
    assert await bench.taken() == []

    await bench.engine.promote()

    assert sorted(await bench.taken()) == [("b", 1), ("d", 1), ("e", 1)]
    assert await held(bench) == 0


async def test_job_with_both_limits_obeys_both(bench: Bench) -> None:
    both = {"concurrency": 1, "rate_count": 2, "rate_period_ms": 2 * HOUR_MS}
    await bench.engine.enqueue([new_job(f"j{i}", **both) for i in range(4)])

    assert await bench.taken() == [("j0", 1)]
    await bench.engine.finish("w1", [end("j0")])
    assert await bench.taken() == [("j1", 1)]
    await bench.engine.finish("w1", [end("j1")])
    assert await bench.taken() == []
    await pay_off(bench, "work", 2 * HOUR_MS)
    assert await bench.taken() == [("j2", 1)]


async def test_place_is_given_on_when_the_first_may_not_go_for_another_reason(bench: Bench) -> None:
    slow = {"rate_count": 1, "rate_period_ms": HOUR_MS}
    await bench.engine.enqueue(
        [one_at_a_time("a", task="slow", **slow), one_at_a_time("b", task="slow"), one_at_a_time("c", task="quick")]
    )
    await bench.taken()
    await bench.engine.pause(task="slow")

    await bench.engine.finish("w1", [end("a")])

    assert await bench.taken() == []
    assert await held_by(bench, "b") == "t:slow"
    assert await eventually(bench.taken) == [("c", 1)]


async def test_limits_leave_nothing_behind(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time(f"j{i}", rate_count=100, rate_period_ms=100) for i in range(3)])
    for i in range(3):
        await bench.engine.finish("w1", [end(job, attempt) for job, attempt in await bench.taken()])
        assert await held(bench) == 2 - i

    async def nothing_left() -> bool:
        await bench.taken()
        kinds = {"holds", "wakes", "hold:*", "concurrency:*", "rate:*"}
        return not [key for kind in kinds for key in await bench.redis.keys(bench.names.tag + kind)]

    await eventually(nothing_left)


async def test_repeated_take_is_answered_as_before_and_counts_once(bench: Bench) -> None:
    await bench.engine.enqueue(
        [new_job(f"j{i}", concurrency=2, rate_count=3, rate_period_ms=HOUR_MS) for i in range(4)]
    )

    first = await bench.taken(number=5)
    again = await bench.taken(number=5)

    assert sorted(again) == sorted(first) == [("j0", 1), ("j1", 1)]
    assert await running(bench, "work") == {"j0", "j1"}


async def test_limits_are_in_the_row_and_deliveries_only_if_they_say_something(bench: Bench) -> None:
    await bench.engine.enqueue(
        [one_at_a_time("a", rate_count=10, rate_period_ms=60_000, rate_limit_key="api", max_deliveries=5), new_job("b")]
    )

    (a,), (b,) = await bench.events("a"), await bench.events("b")
    assert a.data.limits == {
        "concurrency": {"key": "k", "limit": 1},
        "rate": {"key": "api", "count": 10, "period_ms": 60_000},
    }
    assert (a.data.max_deliveries, b.data.max_deliveries, b.data.limits) == (5, 3, None)
    live = await bench.engine.job("b")
    assert live is not None
    assert not {"limits", "max_deliveries"} & set(live.row)


async def test_resent_job_obeys_its_limits(bench: Bench) -> None:
    await bench.engine.enqueue([one_at_a_time("a")])
    await bench.taken()

    assert await bench.engine.resend(one_at_a_time("b"), attempt=1, errors=0, deliveries=0, was="running")

    assert await bench.taken() == []
    await bench.engine.finish("w1", [end("a")])
    assert await bench.taken() == [("b", 2)]


async def test_limits_work_on_a_full_server(private: Bench, private_server: PrivateServer) -> None:
    slow = {"task": "slow", "rate_count": 1, "rate_period_ms": HOUR_MS}
    jobs = [one_at_a_time("a"), one_at_a_time("b"), one_at_a_time("c"), new_job("r0", **slow), new_job("r1", **slow)]
    await private.engine.enqueue([*jobs, new_job("t", task="stopped")])
    await private.taken(want=1)
    await private.redis.config_set("maxmemory", 1)

    await private.engine.pause(task="stopped")
    assert await private.taken() == [("r0", 1)]
    assert await private.engine.finish("w1", [end("a")]) == [Ended("done")]
    assert await private.taken() == [("b", 1)]
    assert await private.engine.release("w1", [("b", 1)], begun=True) == 1
    await private.engine.promote()
    assert await private.engine.resume(task="stopped")
    assert sorted(await private.taken()) == [("b", 2), ("t", 1)]
    assert await private.engine.drain("default") == 2
