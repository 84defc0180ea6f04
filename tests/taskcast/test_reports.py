from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any

import pytest
from taskiq import TaskiqDepends

from taskcast import JobBroker, JobContext, checkpoint, current_job, reports
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from taskcast.logs import JobLogHandler
from taskcast.redaction import Redactor
from taskcast.reporter import Reporter
from taskcast.reports import JobReports
from tests.taskcast.conftest import Workshop
from tests.waiting import eventually


async def test_progress_and_lines_are_told_while_the_job_runs(shop: Workshop, broker: JobBroker) -> None:
    go_on = asyncio.Event()

    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> None:
        job.progress(25, step="Reading", completed=1, total=4, message="1000 records", eta_s=3)
        job.log("duplicate line skipped", level="WARNING", row=17)
        await go_on.wait()

    async with shop.working():
        job = await broker.enqueue(work)
        (progress,) = await eventually(lambda: shop.events(job.id, "job.progressed"))
        (line,) = await eventually(lambda: shop.events(job.id, "job.logged"))
        state = await shop.state(job.id)
        go_on.set()
        await shop.ended(job.id)

    assert state == "running"
    told = progress.data
    assert (told.percentage, told.current_step, told.completed_steps, told.total_steps) == (25, "Reading", 1, 4)
    assert (told.message, told.eta_s) == ("1000 records", 3)
    assert (line.data.line, line.data.level, line.data.message, line.data.context) == (1, "WARNING", "duplicate line skipped", {"row": 17})  # fmt: skip
    assert abs(line.data.worker_at - line.at) < 5000


async def test_progress_is_told_ten_times_a_second_at_most_and_the_last_always(
    shop: Workshop, broker: JobBroker
) -> None:
    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> None:
        for step in range(1, 501):
            job.progress(completed=step, total=500)
            await asyncio.sleep(0.001)

    async with shop.working():
        job = await broker.enqueue(work)
        end = await shop.ended(job.id)

    told = await shop.events(job.id, "job.progressed")
    assert told[-1].data.percentage == 100
    assert len(told) <= 3 + end.data.duration_ms / 100


def silent_reports(broker: JobBroker) -> JobReports:
    """The buffer of an attempt whose reporter sends nothing by itself."""
    reporter = Reporter(
        engine=broker.engine,
        worker="w",
        redactor=Redactor(),
        on_refused=lambda *_: None,
        on_cancel=lambda _: None,
    )
    return JobReports(reporter, "j", 1)


def sent_at(told: JobReports, now: float) -> bool:
    """Tell a progress, and say whether it is sent at this time."""
    told.keep_progress((50, None, None, None, None, None), 0)
    sent = told.gather(now)
    told.confirm(len(told.unsent()))
    return sent


async def test_progress_told_every_tenth_of_a_second_is_never_held_up(broker: JobBroker) -> None:
    told, late_s = silent_reports(broker), (0.0, 0.019, 0.002, 0.07, 0.0, 0.011)

    assert all(sent_at(told, 1000 + number / 10 + late_s[number % len(late_s)]) for number in range(100))


async def test_progress_told_all_the_time_is_sent_ten_times_a_second(broker: JobBroker) -> None:
    told = silent_reports(broker)

    assert sum(sent_at(told, 1000 + number / 50) for number in range(500)) == 101


async def test_lines_are_numbered_in_order_and_all_arrive(shop: Workshop, broker: JobBroker) -> None:
    async def heard(job: str, lines: int) -> bool:
        return len(await shop.events(job, "job.logged")) == lines

    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> None:
        for number in range(1, 2501):
            job.log(f"line {number}")
            if number % 500 == 0:
                await eventually(lambda lines=number: heard(job.id, lines))

    async with shop.working():
        job = await broker.enqueue(work)
        await shop.ended(job.id)

    lines = [event.data for event in await shop.events(job.id, "job.logged")]
    assert [line.line for line in lines] == list(range(1, 2501))
    assert [line.message for line in lines] == [f"line {n}" for n in range(1, 2501)]


async def test_flood_of_lines_is_dropped_with_a_visible_gap(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def flood(job: JobContext = TaskiqDepends()) -> None:
        for number in range(5000):
            job.log(f"line {number}")

    async with shop.working():
        job = await broker.enqueue(flood)
        end = await shop.ended(job.id)

    lines = [event.data for event in await shop.events(job.id, "job.logged")]
    assert end.state == "completed"
    assert [line.line for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1].context == {"dropped": 5000 - reports.LINES_PER_JOB}
    assert len(lines) == reports.LINES_PER_JOB + 1


async def test_standard_logging_inside_a_job_is_captured(
    shop: Workshop, broker: JobBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log = logging.getLogger("my.module")

    @broker.task
    async def work() -> None:
        log.info("read %d rows", 5, extra={"file": "june.csv"})
        await asyncio.to_thread(log.warning, "from a thread of the job")
        log.debug("below the level")
        try:
            raise ValueError("with password=swordfish")
        except ValueError:
            log.exception("failed")

    async with shop.working():
        log.info("outside of a job")
        job = await broker.enqueue(work)
        await shop.ended(job.id)

    first, second, third = (event.data for event in await shop.events(job.id, "job.logged"))
    assert (first.message, first.level, first.context) == ("read 5 rows", "INFO", {"logger": "my.module", "file": "june.csv"})  # fmt: skip
    assert (second.message, second.level) == ("from a thread of the job", "WARNING")
    assert third.level == "ERROR"
    assert "ValueError: with password=***" in third.stack_trace


async def test_record_whose_arguments_do_not_fit_is_kept_with_them(shop: Workshop, broker: JobBroker) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    @broker.task
    async def work() -> None:
        # Nothing else hears them: pytest's own handler raises what it cannot format.
        log = logging.getLogger("unfit")
        handler = next(each for each in logging.getLogger().handlers if isinstance(each, JobLogHandler))
        for record in (
            log.makeRecord("unfit", logging.ERROR, "", 0, "read %d rows", ("many",), None),
            log.makeRecord("unfit", logging.ERROR, "", 0, "got %s", (Odd(),), None),
        ):
            handler.handle(record)

    async with shop.working():
        job = await broker.enqueue(work)
        await shop.ended(job.id)

    messages = [event.data.message for event in await shop.events(job.id, "job.logged")]
    assert messages[0] == "read %d rows ['many']"
    assert messages[1].startswith("got %s [")
    assert "str() failed" in messages[1]


async def test_jobs_keep_their_lines_apart(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def coroutine(number: int) -> None:
        for _ in range(5):
            logging.getLogger("apart").warning("%d", number)
            await asyncio.sleep(0.001)

    @broker.task
    def thread(number: int) -> None:
        for _ in range(5):
            logging.getLogger("apart").warning("%d", number)
            time.sleep(0.001)

    async with shop.working(slots=20):
        jobs = [(n, await broker.enqueue(coroutine if n % 2 else thread, n)) for n in range(20)]
        for number, job in jobs:
            await shop.ended(job.id)
            assert [e.data.message for e in await shop.events(job.id, "job.logged")] == [str(number)] * 5


async def test_threads_of_one_job_may_tell_at_once(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    def work() -> None:
        job = current_job()
        assert job is not None

        def tell(name: str) -> None:
            for number in range(100):
                job.log(f"{name} {number}")
                job.progress(number)

        threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    async with shop.working():
        job = await broker.enqueue(work)
        await shop.ended(job.id)

    lines = [event.data for event in await shop.events(job.id, "job.logged")]
    assert [line.line for line in lines] == list(range(1, 401))
    for name in "abcd":
        assert [line.message for line in lines if line.message[0] == name] == [f"{name} {n}" for n in range(100)]


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


async def test_nonsense_never_raises(shop: Workshop, broker: JobBroker) -> None:
    nonsense: Any = Mute()

    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> None:
        job.progress(nonsense, step=nonsense, completed=nonsense, total="x", message=nonsense, eta_s=float("nan"))  # type: ignore[arg-type]
        job.progress(250.0, completed=3, total=0, message="\ud800")
        job.log(nonsense, level="LOUD", thing=nonsense, cycle=[nonsense])
        job.log("x" * 100_000, level="critical")

    async with shop.working():
        job = await broker.enqueue(work)
        assert (await shop.ended(job.id)).state == "completed"

    lines = [event.data for event in await shop.events(job.id, "job.logged")]
    assert [line.level for line in lines] == ["INFO", "ERROR"]
    assert len(lines[1].message.encode()) <= 8192
    assert (await shop.events(job.id, "job.progressed"))[-1].data.percentage == 100


async def test_telling_costs_microseconds(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> tuple[float, float]:
        progress_s, log_s = [], []
        for first in range(0, 1000, 50):
            began = time.perf_counter()
            for number in range(first, first + 50):
                job.progress(number / 10, step="Reading", completed=number, total=1000)
            between = time.perf_counter()
            for number in range(first, first + 50):
                job.log("a line", row=number)
            progress_s.append(between - began)
            log_s.append(time.perf_counter() - between)
        return min(progress_s), min(log_s)

    async with shop.working():
        job = await broker.enqueue(work)
        progress_s, log_s = (await shop.ended(job.id)).data.result

    # Fifty calls, the quickest of twenty times: the machine may have had something else to do in some of them.
    assert progress_s / 50 < 30e-6
    assert log_s / 50 < 100e-6


async def test_reports_the_server_did_not_answer_are_told_again_and_once(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Engine.report
    calls = 0

    async def unreliable(self: Engine, *args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        answers = await tell(self, *args, **options) if calls % 3 != 1 else None
        if calls % 3:
            raise EngineUnavailable
        return answers

    monkeypatch.setattr(Engine, "report", unreliable)

    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> None:
        for number in range(1, 31):
            job.log(f"line {number}")
            await asyncio.sleep(0.02)

    async with shop.working():
        job = await broker.enqueue(work)
        await shop.ended(job.id)

    assert [event.data.line for event in await shop.events(job.id, "job.logged")] == list(range(1, 31))


async def test_refused_report_stops_a_job_that_is_another_s(
    shop: Workshop, broker: JobBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.lease_s = 3600.0  # no renewal tells it
    stopped = asyncio.Event()

    @broker.task
    async def work(job: JobContext = TaskiqDepends()) -> None:
        try:
            while job.attempt == 1:
                job.progress(1)
                await asyncio.sleep(0.02)
        finally:
            stopped.set()

    async with shop.working(slots=1) as worker:
        job = await broker.enqueue(work)
        await shop.until(job.id, "running")
        await broker.engine.release(worker.worker, [(job.id, 1)], begun=True)
        await stopped.wait()

        assert (await shop.ended(job.id)).attempt == 2


async def test_context_of_no_job_tells_nobody() -> None:
    job = JobContext()

    job.progress(5)
    job.log("x")
    await job.checkpoint()
    await checkpoint()

    assert not job.cancel_requested
    assert job.labels == {}
