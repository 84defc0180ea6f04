"""Cancels and timeouts: of coroutines, of threads, before the begin, and when the fast path is deaf."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext, checkpoint, leaving, runner
from taskcast.bell import Bell
from tests.stopwatch import Stopwatch
from tests.taskcast.conftest import Workshop
from tests.waiting import eventually


async def test_running_coroutine_is_cancelled_within_300_ms(shop: Workshop, broker: JobBroker) -> None:
    begun, cleaned = list[str](), list[str]()
    took_s: list[float] = []

    @broker.task(max_attempts=5)
    async def sleep(job: JobContext = TaskiqDepends()) -> None:
        begun.append(job.id)
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(job.id)

    async with shop.working():
        for _ in range(5):
            job = await broker.enqueue(sleep)
            await eventually(lambda wanted=job.id: wanted in begun)
            with Stopwatch() as took:
                assert await broker.engine.cancel(job.id, by="ada", reason="wrong file") == "requested"
                event = await shop.ended(job.id)
            took_s.append(took.seconds)

    assert min(took_s) < 0.3  # a disk or a server that stands still for a moment shows in one of them, not in all
    assert cleaned == begun
    assert (event.state, event.data.by, event.data.reason) == ("cancelled", "ada", "wrong file")
    assert [e.__struct_config__.tag for e in await shop.events(job.id)][2] == "job.cancel_requested"


async def test_cancel_reaches_a_worker_that_does_not_hear(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bell, "start", lambda self: None)

    @broker.task
    async def sleep() -> None:
        await asyncio.sleep(60)

    async with shop.working(slots=1):  # all slots busy, so no take tells it either
        job = await broker.enqueue(sleep)
        await shop.until(job.id, "running")
        await broker.engine.cancel(job.id)
        event = await shop.ended(job.id)

    assert event.state == "cancelled"


async def test_cancelled_job_may_still_complete(shop: Workshop, broker: JobBroker) -> None:
    begun = asyncio.Event()

    @broker.task
    async def finish_anyway() -> str:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "saved what there was"
        return "all"

    async with shop.working():
        job = await broker.enqueue(finish_anyway)
        await begun.wait()
        await broker.engine.cancel(job.id)
        event = await shop.ended(job.id)

    assert (event.state, event.data.result) == ("completed", "saved what there was")


async def test_cancel_is_told_as_seen_while_the_job_cleans_up(shop: Workshop, broker: JobBroker) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @broker.task
    async def clean_up() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await go_on.wait()

    async with shop.working() as worker:
        job = await broker.enqueue(clean_up)
        await begun.wait()
        await broker.engine.cancel(job.id)
        (seen,) = await eventually(lambda: shop.events(job.id, "job.cancel_seen"))
        go_on.set()
        event = await shop.ended(job.id)

    assert (event.state, seen.data.worker) == ("cancelled", worker.worker)


async def test_error_caused_by_the_cancel_is_a_cancel(shop: Workshop, broker: JobBroker) -> None:
    begun = asyncio.Event()

    @broker.task(max_attempts=3)
    async def wrap() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            raise ConnectionError("request was aborted") from error

    async with shop.working():
        job = await broker.enqueue(wrap)
        await begun.wait()
        await broker.engine.cancel(job.id)

        assert (await shop.ended(job.id)).state == "cancelled"


async def test_cancel_stops_a_thread_at_its_checkpoint(shop: Workshop, broker: JobBroker) -> None:
    begun, stopped = threading.Event(), threading.Event()

    @broker.task
    def work(job: JobContext = TaskiqDepends()) -> None:
        begun.set()
        try:
            while True:
                job.checkpoint()
                checkpoint()
                time.sleep(0.005)
        finally:
            stopped.set()

    async with shop.working() as worker:
        job = await broker.enqueue(work)
        await eventually(begun.is_set)
        await broker.engine.cancel(job.id)
        event = await shop.ended(job.id)
        await eventually(stopped.is_set)
        await eventually(lambda: worker.free_slots == 10)

    assert event.state == "cancelled"


@pytest.mark.parametrize("why", ["cancel", "timeout"])
async def test_thread_that_goes_on_keeps_its_slot_while_its_job_has_ended(
    shop: Workshop, broker: JobBroker, why: str
) -> None:
    begun, leave = threading.Event(), threading.Event()

    @broker.task(timeout_s=0.2 if why == "timeout" else 60)
    def work() -> None:
        begun.set()
        leave.wait(60)

    @broker.task
    async def other() -> None: ...

    async with shop.working(slots=1) as worker:
        job = await broker.enqueue(work)
        await eventually(begun.is_set)
        if why == "cancel":
            await broker.engine.cancel(job.id)
        event = await shop.ended(job.id)
        waiting = await broker.enqueue(other)
        (queued,) = await shop.events(waiting.id)

        async def shown() -> bool:
            beats = await shop.events(kind="worker.beat")
            return any(beat.data.lingering == [job.id] and beat.seq > queued.seq for beat in beats)

        await eventually(shown)
        while_it_runs = (worker.free_slots, await shop.state(waiting.id))
        leave.set()
        await shop.ended(waiting.id)

    assert event.state == ("cancelled" if why == "cancel" else "failed")
    assert while_it_runs == (0, "queued")


async def test_timeout_fails_a_coroutine(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(timeout_s=0.2)
    async def sleep() -> None:
        await asyncio.sleep(60)

    async with shop.working():
        event = await shop.ended((await broker.enqueue(sleep)).id)

    assert (event.state, event.data.final_reason) == ("failed", "timeout")
    assert event.data.error.code == "timeout"
    assert "0.2 s" in event.data.error.message
    assert "asyncio.sleep(60)" in event.data.stack_trace
    assert 200 <= event.data.duration_ms < 30_000


async def test_timeout_counts_as_an_error_and_is_retried(shop: Workshop, broker: JobBroker) -> None:
    # More attempts than it takes: a machine that stands still for a moment may cost another.
    @broker.task(timeout_s=0.2, max_attempts=10, backoff="fixed", backoff_s=0.01)
    async def slow_at_first(job: JobContext = TaskiqDepends()) -> int:
        if job.attempt == 1:
            await asyncio.sleep(60)
        return job.errors

    async with shop.working():
        event = await shop.ended((await broker.enqueue(slow_at_first)).id)

    assert event.state == "completed"
    assert event.data.result == event.attempt - 1 > 0


async def test_no_timeout_when_none_is_written(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(timeout_s=None)
    async def sleep(job: JobContext = TaskiqDepends()) -> float | None:
        await asyncio.sleep(0.4)
        return job.timeout_s

    async with shop.working():
        event = await shop.ended((await broker.enqueue(sleep)).id)

    assert (event.state, event.data.result) == ("completed", None)


async def test_coroutine_that_swallows_its_cancel_loses_its_job(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "STUBBORN_S", 0.3)
    begun, leave = asyncio.Event(), asyncio.Event()

    @broker.task
    async def stay() -> str:
        begun.set()
        while not leave.is_set():
            try:
                await asyncio.wait_for(leave.wait(), 60)
            except asyncio.CancelledError:
                continue
        return "ignored"

    async with shop.working(slots=2) as worker:
        job = await broker.enqueue(stay)
        await begun.wait()
        await broker.engine.cancel(job.id)
        event = await shop.ended(job.id)
        still_held = worker.free_slots
        leave.set()
        await eventually(lambda: worker.free_slots == 2)

    assert event.state == "cancelled"
    assert still_held == 1


async def test_job_of_another_worker_is_stopped_without_an_end(shop: Workshop, broker: JobBroker) -> None:
    """A worker overslept its lease: what was given to others is stopped, what was not goes on."""
    ended: list[tuple[str, int]] = []
    go_on = asyncio.Event()

    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> int:
        try:
            if job.attempt == 1:
                await go_on.wait()
        finally:
            ended.append((job.id, job.attempt))
        return job.attempt

    async with shop.working(slots=2) as first:
        lost, kept = await broker.enqueue(work), await broker.enqueue(work)
        await shop.until(lost.id, "running")
        await shop.until(kept.id, "running")
        engine = broker.engine
        await engine.release(first.worker, [(lost.id, 1)], begun=True)  # as reclaim would
        first._lease.renew_now()
        await eventually(lambda: (lost.id, 1) in ended)
        await shop.ended(lost.id)
        go_on.set()
        await shop.ended(kept.id)

    assert [event.attempt for event in await shop.events(lost.id, "job.completed")] == [2]
    assert [event.attempt for event in await shop.events(kept.id, "job.completed")] == [1]
    assert ended.count((kept.id, 1)) == 1


async def test_lost_lease_alone_stops_nothing(shop: Workshop, broker: JobBroker) -> None:
    go_on = asyncio.Event()

    @broker.task
    async def work() -> str:
        await go_on.wait()
        return "done"

    async with shop.working() as worker:
        job = await broker.enqueue(work)
        await shop.until(job.id, "running")
        lease = broker.names.lease(worker.worker)
        await broker.engine.redis.delete(lease)
        await eventually(lambda: broker.engine.redis.exists(lease))
        go_on.set()
        event = await shop.ended(job.id)
        another = await shop.ended((await broker.enqueue(work)).id)

    assert (event.state, event.attempt, event.data.result) == ("completed", 1, "done")
    assert another.state == "completed"


async def test_stop_waits_for_running_jobs(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def work() -> str:
        await asyncio.sleep(0.5)
        return "done"

    async with shop.working() as worker:
        job = await broker.enqueue(work)
        await eventually(lambda: worker.busy)

    assert await shop.moves(job.id) == ["queued", "running", "completed"]


@pytest.mark.parametrize("kind", ["coroutine", "stubborn", "thread"])
async def test_stop_gives_back_what_does_not_end_in_time(
    shop: Workshop, broker: JobBroker, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "CANCEL_GRACE_S", 0.3)
    leave = asyncio.Event()
    thread_leaves = threading.Event()

    async def coroutine() -> None:
        await asyncio.sleep(60)

    async def stubborn() -> None:
        while not leave.is_set():
            try:
                await asyncio.wait_for(leave.wait(), 60)
            except asyncio.CancelledError:
                continue

    def thread() -> None:
        thread_leaves.wait(60)

    functions: dict[str, Any] = {"coroutine": coroutine, "stubborn": stubborn, "thread": thread}
    task = broker.task(task_name="work")(functions[kind])

    with Stopwatch() as took:
        async with shop.working(wait_tasks_timeout=0.2) as worker:
            job = await broker.enqueue(task)
            await eventually(lambda: worker.busy)
    leave.set()
    thread_leaves.set()

    queued = (await shop.events(job.id, "job.queued"))[-1]
    assert await shop.moves(job.id) == ["queued", "running", "queued"]
    assert (queued.data.reason, queued.attempt) == ("released", 1)
    assert took.seconds < 5
