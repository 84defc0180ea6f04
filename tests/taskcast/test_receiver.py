from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from taskiq import AsyncResultBackend, Context, TaskiqDepends, TaskiqMessage, TaskiqMiddleware, TaskiqResult
from taskiq.acks import AcknowledgeType
from taskiq.exceptions import NoResultError

from taskcast import JobBroker, JobCancelled, JobContext, JobReceiver, current_job
from taskcast.engine.jobs import NewJob
from tests.taskcast.conftest import Workshop
from tests.waiting import eventually


class Refused(Exception):
    pass


async def test_result_comes_with_the_event_and_by_wait_result(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def add(a: int, b: int = 1) -> dict[str, int]:
        return {"sum": a + b}

    async with shop.working():
        job = await broker.enqueue(add, 2, kwargs={"b": 3})
        result = await job.wait_result(check_interval=0.01, timeout=10)

    assert result.return_value == {"sum": 5}
    assert await shop.moves(job.id) == ["queued", "running", "completed"]
    assert (await shop.events(job.id))[-1].data.result == {"sum": 5}


@pytest.mark.parametrize(
    "value", [None, 5, "x", b"\xff", float("nan"), "x" * 5_000_000, object(), {"a": {1: (2,)}}, "\ud800"]
)
async def test_results_of_every_kind_complete_a_job(shop: Workshop, broker: JobBroker, value: object) -> None:
    @broker.task
    async def give() -> Any:
        return value

    async with shop.working():
        job = await broker.enqueue(give)
        event = await shop.ended(job.id)
        result = await job.wait_result(check_interval=0.01, timeout=10)

    assert event.state == "completed"
    assert not result.is_err


async def test_secrets_in_results_and_errors_are_masked(shop: Workshop, broker: JobBroker) -> None:
    broker.redactor.add_values("hunter22")

    @broker.task
    async def give() -> dict[str, str]:
        return {"api_key": "abc", "note": "hunter22"}

    @broker.task
    async def fail() -> None:
        raise ValueError("connect(password=swordfish) as hunter22")

    async with shop.working():
        given = await shop.ended((await broker.enqueue(give)).id)
        failed = await shop.ended((await broker.enqueue(fail)).id)

    assert given.data.result == {"api_key": "***", "note": "***"}
    assert "swordfish" not in str(failed.data)
    assert "hunter22" not in str(failed.data)


async def test_error_ends_a_job_with_its_type_text_and_trace(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise Refused("outer") from inner

    async with shop.working():
        job = await broker.enqueue(fail)
        event = await shop.ended(job.id)
        result = await job.wait_result(check_interval=0.01, timeout=10)

    assert (event.state, event.data.final_reason) == ("failed", "error")
    assert (event.data.error.type, event.data.error.message) == (f"{__name__}.Refused", "outer")
    assert "KeyError: 'inner'" in event.data.stack_trace
    assert "taskcast/runner.py" not in event.data.stack_trace
    assert isinstance(result.error, Refused)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), StopAsyncIteration(),
                                   BaseException("odd"), GeneratorExit()], ids=repr)  # fmt: skip
@pytest.mark.parametrize("way", ["async", "sync"])
async def test_any_exception_is_an_error_and_the_worker_lives(
    shop: Workshop, broker: JobBroker, error: BaseException, way: str
) -> None:
    async def fail() -> None:
        raise error

    def fail_in_thread() -> None:
        raise error

    task = broker.task(task_name="fail")(fail if way == "async" else fail_in_thread)

    @broker.task
    async def good() -> int:
        return 1

    async with shop.working():
        failed = await shop.ended((await broker.enqueue(task)).id)
        after = await shop.ended((await broker.enqueue(good)).id)

    assert (failed.state, failed.data.error.type.rpartition(".")[2]) == ("failed", type(error).__name__)
    assert after.state == "completed"


async def test_error_with_attempts_left_is_retried_after_its_backoff(shop: Workshop, broker: JobBroker) -> None:
    attempts: list[tuple[int, int]] = []

    @broker.task(max_attempts=3, backoff_s=0.05)
    async def third_time_lucky(job: JobContext = TaskiqDepends()) -> str:
        attempts.append((job.attempt, job.errors))
        if job.attempt < 3:
            raise Refused(f"try {job.attempt}")
        return "lucky"

    async with shop.working():
        job = await broker.enqueue(third_time_lucky)
        await shop.ended(job.id)

    assert attempts == [(1, 0), (2, 1), (3, 2)]
    assert await shop.moves(job.id) == ["queued", *["running", "retrying", "queued"] * 2, "running", "completed"]
    retrying = [event.data for event in await shop.events(job.id, "job.retrying")]
    assert [(data.errors, data.max_attempts, data.error.message) for data in retrying] == [(1, 3, "try 1"), (2, 3, "try 2")]  # fmt: skip


async def test_error_that_must_not_be_retried_fails_at_once(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(max_attempts=5, never_retry_on=Refused)
    async def fail() -> None:
        raise Refused

    async with shop.working():
        event = await shop.ended((await broker.enqueue(fail)).id)

    assert (event.state, event.attempt) == ("failed", 1)


async def test_worker_never_runs_more_than_its_slots(shop: Workshop, broker: JobBroker) -> None:
    running = most = 0

    @broker.task
    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    async with shop.working(slots=3) as receiver:
        jobs = await broker.enqueue_many(count, [()] * 20)
        for job in jobs:
            await shop.ended(job.id)
        await eventually(lambda: not receiver.busy)

    assert most == 3


async def test_sync_functions_get_as_many_threads_as_slots(shop: Workshop, broker: JobBroker) -> None:
    together = threading.Barrier(40)

    @broker.task
    def meet() -> str:
        together.wait(60)  # breaks unless all forty run at once
        return threading.current_thread().name

    async with shop.working(slots=40):
        jobs = await broker.enqueue_many(meet, [()] * 40)
        names = {(await shop.ended(job.id)).data.result for job in jobs}

    assert len(names) == 40


async def test_current_job_is_known_in_threads_and_coroutines(shop: Workshop, broker: JobBroker) -> None:
    def look() -> str:
        job = current_job()
        return f"{job.id} {job.queue} {job.task}" if job else "none"

    @broker.task(task_name="a", queue="q1")
    async def in_loop() -> str:
        return look()

    @broker.task(task_name="b", queue="q2")
    def in_thread() -> str:
        return look()

    async with shop.working():
        one, two = await broker.enqueue(in_loop), await broker.enqueue(in_thread)
        results = [(await shop.ended(job.id)).data.result for job in (one, two)]

    assert results == [f"{one.id} q1 a", f"{two.id} q2 b"]
    assert current_job() is None


async def test_dependencies_see_their_own_job(shop: Workshop, broker: JobBroker) -> None:
    closed: list[str] = []

    async def resource(job: JobContext = TaskiqDepends()) -> Any:
        yield job.id
        closed.append(job.id)

    def who(context: Context = TaskiqDepends()) -> str:
        return context.message.task_id

    @broker.task
    async def use(
        uncached: str = TaskiqDepends(who, use_cache=False),
        lent: str = TaskiqDepends(resource),
        job: JobContext = TaskiqDepends(),
    ) -> bool:
        await asyncio.sleep(0.005)
        return uncached == lent == job.id

    async with shop.working(slots=50):
        jobs = await broker.enqueue_many(use, [()] * 50)
        results = [(await shop.ended(job.id)).data.result for job in jobs]

    assert results == [True] * 50
    assert sorted(closed) == sorted(job.id for job in jobs)


async def test_arguments_are_read_as_annotated_and_misfits_passed_on(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def types(a: int, *rest: float, b: bytes = b"") -> list[str]:
        return [type(value).__name__ for value in (a, *rest, b)]

    async with shop.working():
        fits = await shop.ended((await broker.enqueue(types, "5", "1.5", kwargs={"b": b"x"})).id)
        misfit = await broker.enqueue(types, "five")
        event = await shop.ended(misfit.id)

    assert fits.data.result == ["int", "float", "bytes"]
    assert event.data.result == ["str", "bytes"]
    assert "argument 1 does not fit" in (await shop.events(misfit.id, "job.logged"))[0].data.message


class Witness(TaskiqMiddleware):
    def __init__(self, name: str, told: list[str]) -> None:
        super().__init__()
        self.name, self.told = name, told

    def pre_send(self, message: TaskiqMessage) -> TaskiqMessage:
        self.told.append(f"{self.name} pre_send")
        return message

    def post_send(self, message: TaskiqMessage) -> None:
        self.told.append(f"{self.name} post_send")

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        self.told.append(f"{self.name} pre_execute")
        message.args = [message.args[0] + 1]
        return message

    def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        self.told.append(f"{self.name} post_execute")
        raise RuntimeError("a hook that raises changes nothing")

    def on_error(self, message: TaskiqMessage, result: TaskiqResult[Any], exception: BaseException) -> None:
        self.told.append(f"{self.name} on_error {exception}")

    def post_save(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        self.told.append(f"{self.name} post_save")


async def test_middlewares_run_in_taskiq_s_order(shop: Workshop, broker: JobBroker) -> None:
    told: list[str] = []
    broker.add_middlewares(Witness("a", told), Witness("b", told))

    @broker.task
    async def work(number: int) -> int:
        if number > 10:
            raise ValueError("large")
        return number

    job = await broker.enqueue(work, 1)
    assert told == ["a pre_send", "b pre_send", "b post_send", "a post_send"]
    told.clear()
    async with shop.working():
        good = await shop.ended(job.id)
        after_good = list(told)
        told.clear()
        bad = await shop.ended((await broker.enqueue(work, 10)).id)

    assert good.data.result == 3
    assert after_good == ["a pre_execute", "b pre_execute", "b post_execute", "a post_execute", "b post_save", "a post_save"]  # fmt: skip
    assert bad.state == "failed"
    assert "b on_error large" in told


class Kept(AsyncResultBackend[Any]):
    def __init__(self) -> None:
        self.results: dict[str, TaskiqResult[Any]] = {}

    async def set_result(self, task_id: str, result: TaskiqResult[Any]) -> None:
        self.results[task_id] = result

    async def is_result_ready(self, task_id: str) -> bool:
        return task_id in self.results

    async def get_result(self, task_id: str, with_logs: bool = False) -> TaskiqResult[Any]:
        return self.results[task_id]


async def test_result_backend_of_the_user_gets_results_that_are_final(shop: Workshop, broker: JobBroker) -> None:
    broker.with_result_backend(kept := Kept())

    @broker.task(max_attempts=2, backoff_s=0.01)
    async def second_time(job: JobContext = TaskiqDepends()) -> int:
        if job.attempt == 1:
            raise ValueError
        return job.attempt

    @broker.task
    async def none_wanted() -> None:
        raise NoResultError

    async with shop.working():
        job = await broker.enqueue(second_time)
        quiet = await broker.enqueue(none_wanted)
        result = await job.wait_result(check_interval=0.01, timeout=10)
        assert (await shop.ended(quiet.id)).state == "completed"

    assert result.return_value == 2
    assert list(kept.results) == [job.id]


async def test_requeue_gives_a_job_back_and_reject_fails_it(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def once_more(context: Context = TaskiqDepends(), job: JobContext = TaskiqDepends()) -> int:
        if job.attempt == 1:
            await context.requeue()
        return job.attempt

    @broker.task(max_attempts=5)
    async def reject(context: Context = TaskiqDepends()) -> None:
        context.reject()

    async with shop.working():
        again = await broker.enqueue(once_more)
        assert (await shop.ended(again.id)).data.result == 2
        rejected = await shop.ended((await broker.enqueue(reject)).id)

    assert await shop.moves(again.id) == ["queued", "running", "queued", "running", "completed"]
    assert (rejected.state, rejected.attempt) == ("failed", 1)


async def test_job_that_calls_itself_cancelled_is_cancelled(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def give_up() -> None:
        raise JobCancelled("nothing to do")

    async with shop.working():
        event = await shop.ended((await broker.enqueue(give_up)).id)

    assert (event.state, event.data.by, event.data.reason) == ("cancelled", "job", "nothing to do")


async def test_unreadable_message_fails_the_job(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        await broker.engine.enqueue([NewJob(id="garbage", task="t", message=b"\x80garbage")])
        event = await shop.ended("garbage")

    assert (event.state, event.data.final_reason) == ("failed", "unreadable")


async def test_unknown_task_is_handed_back_without_an_error(shop: Workshop, broker: JobBroker) -> None:
    async with shop.working():
        job = await broker.enqueue("nobody_knows", max_attempts=2)
        await shop.until(job.id, "retrying")
        (event,) = await shop.events(job.id, "job.retrying")

    live = await broker.engine.job(job.id)
    assert live is not None
    assert live.errors == 0
    assert (event.data.final_reason, event.data.error.code, event.data.errors) == ("unknown_task", "unknown_task", 0)
    assert 4000 < live.run_at_ms - event.at < 6000  # type: ignore[operator]


async def test_unknown_task_fails_after_an_hour_of_tries(shop: Workshop, broker: JobBroker, redis: Redis) -> None:
    job = await broker.enqueue("nobody_knows")
    await redis.hset(broker.names.job(job.id), "a", 62)  # type: ignore[misc]

    async with shop.working():
        event = await shop.ended(job.id)

    assert (event.state, event.data.final_reason) == ("failed", "unknown_task")


async def test_unknown_task_runs_when_a_worker_knows_it(shop: Workshop, broker: JobBroker, redis: Redis) -> None:
    job = await broker.enqueue("later")
    async with shop.working():
        await shop.until(job.id, "retrying")

    @broker.task(task_name="later")
    async def later() -> str:
        return "known"

    await redis.zadd(broker.names.delayed, {job.id: 0})
    async with shop.working():
        assert (await shop.ended(job.id)).data.result == "known"


async def test_worker_serves_its_queues_alone(redis_url: str, prefix: str, redis: Redis) -> None:
    broker = JobBroker(redis_url, prefix=prefix, queues=["mine"])
    shop = Workshop(broker)

    @broker.task
    async def work() -> int:
        return 1

    async with shop.working():
        other = await broker.enqueue(work, queue="other")
        mine = await broker.enqueue(work, queue="mine")
        await shop.ended(mine.id)
    assert await shop.state(other.id) == "queued"
    await broker.shutdown()


async def test_idle_worker_begins_at_the_bell(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def work() -> float:
        return time.time()

    async with shop.working():
        waits = []
        for _ in range(20):
            began = time.time()
            job = await broker.enqueue(work)
            waits.append((await shop.ended(job.id)).data.result - began)

    assert sorted(waits)[10] < 0.3  # a poll would be a second away


async def test_delayed_job_runs_when_it_is_due(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def work() -> None: ...

    waits = []
    async with shop.working():
        for _ in range(5):
            job = await broker.enqueue(work, delay_s=0.3)
            await shop.ended(job.id)
            scheduled, queued, begun, _ = await shop.events(job.id)
            waits.append(begun.at - scheduled.at)
            assert (queued.data.reason, begun.attempt) == ("due", 1)

    assert min(waits) >= 299  # whole milliseconds
    assert min(waits) < 800  # the machine may stand still in some of them


async def test_worker_ends_after_its_number_of_jobs(shop: Workshop, broker: JobBroker) -> None:
    @broker.task
    async def work() -> None: ...

    jobs = await broker.enqueue_many(work, [()] * 5)
    left: list[Any] = []
    receiver = JobReceiver(broker, max_async_tasks=10, max_tasks_to_execute=3, run_startup=False, on_exit=left.append)
    await asyncio.wait_for(receiver.listen(asyncio.Event()), 20)

    states = [await shop.state(job.id) for job in jobs]
    assert sorted(map(str, states)) == ["completed"] * 3 + ["queued"] * 2
    assert left == [receiver]


async def test_ack_type_is_ignored_with_a_warning(broker: JobBroker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "taskcast.receiver"):
        JobReceiver(broker, ack_type=AcknowledgeType.WHEN_RECEIVED)

    assert "ack types mean nothing here" in caplog.text


async def test_worker_tells_of_itself(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="known", queue="q")
    async def known(file: str) -> None: ...

    async with shop.working(slots=7) as receiver:
        started = await eventually(lambda: shop.events(kind="worker.started"))
        await eventually(lambda: shop.events(kind="worker.beat"))
    stopped = await shop.events(kind="worker.stopped")

    assert (started[0].data.worker, started[0].data.slots) == (receiver.worker, 7)
    assert started[0].data.tasks["known"]["queue"] == "q"
    assert [event.data.worker for event in stopped] == [receiver.worker]
