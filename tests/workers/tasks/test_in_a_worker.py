"""The built-in jobs as people run them: a real worker process, jobs sent by name, results read as others read them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from core.settings import Settings
from core.storage.connection import connection
from core.storage.files import FileStore, open_store
from taskcast import JobBroker
from taskcast.names import Names
from tests.waiting import eventually
from tests.workers.conftest import Upload
from tests.workers.finance.samples import CAMT_053, MT940, OFX_1
from tests.workers.finance.test_importer import statement

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(settings: Settings) -> FileStore:
    return open_store(settings.storage_url, settings.data_dir)


@pytest.fixture
async def broker(settings: Settings) -> AsyncIterator[JobBroker]:
    broker = JobBroker(settings.need_redis_url(), prefix=settings.prefix)
    await broker.startup()
    yield broker
    await broker.shutdown()


@pytest.fixture
async def worker(settings: Settings, broker: JobBroker, tmp_path: Path) -> AsyncIterator[None]:
    environment = os.environ | {
        "TASKCAST_REDIS_URL": settings.need_redis_url(),
        "TASKCAST_DATABASE_URL": settings.need_database_url(),
        "TASKCAST_PREFIX": settings.prefix,
        "TASKCAST_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": str(ROOT),
    }
    command = "taskiq worker workers.broker:broker --receiver taskcast:JobReceiver --workers 1 --max-async-tasks 4"
    with (tmp_path / "worker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command.split(), env=environment, stdout=log, stderr=log, cwd=tmp_path
        )
        yield
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def events(redis: Redis, names: Names, job_id: str) -> list[dict[str, Any]]:
    lines = [line for _, fields in await redis.xrange(names.events) for line in fields[b"e"].split(b"\n")]
    return [event for line in lines if (event := msgspec.json.decode(line)).get("job") == job_id]


async def ended(redis: Redis, names: Names, job_id: str) -> dict[str, Any]:
    async def last() -> dict[str, Any] | None:
        return next(
            (e for e in await events(redis, names, job_id) if e.get("state") in {"completed", "failed", "cancelled"}),
            None,
        )

    return await eventually(last, timeout=30)


async def count_lines() -> int:
    async with connection() as lent:
        count: int = await lent.fetchval("SELECT count(*) FROM transactions")
    return count


async def test_a_statement_is_imported_and_its_bar_moves(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    text, total = statement(20_000)
    stored = await upload(text, user_id="ada")

    job = await broker.enqueue("TRANSACTION_IMPORT", kwargs={"file": stored.id}, queue="imports", user_id="ada")
    end = await ended(redis, names, job.id)

    assert end["state"] == "completed", end
    assert end["data"]["result"]["imported"] == 20_000
    assert end["data"]["result"]["total_amount"] == {"EUR": str(total)}
    moves = [e["data"]["percentage"] for e in await events(redis, names, job.id) if e["type"] == "job.progressed"]
    assert len(set(moves)) >= 10
    assert moves == sorted(moves)
    assert moves[-1] == 100
    assert (await job.wait_result(timeout=5)).return_value["imported"] == 20_000


BAD = {
    "nothing.csv": (b"", "it is empty"),
    "june.pdf": (b"%PDF-1.4", "PDF"),
    "people.csv": (b"Name,Phone\nJohn,1\n", "Date;Amount;Description"),
    "cut.ofx": (OFX_1[:-200].encode(), "cut off: line 18 is its last, without </OFX>; download the statement again"),
    "cut.sta": (MT940[: MT940.index(":62M")].encode(), "62F: the file is cut off"),
    "cut.xml": (CAMT_053[:-40].encode(), "cut off in line"),
    "bomb.xml": (b"<!DOCTYPE a [<!ENTITY b 'c'>]><Document/>", "declares a document type"),
    "pain.xml": (b"<Document><CstmrCdtTrfInitn/></Document>", "XML of another kind"),
    "months.ofx": (
        OFX_1.replace("DTPOSTED>2024", "DTPOSTED>202413").encode(),
        "DTPOSTED: none of the 3 lines can be read",
    ),
}


async def test_bad_input_fails_at_once_with_its_remedy(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    files = {name: (await upload(contents, name)).id for name, (contents, _) in BAD.items()}
    wanted = [({"file": files[name]}, told) for name, (_, told) in BAD.items()]
    wanted.append(({"file": "0198c0de-0000-7000-8000-000000000000"}, "there is no file"))
    wanted.append(({"file": files["people.csv"], "mapping": "ours"}, "mapping: there is none named 'ours'"))
    wanted.append(({"file": files["people.csv"], "mapping": {"columns": {"date": 1}}}, "the amount has no column"))
    wanted.append(({"file": files["people.csv"], "currency": "EURO"}, "give an ISO 4217 code"))

    jobs = [
        await broker.enqueue("TRANSACTION_IMPORT", kwargs=arguments, queue="imports", max_attempts=5)
        for arguments, _ in wanted
    ]

    for job, (_, told) in zip(jobs, wanted, strict=True):
        end = await ended(redis, names, job.id)
        assert (end["state"], end["attempt"], end["data"]["final_reason"]) == ("failed", 1, "error")
        assert told in end["data"]["error"]["message"]
        assert end["data"]["error"]["code"] in {"statement_unreadable", "file_not_found"}


async def test_a_mapping_is_given_and_saved_by_a_job(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    stored = await upload("Wann|Wieviel\n02.01.2024|1,50\n")
    arguments = {
        "file": stored.id,
        "mapping": {"columns": {"date": "Wann", "amount": "Wieviel"}},
        "save_mapping_as": "Till",
    }

    first = await broker.enqueue("TRANSACTION_IMPORT", kwargs=arguments, queue="imports")
    await ended(redis, names, first.id)
    second = await broker.enqueue("TRANSACTION_IMPORT", kwargs={"file": stored.id}, queue="imports")
    end = await ended(redis, names, second.id)

    assert end["state"] == "completed", end
    assert (end["data"]["result"]["duplicates"], end["data"]["result"]["format"]["mapping"]) == (1, "Till")


async def test_a_cancelled_import_stops_within_a_second_and_leaves_nothing(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    stored = await upload(statement(20_000)[0])
    arguments = {"file": stored.id, "pace_lines_per_s": 1000}
    job = await broker.enqueue("TRANSACTION_IMPORT", kwargs=arguments, queue="imports")

    async def importing() -> bool:
        return any(e["data"].get("current_step") == "Importing" for e in await events(redis, names, job.id))

    await eventually(importing, timeout=20)
    began = time.monotonic()
    await broker.engine.cancel(job.id, by="ada")
    end = await ended(redis, names, job.id)

    assert end["state"] == "cancelled"
    assert time.monotonic() - began < 1.0
    assert await count_lines() == 0


async def test_an_import_whose_database_went_away_is_tried_again(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    text, total = statement(3_000)
    stored = await upload(text)
    arguments = {"file": stored.id, "pace_lines_per_s": 1500}
    job = await broker.enqueue("TRANSACTION_IMPORT", kwargs=arguments, queue="imports", max_attempts=5)

    async def far() -> bool:
        return any((e["data"].get("percentage") or 0) > 40 for e in await events(redis, names, job.id))

    await eventually(far, timeout=20)
    async with connection() as lent:
        await lent.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    end = await ended(redis, names, job.id)

    assert (end["state"], end["attempt"]) == ("completed", 2), end
    assert (end["data"]["result"]["imported"], end["data"]["result"]["total_amount"]) == (3_000, {"EUR": str(total)})
    assert await count_lines() == 3_000


async def test_cache_cleanup_runs_without_arguments(
    worker: None, broker: JobBroker, database: str, redis: Redis, names: Names
) -> None:
    await redis.set(names.tag + "cache:fresh", "x")

    job = await broker.enqueue("CACHE_CLEANUP", queue="maintenance")
    end = await ended(redis, names, job.id)

    assert end["state"] == "completed", end
    assert end["data"]["result"]["looked"] >= 1
    assert await redis.exists(names.tag + "cache:fresh") == 1
