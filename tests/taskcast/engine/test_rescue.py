"""Jobs of workers that are gone, and jobs that are given back."""

from __future__ import annotations

import pytest

from taskcast.engine import lease
from taskcast.engine.jobs import Ended
from taskcast.errors import EngineUnavailable
from taskcast.names import Names
from tests.taskcast.engine.conftest import LEASE_MS, Bench, end, new_job


async def test_reclaim_puts_the_jobs_of_a_lost_worker_to_the_front(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(4)])
    await bench.taken(want=2)
    await bench.die("w1")

    assert await bench.reclaim() == 2

    assert sorted((await bench.lane())[:2]) == ["j0", "j1"]
    assert (await bench.lane())[2:] == ["j2", "j3"]
    assert await bench.story("j0") == ["queued/0", "started/1", "lost/1", "queued/1"]
    lost, queued = (await bench.events("j0"))[-2:]
    assert (lost.data.worker, lost.data.deliveries, queued.data.reason) == ("w1", 1, "reclaimed")


async def test_reclaim_leaves_the_living_alone(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    await bench.ripen()

    assert await bench.reclaim() == 0
    assert await bench.engine.finish("w1", [end("a")]) == [Ended("done")]


async def test_job_that_loses_its_owner_too_often_fails(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_deliveries=2)])
    for worker in ("w1", "w2"):
        await bench.taken(worker)
        await bench.die(worker)
        await bench.reclaim()

    failed = (await bench.events("a"))[-1]
    assert (failed.state, failed.data.final_reason, failed.data.error.type) == ("failed", "worker_lost", "WorkerLost")
    assert await bench.taken("w3") == []


async def test_lost_owners_use_up_no_attempts(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=2)])
    await bench.taken("w1")
    await bench.die("w1")
    await bench.reclaim()

    (job,) = (await bench.take("w2")).jobs
    assert (job.attempt, job.errors) == (2, 0)


async def test_reclaim_goes_in_steps(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(25)])
    await bench.taken()
    await bench.die("w1")

    assert [await bench.reclaim(10) for _ in range(4)] == [10, 10, 5, 0]
    told = [event.__struct_config__.tag for event in await bench.events() if event.job is None]
    assert told == ["worker.started", "worker.stopped"]


async def test_reclaim_waits_one_lease_after_the_servers_start(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    await bench.die("w1")
    await bench.redis.hset(bench.names.run, "id", "another")

    assert await bench.reclaim() == 0
    assert await bench.reclaim() == 0
    await bench.redis.hset(bench.names.run, "since", 0)
    assert await bench.reclaim() == 1


async def test_lease_that_ran_out_is_taken_up_again_with_what_is_left(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b")])
    await bench.taken()
    await bench.die("w1")
    await bench.reclaim(1)

    renewed = await bench.engine.renew("w1", lease_ms=LEASE_MS, known=1, held=[("a", 1), ("b", 1)])

    assert renewed.lease_held is False
    ((lost, _),) = renewed.lost
    (kept,) = {"a", "b"} - {lost}
    assert await bench.reclaim() == 0
    answers = await bench.engine.finish("w1", [end(kept), end(lost)])
    assert answers == [Ended("done"), Ended("refused")]


async def test_thread_renews_by_a_client_of_its_own(bench: Bench, redis_url: str) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    await bench.engine.cancel("a", by="ada")
    client = lease.connect_sync(redis_url, bench.names)

    renewed = lease.renew(client, bench.names, "w1", lease_ms=5_000, known=1, held=[("a", 1), ("b", 1)])

    assert renewed.lease_held
    assert renewed.lost == [("b", 1)]
    assert [(asked.job, asked.by) for asked in renewed.cancels] == [("a", "ada")]
    assert 0 < await bench.redis.pttl(bench.names.lease("w1")) <= 5_000
    client.close()


def test_thread_is_told_that_the_server_is_away() -> None:
    client = lease.connect_sync("unix:///nowhere.sock", Names("nowhere"))

    with pytest.raises(EngineUnavailable):
        lease.renew(client, Names(), "w1", lease_ms=5, known=0, held=None)

    client.close()


async def test_release_before_the_begin_gives_the_attempt_back(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(4)])
    await bench.taken(want=3)

    released = await bench.engine.release("w1", [("j0", 1), ("j1", 1), ("j9", 1)], begun=False)

    assert released == 2
    assert await bench.lane() == ["j0", "j1", "j3"]
    assert await bench.story("j0") == ["queued/0", "started/1", "queued/0"]
    assert await bench.taken("w2", want=1) == [("j0", 1)]


async def test_release_after_the_begin_counts_the_attempt(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()

    assert await bench.engine.release("w1", [("a", 1), ("a", 1)], begun=True) == 1
    assert await bench.engine.release("w1", [("a", 1)], begun=True) == 0
    assert await bench.engine.release("w2", [("a", 1)], begun=True) == 0

    assert await bench.taken("w2") == [("a", 2)]


async def test_released_job_that_was_asked_to_stop_is_cancelled(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", deduplication_key="k")])
    await bench.taken()
    await bench.engine.cancel("a", by="ada", reason="enough")

    await bench.engine.release("w1", [("a", 1)], begun=True)

    event = (await bench.events("a"))[-1]
    assert (event.state, event.data.by, event.data.reason) == ("cancelled", "ada", "enough")
    assert await bench.redis.get(bench.names.dedup("k")) is None


async def test_reclaimed_job_that_was_asked_to_stop_is_cancelled(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    await bench.engine.cancel("a", by="ada")
    await bench.die("w1")
    await bench.reclaim()

    assert (await bench.story("a"))[-3:] == ["cancel_requested/1", "lost/1", "cancelled/1"]
