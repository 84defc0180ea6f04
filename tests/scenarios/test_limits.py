"""Limits over several worker processes, told by the events: never exceeded, never a place lost with a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from taskcast.states import FINAL
from tests.taskcast.processes import Workers, workers_on
from tests.waiting import eventually

pytestmark = pytest.mark.scenario


@pytest.fixture
async def workers(redis_url: str, tmp_path: Path) -> AsyncIterator[Workers]:
    async with workers_on(redis_url, tmp_path) as workers:
        yield workers


async def most_at_once(workers: Workers, jobs: Collection[str]) -> int:
    """Return how many of the jobs ran at once at the most."""
    now, most = 0, 0
    for event in await workers.shop.events():
        if event.job in jobs and "running" in {event.state, event.was}:
            now += 1 if event.state == "running" else -1
            most = max(most, now)
    return most


async def test_no_more_jobs_run_at_once_than_their_key_allows(workers: Workers) -> None:
    broker = workers.shop.broker

    @broker.task(task_name="work", concurrency=2, concurrency_key="{seconds}")
    async def limited(seconds: float) -> None: ...

    for _ in range(3):
        await workers.start("--max-async-tasks", "4")

    jobs = {key: [job.id for job in await broker.enqueue_many(limited, [(key,)] * 20)] for key in (0.2, 0.25)}
    free = [job.id for job in await broker.enqueue_many("thread", [(0.01,)] * 20)]
    ends = await workers.ends([*jobs[0.2], *jobs[0.25], *free])

    assert {event.state for event in ends} == {"completed"}
    assert [await most_at_once(workers, jobs[key]) for key in jobs] == [2, 2]
    begins = [event.job for event in await workers.shop.events() if event.state == "running"]
    assert begins.index(free[-1]) < begins.index(jobs[0.2][-1])


async def test_a_place_under_a_limit_is_not_lost_with_its_worker(workers: Workers) -> None:
    broker = workers.shop.broker

    @broker.task(task_name="work", concurrency=2)
    async def limited(seconds: float) -> None: ...

    first = await workers.start()
    jobs = [job.id for job in await broker.enqueue_many(limited, [(60,), (60,), (0,), (0,), (0,), (0,)])]
    await workers.begun(2)
    first.kill()
    await workers.start()

    ends = await workers.ends(jobs)

    assert [event.state for event in ends] == ["completed"] * 6
    assert await most_at_once(workers, jobs) == 2
    left = broker.names.concurrency("work"), broker.names.holds, broker.names.wakes
    assert await broker.engine.redis.exists(*left) == 0


async def test_jobs_of_a_rate_begin_no_faster_on_two_workers(workers: Workers) -> None:
    broker = workers.shop.broker

    @broker.task(task_name="work", rate_limit=(4, 1))
    async def limited(seconds: float) -> None: ...

    for _ in range(2):
        await workers.start()

    jobs = [job.id for job in await broker.enqueue_many(limited, [(0,)] * 12)]
    await workers.ends(jobs)

    begins = [event.seq for event in await workers.shop.events() if event.job in jobs and event.state == "running"]
    assert all(later - first >= 250_000 * (n - 4) for first, *_ in [begins] for n, later in enumerate(begins, start=1))


async def test_the_retry_of_a_limited_job_waits_for_its_place_again(workers: Workers) -> None:
    broker = workers.shop.broker

    @broker.task(task_name="work", concurrency=1, timeout_s=0.2, max_attempts=2, backoff_s=0.01)
    async def limited(seconds: float) -> None: ...

    await workers.start()
    jobs = [job.id for job in await broker.enqueue_many(limited, [(5,), (5,), (0,)])]

    await eventually(lambda: _all_final(workers, jobs), 30)

    assert await most_at_once(workers, jobs) == 1


async def _all_final(workers: Workers, jobs: Collection[str]) -> bool:
    return {event.job for event in await workers.shop.events() if event.state in FINAL} >= set(jobs)
