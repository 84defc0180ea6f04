"""Jobs of another broker are watched: their states, attempts, errors, progress and logs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from taskiq import InMemoryBroker, SimpleRetryMiddleware, TaskiqDepends

from taskcast import JobBroker, JobContext, current_job, middleware
from taskcast.errors import ConfigurationError
from taskcast.middleware import JobMiddleware
from tests.taskcast.conftest import Workshop
from tests.waiting import eventually


@pytest.fixture
async def watched(
    redis_url: str, prefix: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[InMemoryBroker]:
    monkeypatch.setattr(middleware, "DEADLINE_S", 30.0)  # whoever watches gives up soon; a test waits
    broker = InMemoryBroker(await_inplace=getattr(request, "param", True))
    broker.is_worker_process = True
    broker.add_middlewares(SimpleRetryMiddleware(), JobMiddleware(redis_url, prefix=prefix, queue="watched"))
    await broker.startup()
    yield broker
    await broker.shutdown()


async def test_job_of_another_broker_is_shown(shop: Workshop, watched: InMemoryBroker) -> None:
    @watched.task(task_name="add")
    async def add(a: int, password: str) -> int:
        return a + 1

    sent = await add.kiq(1, password="hunter22")

    queued, started, completed = await shop.events(sent.task_id)
    assert (queued.state, started.state, completed.state) == ("queued", "running", "completed")
    assert (queued.task, queued.queue, queued.data.data) == ("add", "watched", {"a": 1, "password": "***"})
    assert started.data.pid
    assert completed.data.result == 2
    assert (await sent.wait_result()).return_value == 2


async def test_error_has_its_type_text_and_stack_trace(shop: Workshop, watched: InMemoryBroker) -> None:
    @watched.task(task_name="fails")
    def fails() -> None:
        raise ValueError("no such thing")

    sent = await fails.kiq()

    failed = (await shop.events(sent.task_id))[-1]
    assert failed.state == "failed"
    assert (failed.data.error.type, failed.data.error.message) == ("ValueError", "no such thing")
    assert "raise ValueError" in failed.data.stack_trace


async def test_progress_and_logs_are_told(shop: Workshop, watched: InMemoryBroker) -> None:
    @watched.task(task_name="talks")
    async def talks(job: JobContext = TaskiqDepends()) -> None:
        job.progress(50, step="half")
        assert current_job() is job
        logging.getLogger("app").warning("a line")

    sent = await talks.kiq()

    told = await shop.events(sent.task_id)
    assert sorted(event.__struct_config__.tag for event in told[2:-1]) == ["job.logged", "job.progressed"]
    assert {event.data.message for event in told[2:-1]} == {None, "a line"}
    assert told[-1].state == "completed"


@pytest.mark.parametrize("watched", [False, True], indirect=True)
async def test_retry_of_taskiq_s_own_middleware_is_another_attempt(shop: Workshop, watched: InMemoryBroker) -> None:
    @watched.task(task_name="flaky", retry_on_error=True, max_retries=3)
    async def flaky() -> int:
        job = current_job()
        assert job is not None
        if job.attempt == 1:
            raise ValueError("not yet")
        return job.attempt

    sent = await flaky.kiq()

    await eventually(lambda: _completed(shop, sent.task_id))
    told = await shop.events(sent.task_id)
    assert [(event.state, event.attempt) for event in told] == [
        ("queued", 0),
        ("running", 1),
        ("retrying", 1),
        ("queued", 1),
        ("running", 2),
        ("completed", 2),
    ]
    assert (told[2].data.error.message, told[-1].data.result) == ("not yet", 2)


async def test_worker_that_watches_is_there_until_it_stops(shop: Workshop, redis_url: str, prefix: str) -> None:
    broker = InMemoryBroker()
    broker.is_worker_process = True
    broker.add_middlewares(JobMiddleware(redis_url, prefix=prefix))
    await broker.startup()
    try:
        await eventually(lambda: shop.events(kind="worker.started"))
    finally:
        await broker.shutdown()

    assert len(await shop.events(kind="worker.stopped")) == 1


async def test_server_that_is_away_stops_no_job() -> None:
    broker = InMemoryBroker(await_inplace=True)
    broker.is_worker_process = True
    broker.add_middlewares(JobMiddleware("redis://127.0.0.1:1/0"))
    await broker.startup()

    @broker.task(task_name="add")
    async def add(a: int) -> int:
        return a + 1

    sent = await add.kiq(1)

    assert (await sent.wait_result()).return_value == 2
    await broker.shutdown()


def test_job_broker_needs_no_watching(broker: JobBroker) -> None:
    with pytest.raises(ConfigurationError, match="leave JobMiddleware out"):
        broker.add_middlewares(JobMiddleware("redis://127.0.0.1:1/0"))


async def _completed(shop: Workshop, job: str) -> bool:
    return "completed" in await shop.moves(job)
