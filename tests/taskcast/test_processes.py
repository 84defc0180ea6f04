"""Real `taskiq worker` processes: SIGTERM idle and busy, with and without uvloop, kill -9, a worker that overslept."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stopwatch import Stopwatch
from tests.taskcast.conftest import Workshop
from tests.taskcast.processes import Workers
from tests.waiting import eventually


@pytest.fixture
def workers(shop: Workshop, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(shop, redis_url, prefix, tmp_path)
    yield workers
    workers.close()


@pytest.mark.parametrize("uvloop", [True, False])
async def test_sigterm_ends_an_idle_worker(workers: Workers, uvloop: bool) -> None:
    process = await workers.start(uvloop=uvloop)
    with Stopwatch() as took:
        process.send_signal(signal.SIGTERM)
        code = await workers.exit_code(process)

    assert code == 0
    assert took.seconds < 4
    assert await workers.shop.events(kind="worker.stopped")


@pytest.mark.parametrize("uvloop", [True, False])
async def test_sigterm_lets_running_jobs_end_and_takes_no_more(workers: Workers, uvloop: bool) -> None:
    process = await workers.start("--max-async-tasks", "2", uvloop=uvloop)
    jobs = await workers.shop.broker.enqueue_many("until_told", [()] * 3)
    await workers.begun(2)
    process.send_signal(signal.SIGTERM)
    await eventually(lambda: "waiting for 2 running jobs" in workers.log(process))
    workers.let_go()

    assert await workers.exit_code(process) == 0
    states = [await workers.shop.state(job.id) for job in jobs]
    assert states == ["completed", "completed", "queued"]


@pytest.mark.parametrize("task", ["work", "thread"])
async def test_sigterm_gives_back_what_outlasts_the_wait(workers: Workers, task: str) -> None:
    process = await workers.start("--wait-tasks-timeout", "0.3")
    job = await workers.shop.broker.enqueue(task, 60.0)
    await workers.begun()
    process.send_signal(signal.SIGTERM)

    assert await workers.exit_code(process) == 0
    assert await workers.shop.moves(job.id) == ["queued", "running", "queued"]


async def test_jobs_of_a_killed_worker_run_elsewhere(workers: Workers) -> None:
    first = await workers.start()
    jobs = await workers.shop.broker.enqueue_many("work", [(60.0,)] * 5)
    await workers.begun(5)
    first.kill()
    await workers.start()

    for job in jobs:
        assert (await workers.shop.ended(job.id, timeout=20)).state == "completed"
    events: list[Any] = await workers.shop.events(jobs[0].id)
    assert [event.__struct_config__.tag for event in events if not event.state] == ["job.lost"]
    assert await workers.shop.moves(jobs[0].id) == ["queued", "running", "queued", "running", "completed"]


async def test_worker_that_overslept_stops_what_others_took(workers: Workers) -> None:
    first = await workers.start()
    job = await workers.shop.broker.enqueue("work", 60.0)
    await workers.begun()
    first.send_signal(signal.SIGSTOP)
    await workers.start()
    assert (await workers.shop.ended(job.id, timeout=20)).attempt == 2
    first.send_signal(signal.SIGCONT)
    after = await workers.shop.broker.enqueue("work", 0.0)
    await workers.shop.ended(after.id)
    first.send_signal(signal.SIGTERM)

    assert await workers.exit_code(first) == 0
    assert len(await workers.shop.events(job.id, "job.completed")) == 1
    # It may have run the job that came after, but never to the end what the other took.
    began, ended = (len(workers.told(f"{word} 1 {first.pid}")) for word in ("begin", "end"))
    assert ended == began - 1


async def test_job_that_kills_its_workers_fails_as_worker_lost(workers: Workers) -> None:
    job = await workers.shop.broker.enqueue("exit", max_deliveries=2)

    async def keep_workers() -> None:
        while True:
            with contextlib.suppress(AssertionError):  # it may be dead before it is seen
                process = await workers.start()
                await workers.exit_code(process, 30)

    keeper = asyncio.create_task(keep_workers())
    try:
        event = await workers.shop.ended(job.id, timeout=30)
    finally:
        keeper.cancel()
        for process in workers.processes:
            process.kill()
        await asyncio.gather(keeper, return_exceptions=True)

    assert (event.state, event.data.final_reason) == ("failed", "worker_lost")


async def test_blocked_loop_keeps_its_jobs_and_is_shown(workers: Workers) -> None:
    await workers.start()
    await workers.start()
    job = await workers.shop.broker.enqueue("block", 9.0)  # more than two leases

    async def shown() -> bool:
        return any(event.data.loop_lag_ms > 500 for event in await workers.shop.events(kind="worker.beat"))

    await eventually(shown)
    event = await workers.shop.ended(job.id, timeout=20)

    assert (event.state, event.attempt) == ("completed", 1)


async def test_loop_that_stays_blocked_ends_its_process(workers: Workers) -> None:
    workers.environment["WORKER_LOOP_KILL_S"] = "1.5"
    first = await workers.start()
    job = await workers.shop.broker.enqueue("block", 60.0)
    await workers.begun()

    assert await workers.exit_code(first) == 70
    await workers.start()
    assert (await workers.shop.ended(job.id, timeout=20)).attempt == 2


async def test_process_that_was_asleep_is_not_taken_for_blocked(workers: Workers) -> None:
    workers.environment["WORKER_LOOP_KILL_S"] = "1.5"
    first = await workers.start()
    job = await workers.shop.broker.enqueue("work", 1.0)
    await workers.begun()
    for _ in range(3):
        first.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        first.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.2)

    assert (await workers.shop.ended(job.id, timeout=20)).state == "completed"
    assert first.poll() is None
    assert "is blocked" not in workers.log(first)
