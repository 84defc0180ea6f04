"""`wait_result()` of jobs that end without a worker: it raises what happened instead of waiting for ever."""

from __future__ import annotations

from core.messages import new_message
from taskcast import JobBroker, JobCancelled
from taskcast.broker import EnqueuedJob
from taskcast.engine.jobs import NewJob
from taskcast.errors import JobForgotten, WorkerLost
from tests.taskcast.conftest import Workshop
from tests.taskcast.engine.conftest import Bench


async def error_of(job: EnqueuedJob) -> BaseException | None:
    result = await job.wait_result(check_interval=0.01, timeout=30)
    assert result.is_err
    return result.error


async def test_a_job_cancelled_while_it_waits(broker: JobBroker) -> None:
    job, unexplained = await broker.enqueue("work"), await broker.enqueue("work")

    await broker.engine.cancel(job.id, by="ada", reason='sent "twice"')
    await broker.engine.cancel(unexplained.id)

    error = await error_of(job)
    assert isinstance(error, JobCancelled)
    assert str(error) == 'cancelled: sent "twice"'
    assert str(await error_of(unexplained)) == "The job was cancelled."


async def test_a_job_cancelled_before_its_time(broker: JobBroker) -> None:
    job = await broker.enqueue("work", delay_s=3600)

    await broker.engine.cancel(job.id)

    assert isinstance(await error_of(job), JobCancelled)


async def test_a_drained_job(broker: JobBroker) -> None:
    job = await broker.enqueue("work", queue="imports")

    assert await broker.engine.drain("imports", reason="sent twice") == 1

    assert str(await error_of(job)) == "cancelled: sent twice"


async def test_a_job_whose_workers_were_lost(broker: JobBroker) -> None:
    bench = Bench(broker.engine)
    job = await broker.enqueue("work", max_deliveries=1)
    await bench.taken("w1")

    await bench.die("w1")
    assert await bench.reclaim() == 1

    error = await error_of(job)
    assert isinstance(error, WorkerLost)
    assert str(error) == "the worker was lost 1 times while it ran this job"


async def test_a_job_asked_to_stop_whose_worker_was_lost(broker: JobBroker) -> None:
    bench = Bench(broker.engine)
    job = await broker.enqueue("work")
    await bench.taken("w1")
    await broker.engine.cancel(job.id, reason="not needed")

    await bench.die("w1")
    await bench.reclaim()

    assert str(await error_of(job)) == "cancelled: not needed"


async def test_a_job_asked_to_stop_that_its_worker_gives_back(broker: JobBroker) -> None:
    bench = Bench(broker.engine)
    job = await broker.enqueue("work")
    held = await bench.taken("w1")
    await broker.engine.cancel(job.id, reason="not needed")

    await broker.engine.release("w1", held, begun=True)

    assert str(await error_of(job)) == "cancelled: not needed"


async def test_a_forgotten_job(broker: JobBroker) -> None:
    job = await broker.enqueue("work")
    await broker.engine.redis.delete(broker.names.job(job.id), broker.names.lane("default", 2))

    await broker.engine.forget(job.id, task="work", queue="default", user_id=None, attempt=0, was="queued")

    assert isinstance(await error_of(job), JobForgotten)


async def test_a_job_with_a_foreign_id_is_found_by_that(broker: JobBroker) -> None:
    job = await broker.enqueue("work", job_id="an id/of another system")

    await broker.engine.cancel(job.id)

    assert job.id != job.task_id
    assert isinstance(await error_of(job), JobCancelled)


async def test_a_retry_by_hand_waits_for_the_new_end(shop: Workshop, broker: JobBroker) -> None:
    @broker.task(task_name="work")
    async def work() -> int:
        return 7

    job = await broker.enqueue("work")
    await broker.engine.cancel(job.id)
    await error_of(job)
    new = NewJob(id=job.id, task="work", message=new_message(job.id, "work", {}))

    assert await broker.engine.retry(new, after_attempt=0, was="cancelled") == "accepted"

    async with shop.working():
        assert (await job.wait_result(check_interval=0.01, timeout=30)).return_value == 7
