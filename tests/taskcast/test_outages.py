"""The queue server hangs, dies and comes back: jobs go on, ends wait, the worker lives."""

from __future__ import annotations

import asyncio
import logging
import signal

import pytest
from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext, ends, receiver, reporter, reports, taking
from taskcast.errors import EngineUnavailable
from tests.taskcast.conftest import OwnServer, Workshop
from tests.waiting import eventually


@pytest.mark.parametrize("outage", ["hung", "killed"])
async def test_jobs_go_on_and_their_ends_wait_for_the_server(
    own_server: OwnServer,
    own_shop: Workshop,
    outage: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(ends, "CALL_DEADLINE_S", 0.5)
    broker = own_shop.broker
    go_on = asyncio.Event()
    ended: list[int] = []

    @broker.task
    async def work(number: int, job: JobContext = TaskiqDepends()) -> int:
        job.log("before")
        await go_on.wait()
        job.log("during")
        job.progress(100)
        ended.append(number)
        return number

    async with own_shop.working(slots=20) as worker:
        jobs = await broker.enqueue_many(work, [(n,) for n in range(30)])
        await eventually(lambda: len(worker.busy) == 20)
        if outage == "hung":
            own_server.send(signal.SIGSTOP)
        else:
            own_server.stop()
        go_on.set()
        await eventually(lambda: len(ended) == 20)
        await eventually(lambda: "ends wait for the queue server" in caplog.text)
        while_away = len(worker.busy), len(ended)
        if outage == "hung":
            own_server.send(signal.SIGCONT)
        else:
            own_server.start()
        for job in jobs:
            assert (await own_shop.ended(job.id, timeout=20)).state == "completed"
        assert await eventually(lambda: not worker.busy)
        lines = [event.data for event in await own_shop.events(jobs[0].id, "job.logged")]

    assert while_away == (20, 20)  # an end that is not accepted keeps its slot
    assert [(line.line, line.message) for line in lines] == [(1, "before"), (2, "during")]
    for job in jobs:
        assert len(await own_shop.events(job.id, "job.completed")) == 1


async def test_worker_starts_before_its_server(
    own_server: OwnServer, own_shop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    broker = own_shop.broker

    @broker.task
    async def work() -> int:
        return 1

    own_server.stop()
    async with own_shop.working():
        await eventually(lambda: "the worker cannot begin yet" in caplog.text)
        own_server.start()
        job = await broker.enqueue(work)
        assert (await own_shop.ended(job.id, timeout=20)).state == "completed"


async def test_worker_stops_while_its_server_is_away(
    own_server: OwnServer, own_shop: Workshop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receiver, "LAST_ENDS_S", 0.3)
    monkeypatch.setattr(taking, "TAKE_DEADLINE_S", 0.3)
    broker = own_shop.broker
    go_on = asyncio.Event()

    @broker.task
    async def work() -> None:
        await go_on.wait()

    async with own_shop.working() as worker:
        await broker.enqueue(work)
        await eventually(lambda: worker.busy)
        own_server.stop()
        go_on.set()

    assert "1 ends could not be told" in caplog.text


async def test_sender_learns_that_the_server_is_away(own_server: OwnServer, own_shop: Workshop) -> None:
    own_server.stop()

    with pytest.raises(EngineUnavailable):
        await own_shop.broker.engine.enqueue([], deadline_s=0.2) or await own_shop.broker.engine.cancel(
            "j", deadline_s=0.2
        )


async def test_end_that_spoils_its_batch_is_found_and_the_others_pass(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ends, "FIRST_PAUSE_S", 0.001)
    finish = broker.engine.finish

    async def picky(worker, batch, **options):  # type: ignore[no-untyped-def]
        if any(b"poison" in end.data for end in batch):
            raise RuntimeError("cannot be understood")
        return await finish(worker, batch, **options)

    monkeypatch.setattr(broker.engine, "finish", picky)

    @broker.task
    async def work(number: int) -> str:
        return "poison" if number == 3 else "fine"

    with caplog.at_level(logging.CRITICAL):
        async with shop.working() as worker:
            jobs = await broker.enqueue_many(work, [(n,) for n in range(8)])
            for number, job in enumerate(jobs):
                if number != 3:
                    assert (await shop.ended(job.id)).state == "completed"
            await eventually(lambda: not worker.busy)

    assert worker._ends.given_up == 1


async def test_lines_that_found_no_room_are_told_while_the_job_runs(
    own_server: OwnServer, own_shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "CALL_DEADLINE_S", 0.1)
    monkeypatch.setattr(reporter, "LONGEST_PAUSE_S", 0.1)
    broker = own_shop.broker
    away, written, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @broker.task
    async def talk(job: JobContext = TaskiqDepends()) -> None:
        job.log("before")
        await away.wait()
        for number in range(600):
            job.log(f"line {number}")
            await asyncio.sleep(0.002)
        written.set()
        await go_on.wait()

    async with own_shop.working():
        job = await broker.enqueue(talk)
        await eventually(lambda: own_shop.events(job.id, "job.logged"))
        own_server.send(signal.SIGSTOP)
        away.set()
        await written.wait()
        own_server.send(signal.SIGCONT)

        async def all_told() -> bool:
            return len(await own_shop.events(job.id, "job.logged")) == 601

        await eventually(all_told)
        go_on.set()
        assert (await own_shop.ended(job.id)).state == "completed"


async def test_buffer_of_a_talkative_job_stays_bounded_while_the_server_is_away(
    own_server: OwnServer, own_shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "CALL_DEADLINE_S", 0.1)
    monkeypatch.setattr(reporter, "LONGEST_PAUSE_S", 0.1)
    broker = own_shop.broker
    away, buffered = asyncio.Event(), list[int]()

    @broker.task
    async def talk(job: JobContext = TaskiqDepends()) -> None:
        job.log("before")
        await away.wait()
        for number in range(20_000):
            job.log(f"line {number}")
            if number % 100 == 0:
                job.progress(number / 200)
                await asyncio.sleep(0.01)
                buffered.append(len(job._reports.unsent()) if job._reports else 0)

    async with own_shop.working():
        job = await broker.enqueue(talk)
        await eventually(lambda: own_shop.events(job.id, "job.logged"))
        own_server.send(signal.SIGSTOP)
        away.set()
        await eventually(lambda: len(buffered) == 200)
        own_server.send(signal.SIGCONT)
        event = await own_shop.ended(job.id, timeout=20)
        lines = [event.data for event in await own_shop.events(job.id, "job.logged")]

    assert event.state == "completed"
    assert max(buffered) <= reports.LINES_PER_JOB + reports.ITEMS_PER_JOB + 1
    dropped = sum(line.context["dropped"] for line in lines if line.context)
    assert dropped > 0
    assert len([line for line in lines if not line.context]) == 20_001 - dropped
    assert [line.line for line in lines] == list(range(1, len(lines) + 1))
