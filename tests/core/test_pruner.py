"""What is kept long enough goes: jobs by their end, log lines of completed jobs earlier."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from core.pruner import Pruner
from core.storage.models import Job, JobCount, JobLog, Operation, Queue
from taskcast.engine.engine import Engine
from tests.core.gateway.conftest import add_job, add_lines
from tests.waiting import eventually


@pytest.fixture
async def engine(redis_url: str, prefix: str, redis: Redis, database: str) -> AsyncIterator[Engine]:
    async with Engine.connect(redis_url, prefix) as engine:
        yield engine


def ago(**since: float) -> datetime:
    return datetime.now(UTC) - timedelta(**since)


def pruner(engine: Engine, **options: float) -> Pruner:
    return Pruner(engine=engine, jobs=timedelta(days=30), logs=timedelta(days=7), **options)


async def test_jobs_that_ended_long_ago_are_deleted_and_the_counts_are_right(engine: Engine) -> None:
    await add_job(status="completed", completed_at=ago(days=31), created_at=ago(days=31))
    await add_job(status="failed", failed_at=ago(days=40), created_at=ago(days=40))
    late = await add_job(status="completed", completed_at=ago(days=29), created_at=ago(days=60))
    running = await add_job(status="running", created_at=ago(days=90))

    jobs, _ = await pruner(engine).prune()

    assert jobs == 2
    assert {job.id for job in await Job.all()} == {late.id, running.id}
    assert {row.status: row.count for row in await JobCount.all() if row.count} == {"completed": 1, "running": 1}


async def test_log_lines_of_completed_jobs_go_earlier_than_those_of_failed_ones(engine: Engine) -> None:
    completed = await add_job(status="completed", completed_at=ago(days=8), created_at=ago(days=8))
    failed = await add_job(status="failed", failed_at=ago(days=8), created_at=ago(days=8))
    fresh = await add_job(status="completed", completed_at=ago(days=6), created_at=ago(days=8))
    for job in (completed, failed, fresh):
        await add_lines(job.id, "one", "two")

    pruned = await pruner(engine).prune()

    assert pruned == (0, 2)
    assert {line.job_id for line in await JobLog.all()} == {failed.id, fresh.id}


async def test_a_second_round_finds_what_became_old_since(engine: Engine) -> None:
    two_rounds = pruner(engine)
    await two_rounds.prune()
    late = await add_job(status="completed", completed_at=ago(days=7), created_at=ago(days=70))
    await add_lines(late.id, "one")

    assert await two_rounds.prune() == (0, 1)


async def test_the_loop_prunes_at_its_start(engine: Engine) -> None:
    await add_job(status="cancelled", cancelled_at=ago(days=31), created_at=ago(days=31))

    async with pruner(engine, every_s=3600):

        async def is_gone() -> bool:
            return await Job.all().count() == 0

        await eventually(is_gone)


async def test_names_of_queues_and_operations_of_long_ago_go_too(engine: Engine) -> None:
    await add_job(status="running", queue_name="used")
    for name, seen_at in (("used", ago(days=40)), ("late", ago(days=1)), ("old", ago(days=40))):
        await Queue.create(name=name, seen_at=seen_at)
    for number, ended_at in enumerate((ago(days=40), ago(days=1), None)):
        await Operation.create(id=str(number), action="clean", state="done", scope={}, ended_at=ended_at)

    await pruner(engine).prune()

    assert {queue.name for queue in await Queue.all()} == {"used", "late"}
    assert {operation.id for operation in await Operation.all()} == {"1", "2"}
