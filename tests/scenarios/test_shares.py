"""How several workers share the jobs: as many each as it has free slots, and only of the queues it serves."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from taskcast.broker import EnqueuedJob
from tests.taskcast.processes import Workers, workers_on
from tests.waiting import eventually

pytestmark = pytest.mark.scenario
JOBS = 200


@pytest.fixture
async def workers(redis_url: str, tmp_path: Path) -> AsyncIterator[Workers]:
    async with workers_on(redis_url, tmp_path) as workers:
        yield workers


def shares(workers: Workers, skip: int = 0) -> Counter[str]:
    """How many jobs each process has begun, the first `skip` of all not counted."""
    return Counter(line.split()[-1] for line in workers.told("begin")[skip:])


@pytest.mark.parametrize("slots", [5, 100])
async def test_two_workers_share_200_jobs_of_50_ms_within_a_fifth(workers: Workers, slots: int) -> None:
    for _ in range(2):
        await workers.start("--max-async-tasks", str(slots))

    differences = []
    for done in (0, JOBS, 2 * JOBS):
        await workers.shop.broker.enqueue_many("work", [(0.05,)] * JOBS)
        await eventually(lambda ends=done + JOBS: len(workers.told("end")) == ends, 30)
        less, more = sorted(shares(workers, skip=done).values())
        differences.append((more - less) / more)

    # All is over within a second or two: a machine that stops one of them for a moment shows in one round, not in two.
    assert statistics.median(differences) < 0.2, differences


async def test_a_second_idle_worker_gets_its_half_of_what_waits(workers: Workers) -> None:
    await workers.start("--max-async-tasks", "4")
    sent: list[EnqueuedJob] = []

    def shared_half_by_half() -> bool:
        """Whether each has begun about half of the last hundred, all of them since the second began."""
        pids = [line.split()[-1] for line in workers.told("begin")]
        if second is None or str(second.pid) not in pids:
            return False
        since = pids[pids.index(str(second.pid)) :]
        return len(since) >= 100 and abs(since[-100:].count(str(second.pid)) / 100 - 0.5) < 0.15

    async def keep_some_waiting() -> None:
        while not shared_half_by_half():
            await eventually(lambda: len(sent) - len(workers.told("begin")) < 20, 60)
            sent.extend(await workers.shop.broker.enqueue_many("work", [(0.05,)] * 20))

    second: subprocess.Popen[bytes] | None = None
    sending = asyncio.create_task(keep_some_waiting())
    await workers.begun(20)
    second = await workers.start("--max-async-tasks", "4")
    await asyncio.wait_for(sending, 60)


async def test_a_worker_of_named_queues_takes_only_theirs(workers: Workers) -> None:
    broker = workers.shop.broker
    await workers.start(environment={"WORKER_QUEUES": "imports,reports"})

    others = [await broker.enqueue("work", 0.0, queue=queue) for queue in ("default", "mail")]
    theirs = [await broker.enqueue("work", 0.0, queue=queue) for queue in ("imports", "reports", "imports")]
    for job in theirs:
        assert (await workers.shop.ended(job.id)).state == "completed"

    assert [await workers.shop.state(job.id) for job in others] == ["queued", "queued"]
    assert {queue.name: sum(queue.waiting.values()) for queue in await broker.engine.queues()} == {
        "default": 1,
        "imports": 0,
        "mail": 1,
        "reports": 0,
    }
