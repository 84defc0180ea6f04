"""Who owns a job is decided by leases: a job runs once however long it takes, and elsewhere when its worker is gone."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stopwatch import Stopwatch
from tests.taskcast.processes import Workers, workers_on
from tests.waiting import eventually

pytestmark = pytest.mark.scenario
LEASE_S = 3.0


@pytest.fixture
async def workers(redis_url: str, tmp_path: Path) -> AsyncIterator[Workers]:
    async with workers_on(redis_url, tmp_path, WORKER_LEASE_S=str(LEASE_S)) as workers:
        yield workers


async def test_a_job_five_times_longer_than_the_lease_runs_once(workers: Workers) -> None:
    workers.environment["WORKER_LEASE_S"] = "3"  # a machine that stands still for a moment loses none
    for _ in range(3):
        await workers.start("--max-async-tasks", "1")
    jobs = [await workers.shop.broker.enqueue(task, 15.0) for task in ("work", "thread", "block")]
    await workers.begun(3)
    await workers.start()  # idle, and ready to take what looks lost

    ends = [await workers.shop.ended(job.id, timeout=60) for job in jobs]

    assert {(event.state, event.attempt) for event in ends} == {("completed", 1)}
    assert len(workers.told("begin")) == 3
    for job in jobs:
        assert await workers.shop.moves(job.id) == ["queued", "running", "completed"]


async def test_a_job_killed_with_its_worker_starts_elsewhere_within_the_lease_and_two_seconds(workers: Workers) -> None:
    first = await workers.start()
    job = await workers.shop.broker.enqueue("work", 60.0)
    await workers.begun()
    await workers.start()

    with Stopwatch() as took:
        first.kill()
        await workers.begun(2)

    assert took.seconds <= LEASE_S + 2
    assert (await workers.shop.ended(job.id)).attempt == 2


async def test_a_worker_that_overslept_stops_what_another_took_and_its_ends_are_refused(workers: Workers) -> None:
    first = await workers.start()
    broker = workers.shop.broker
    running, ended_asleep = await broker.enqueue("work", 60.0), await broker.enqueue("work", 6.0)
    await workers.begun(2)

    first.send_signal(signal.SIGSTOP)
    await workers.start()
    for job in (running, ended_asleep):
        assert (await workers.shop.ended(job.id, timeout=20)).attempt == 2
    first.send_signal(signal.SIGCONT)

    await eventually(
        lambda: _is_refused(workers.log(first), running.id) and _is_refused(workers.log(first), ended_asleep.id)
    )
    first.send_signal(signal.SIGTERM)
    assert await workers.exit_code(first) == 0
    for job in (running, ended_asleep):
        assert [event.attempt for event in await workers.shop.events(job.id, "job.completed")] == [2]
        assert await workers.shop.moves(job.id) == ["queued", "running", "queued", "running", "completed"]


def _is_refused(log: str, job: str) -> bool:
    """Whether a worker has learnt that a job is another's: while it ran, or by its end."""
    words = ("is another worker's by now; stopped here", "was refused")
    return any(job in line and any(word in line for word in words) for line in log.splitlines())
