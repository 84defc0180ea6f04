from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from core.settings import Settings
from core.storage.connection import connection
from core.storage.files import FileStore, get_file, open_file, save_upload
from core.storage.models import File
from taskcast import JobBroker
from taskcast.names import Names
from tests.waiting import eventually
from tests.workers.conftest import ToldJob
from workers.finance.importer import StatementImport
from workers.household.deliveries import CONTENT_TYPE, TASK, Deliveries
from workers.household.people import PEOPLE
from workers.household.statements import SampleStatements
from workers.tasks.transaction_import import transaction_import

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def broker(redis_url: str, prefix: str) -> AsyncIterator[JobBroker]:
    broker = JobBroker(redis_url, prefix=prefix)
    broker.task(task_name=TASK, queue="imports", max_attempts=5)(transaction_import.original_func)
    await broker.startup()
    yield broker
    await broker.shutdown()


@pytest.fixture
def deliveries(broker: JobBroker, store: FileStore, database: str) -> Deliveries:
    return Deliveries(broker=broker, store=store, pause_s=(0.01, 0.02), keep_s=0, queue_full=5)


async def queued(redis: Redis, names: Names) -> list[dict[str, Any]]:
    lines = [line for _, fields in await redis.xrange(names.events) for line in fields[b"e"].split(b"\n")]
    return [event for line in lines if (event := msgspec.json.decode(line))["type"] == "job.queued"]


async def test_statements_become_files_and_jobs_of_their_people(
    deliveries: Deliveries, redis: Redis, names: Names
) -> None:
    async with deliveries:
        jobs = await eventually(lambda: _three(redis, names))

    for job in jobs:
        stored = await get_file(job["data"]["data"]["file"])
        assert stored is not None
        assert (job["task"], job["queue"], job["user"]) == ("TRANSACTION_IMPORT", "imports", stored.user_id)
        assert job["user"] in PEOPLE
        assert stored.content_type == CONTENT_TYPE
        assert job["data"]["metadata"]["bank"]


async def _three(redis: Redis, names: Names) -> list[dict[str, Any]] | None:
    found = await queued(redis, names)
    return found if len(found) >= 3 else None


async def test_the_banks_wait_while_the_queue_is_long(
    broker: JobBroker, store: FileStore, database: str, redis: Redis, names: Names
) -> None:
    class Counted(Deliveries):
        asked = 0

        async def _waiting(self) -> int:
            self.asked += 1
            return await super()._waiting()

    async with Counted(broker=broker, store=store, pause_s=(0.001, 0.002), queue_full=3) as deliveries:
        await eventually(lambda: deliveries.asked > 20)

    assert len(await queued(redis, names)) == 3


async def test_what_is_old_is_thrown_away_with_its_bookings(deliveries: Deliveries, store: FileStore) -> None:
    sample = next(s for s in map(SampleStatements().statement, range(100)) if s.kind == "usual")
    await deliveries.deliver(sample)
    (row,) = await File.all()
    mine = await save_upload(store, sample.contents.replace(b"DE", b"XX"), name="mine.csv", content_type="text/csv")
    for file_id in (str(row.id), mine.id):
        stored, opened = await open_file(store, file_id)
        with opened:
            await StatementImport(stored=stored, file=opened, job=ToldJob()).run()
    before = await _lines()

    assert await deliveries.prune() == 1

    assert 0 < await _lines() < before
    assert [file.id async for file in File.all()] == [row.id for row in await File.filter(id=mine.id)]
    assert await deliveries.prune() == 0


async def _lines() -> int:
    async with connection() as lent:
        count: int = await lent.fetchval("SELECT count(*) FROM transactions")
    return count


async def test_it_survives_a_store_that_is_away(
    broker: JobBroker, tmp_path: Path, database: str, redis: Redis, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").write_text("in the way")
    store = FileStore((tmp_path / "store").as_uri())

    async with Deliveries(broker=broker, store=store, pause_s=(0.01, 0.02)):
        await eventually(lambda: "could not be delivered" in caplog.text)
        (tmp_path / "store").unlink()
        await eventually(lambda: queued(redis, names))


async def test_the_process_delivers_and_stops_at_sigterm(settings: Settings, redis: Redis, names: Names) -> None:
    process = await _household(settings)
    jobs = await eventually(lambda: queued(redis, names), timeout=20)
    assert (jobs[0]["queue"], jobs[0]["data"]["max_attempts"]) == ("imports", 5)

    process.send_signal(signal.SIGTERM)

    await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0


async def test_the_process_leaves_when_the_demo_is_off(settings: Settings) -> None:
    process = await _household(settings, TASKCAST_DEMO="0")

    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0


async def test_the_process_says_which_setting_is_missing(settings: Settings) -> None:
    process = await _household(settings, TASKCAST_REDIS_URL="")
    _, told = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 2
    assert b"TASKCAST_REDIS_URL is not set" in told


async def _household(settings: Settings, **environment: str) -> asyncio.subprocess.Process:
    known = {
        "TASKCAST_REDIS_URL": settings.need_redis_url(),
        "TASKCAST_DATABASE_URL": settings.need_database_url(),
        "TASKCAST_PREFIX": settings.prefix,
        "TASKCAST_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": str(ROOT),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers.household",
        env=os.environ | known | environment,
        stderr=asyncio.subprocess.PIPE,
        cwd=settings.data_dir,
    )
