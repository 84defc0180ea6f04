"""Names of queues: one that was used once does not stay in the server for ever."""

from __future__ import annotations

from tests.taskcast.engine.conftest import Bench, end, new_job


async def fields(bench: Bench) -> tuple[set[str], set[str], set[str]]:
    """Return what is known of queues: lanes, shares and counts."""
    redis, names = bench.redis, bench.names
    found = await redis.smembers(names.lanes), await redis.hkeys(names.shares), await redis.hkeys(names.counts)
    lanes, shares, counts = ({each.decode() for each in part} for part in found)
    return lanes, shares - {"*"}, counts


async def sweep(bench: Bench, keep: int) -> int:
    gone = 0
    while found := await bench.engine.sweep(keep=keep):
        gone += found
    return gone


async def test_made_up_names_of_queues_do_not_stay(bench: Bench) -> None:
    jobs = [new_job(f"j{i}", queue=f"q{i}", priority=1 + i % 4) for i in range(300)]
    await bench.engine.enqueue(jobs)
    for _ in range(30):  # fewer than there are: shares are counted
        taken = await bench.taken(want=10)
        await bench.engine.finish("w1", [end(job) for job, _ in taken])

    assert len((await fields(bench))[0]) == 300
    assert await sweep(bench, 0) == 300
    assert await fields(bench) == (set(), set(), set())


async def test_few_names_stay_known(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x")])
    await bench.taken()
    await bench.engine.finish("w1", [end("a")])

    assert await bench.engine.sweep() == 0
    assert [queue.name for queue in await bench.engine.queues()] == ["x"]


async def test_queue_stays_known_while_a_job_may_come_back_to_it(bench: Bench) -> None:
    await bench.engine.enqueue(
        [
            new_job("waits", queue="w"),
            new_job("later", queue="d", delay_ms=60_000),
            new_job("runs", queue="r", concurrency=1, concurrency_key="k"),
            new_job("held", queue="h", concurrency=1, concurrency_key="k"),
        ]
    )
    assert {job for job, _ in await bench.taken(queues=["r"])} == {"runs"}
    assert await bench.taken(queues=["h"]) == []  # held back

    assert await sweep(bench, 0) == 0

    await bench.due("later")
    await bench.engine.finish("w1", [end("runs")])
    assert {job for job, _ in await bench.taken()} == {"waits", "later", "held"}


async def test_job_that_stands_nowhere_comes_back_to_a_forgotten_lane(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x")])
    await bench.redis.delete(bench.names.lane("x", 2))
    assert await sweep(bench, 0) == 1

    assert await bench.engine.misplaced(["a"]) == [("a", "lane")]

    assert await bench.taken() == [("a", 1)]


async def test_queue_that_was_forgotten_is_used_again(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", queue="x")])
    await bench.engine.drain("x")
    assert await sweep(bench, 0) == 1

    await bench.engine.enqueue([new_job("b", queue="x")])

    assert await bench.taken() == [("b", 1)]
