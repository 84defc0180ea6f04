"""Taking: exactly as many as wanted, fairly, and never lost with a reply."""

from __future__ import annotations

from collections import Counter

from tests.taskcast.engine.conftest import Bench, end, new_job


async def test_take_names_owner_attempt_and_waiting_time(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=3, timeout_s=12.5, message=b"hello")])

    (job,) = (await bench.take()).jobs

    assert (job.job, job.attempt, job.message) == ("a", 1, b"hello")
    assert (job.errors, job.max_attempts, job.timeout_s, job.cancel) == (0, 3, 12.5, None)
    started = (await bench.events("a"))[1]
    assert (started.data.worker, started.data.host, started.data.pid) == ("w1", "here", 7)
    assert 0 <= started.data.waited_ms < 10_000
    live = await bench.engine.job("a")
    assert live is not None
    assert (live.state, live.worker, live.attempt) == ("running", "w1", 1)


async def test_take_gives_no_more_than_wanted(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(5)])

    assert await bench.taken(want=2) == [("j0", 1), ("j1", 1)]
    assert await bench.taken(want=0) == []
    assert await bench.taken(want=9) == [("j2", 1), ("j3", 1), ("j4", 1)]


async def test_take_without_lease_gives_nothing(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])

    take = await bench.engine.take("ghost", 5, number=1, known=0, started=b"{}")

    assert (take.lease_held, take.jobs) == (False, [])
    assert await bench.lane() == ["a"]


async def test_repeated_take_gives_the_same_jobs_again(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(4)])

    first = await bench.taken(want=2, number=5)
    again = await bench.taken(want=2, number=5)

    assert sorted(again) == sorted(first)
    assert await bench.story("j0") == ["queued/0", "started/1"]


async def test_take_that_arrives_late_gives_nothing(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(4)])
    await bench.taken(want=1, number=7)

    assert await bench.taken(want=1, number=6) == []


async def test_jobs_of_an_unheard_take_go_back_to_the_front_of_their_lane(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(3)])
    await bench.taken(want=1)  # the reply never arrives

    take = await bench.take(want=0, held=[])

    assert take.jobs == []
    assert await bench.lane() == ["j0", "j1", "j2"]
    assert await bench.story("j0") == ["queued/0", "started/1", "queued/1"]
    assert (await bench.events("j0"))[-1].data.reason == "released"


async def test_renewal_leaves_a_take_alone_that_is_under_way(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken(number=3)

    renewed = await bench.engine.renew("w1", lease_ms=60_000, known=2, held=[])

    assert (renewed.lease_held, renewed.lost) == (True, [])
    live = await bench.engine.job("a")
    assert live is not None
    assert live.state == "running"


async def test_named_jobs_that_are_not_ours_are_told_as_lost(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b")])
    await bench.taken()

    take = await bench.take(held=[("a", 1), ("b", 2), ("never", 1)])

    assert sorted(take.lost) == [("b", 2), ("never", 1)]
    assert await bench.story("b") == ["queued/0", "started/1", "queued/1"]


async def test_take_serves_only_its_queues(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x"), new_job("b", queue="y"), new_job("c", queue="z")])

    assert await bench.taken(queues=["y", "z"]) == [("b", 1), ("c", 1)]
    assert await bench.taken(queues=[]) == []


async def test_takes_of_one_share_by_priority(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"p{p}.{i}", priority=p) for p in (1, 2, 3, 4) for i in range(100)])

    order = [(await bench.taken(want=1))[0][0][1] for _ in range(80)]

    assert Counter(order) == {"4": 54, "3": 18, "2": 6, "1": 2}
    assert Counter(order[:40])["4"] in {26, 27, 28}


async def test_one_large_take_shares_by_priority(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"p{p}.{i}", priority=p) for p in (1, 2, 3, 4) for i in range(100)])

    taken = await bench.taken(want=120)

    assert Counter(job[1] for job, _ in taken) == {"4": 81, "3": 27, "2": 9, "1": 3}


async def test_queues_share_equally(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"big{i}", queue="big", priority=4) for i in range(300)])
    await bench.engine.enqueue([new_job(f"small{i}", queue="small", priority=1) for i in range(30)])

    taken = [(await bench.taken(want=3))[0:3] for _ in range(10)]

    by_queue = Counter(job[:3] for jobs in taken for job, _ in jobs)
    assert by_queue == {"big": 15, "sma": 15}


async def test_lane_that_was_empty_does_not_save_up_shares(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"a{i}", queue="a") for i in range(60)])
    await bench.engine.enqueue([new_job("b-first", queue="b")])
    for _ in range(40):
        await bench.taken(want=1)

    await bench.engine.enqueue([new_job(f"b{i}", queue="b") for i in range(20)])
    order = [(await bench.taken(want=1))[0][0][0] for _ in range(20)]

    assert order.count("a") in {9, 10, 11}


async def test_entry_without_a_record_leaves_the_lane(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b")])
    await bench.redis.delete(bench.names.job("a"))

    assert await bench.taken() == [("b", 1)]
    assert await bench.lane() == []


async def test_id_twice_in_a_lane_is_taken_once(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.redis.rpush(bench.names.lane("default", 2), "a")

    assert await bench.taken() == [("a", 1)]
    assert await bench.taken() == []


async def test_large_messages_come_in_portions(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i:02}", message=b"x" * 1_000_000) for i in range(30)])

    first = await bench.taken()
    second = await bench.taken()

    assert 10 < len(first) < 20
    assert [job for job, _ in first + second] == [f"j{i:02}" for i in range(30)]


async def test_counts_of_queues_follow(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(4)] + [new_job("later", delay_ms=9_999_999)])
    await bench.engine.enqueue([new_job("u", queue="other", priority=4)])
    await bench.taken(want=3, queues=["default"])
    await bench.engine.finish("w1", [end("j0"), end("j1", state="retrying", delay_ms=9_999_999)])

    default, other = await bench.engine.queues()

    assert (default.name, default.waiting) == ("default", {1: 0, 2: 1, 3: 0, 4: 0})
    assert (default.running, default.scheduled, default.retrying) == (1, 1, 1)
    assert default.oldest_ms is not None
    assert (other.name, other.waiting[4], other.running) == ("other", 1, 0)


async def test_worker_is_told_once_and_found_dead_once(bench: Bench) -> None:
    await bench.worker()
    await bench.worker()
    await bench.die("w1")
    await bench.reclaim()
    await bench.reclaim()

    started, stopped = await bench.events()
    assert (started.__struct_config__.tag, started.data.worker, started.data.lost) == ("worker.started", "w1", False)
    assert (stopped.__struct_config__.tag, stopped.data.host, stopped.data.lost) == ("worker.stopped", "here", True)


async def test_worker_that_stops_is_told_once(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b")])
    await bench.taken(want=1)
    info = b'{"worker":"w1","host":"here","pid":7}'
    await bench.engine.beat("w1", info)
    await bench.engine.unregister("w1", info)
    await bench.engine.unregister("w1", info)
    await bench.ripen()
    await bench.reclaim()

    told = [event.__struct_config__.tag for event in await bench.events() if event.job is None]
    assert told == ["worker.started", "worker.beat", "worker.stopped"]
    assert await bench.story("a") == ["queued/0", "started/1", "lost/1", "queued/1"]
