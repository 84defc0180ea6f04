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
from tests.stopwatch import Stopwatch
from tests.waiting import eventually
from tests.workers.conftest import Upload, held, held_up
from tests.workers.finance.samples import CAMT_053, MT940, OFX_1
from tests.workers.finance.test_importer import statement
from workers.finance.notices import Notice, add_notices

ROOT = Path(__file__).parents[3]
QUEUES = {
    "EMAIL_SYNC": "mail",
    "REPORT_GENERATION": "reports",
    "INSIGHTS_GENERATION": "books",
    "BUDGET_REFRESH": "books",
    "NOTIFICATION_DIGEST": "mail",
    "CACHE_CLEANUP": "maintenance",
    "BACKUP_VERIFICATION": "maintenance",
    "ACCOUNT_RECONCILIATION": "books",
    "DATA_EXPORT": "reports",
}


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
def surroundings() -> dict[str, str]:
    """What else the worker finds in its environment."""
    return {}


@pytest.fixture
async def worker(
    settings: Settings, broker: JobBroker, tmp_path: Path, surroundings: dict[str, str]
) -> AsyncIterator[None]:
    environment = os.environ | {
        "TASKCAST_REDIS_URL": settings.need_redis_url(),
        "TASKCAST_DATABASE_URL": settings.need_database_url(),
        "TASKCAST_PREFIX": settings.prefix,
        "TASKCAST_DATA_DIR": str(settings.data_dir),
        "PYTHONPATH": str(ROOT),
        **surroundings,
    }
    command = "taskiq worker workers.broker:broker --receiver taskcast:JobReceiver --workers 1 --max-async-tasks 12"
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

    arguments = {"file": stored.id, "pace_lines_per_s": 8_000}
    job = await broker.enqueue("TRANSACTION_IMPORT", kwargs=arguments, queue="imports", user_id="ada")
    end = await ended(redis, names, job.id)

    assert end["state"] == "completed", end
    assert end["data"]["result"]["imported"] == 20_000
    assert end["data"]["result"]["total_amount"] == {"EUR": str(total)}
    moves = [e["data"]["percentage"] for e in await events(redis, names, job.id) if e["type"] == "job.progressed"]
    assert len(set(moves)) >= 10
    assert moves == sorted(moves)
    assert moves[-1] == 100
    assert (await job.wait_result(timeout=30)).return_value["imported"] == 20_000


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


async def test_a_cancelled_import_stops_soon_and_leaves_nothing(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    stored = await upload(statement(20_000)[0])
    arguments = {"file": stored.id, "pace_lines_per_s": 1000}
    job = await broker.enqueue("TRANSACTION_IMPORT", kwargs=arguments, queue="imports")

    async def importing() -> bool:
        return any(e["data"].get("current_step") == "Importing" for e in await events(redis, names, job.id))

    await eventually(importing, timeout=20)
    with Stopwatch() as took:
        await broker.engine.cancel(job.id, by="ada")
        end = await ended(redis, names, job.id)

    assert end["state"] == "cancelled"
    assert took.seconds < 3
    assert await count_lines() == 0


async def test_an_import_whose_database_went_away_is_tried_again(
    worker: None, broker: JobBroker, upload: Upload, redis: Redis, names: Names
) -> None:
    text, total = statement(3_000)
    stored = await upload(text)
    arguments = {"file": stored.id, "pace_lines_per_s": 1000}
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


async def test_every_job_but_the_import_runs_without_arguments_also_on_an_empty_ledger(
    worker: None, broker: JobBroker, database: str, redis: Redis, names: Names, tmp_path: Path
) -> None:
    for folder in ("mail/new", "mail/cur", "outbox"):
        (tmp_path / "household" / folder).mkdir(parents=True)

    jobs = {task: await broker.enqueue(task, queue=queue) for task, queue in QUEUES.items()}

    for task, job in jobs.items():
        end = await ended(redis, names, job.id)
        assert (end["state"], end["attempt"]) == ("completed", 1), (task, end)
        assert any(
            e["data"]["percentage"] == 100 for e in await events(redis, names, job.id) if e["type"] == "job.progressed"
        ), task


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("BUDGET_REFRESH", {"month": "2026-13"}, "month: '2026-13' is no period; write 2026-11"),
    ("BUDGET_REFRESH", {"budgets": ["fuel"]}, "budgets: there is no budget 'fuel'; give an id or a category"),
    ("INSIGHTS_GENERATION", {"month": "2026-Q1"}, "month: '2026-Q1' is no month; write one such as 2026-11"),
    ("INSIGHTS_GENERATION", {"accounts": ["DE00"]}, "accounts: there is no account 'DE00'; give an id, IBAN or name"),
    ("REPORT_GENERATION", {"period": "soon"}, "period: 'soon' is no period; write 2026-11, 2026-Q4 or 2026"),
    ("REPORT_GENERATION", {"formats": ["docx"]}, "formats: 'docx' will not do; it should be 'pdf' or 'xlsx'"),
    ("DATA_EXPORT", {"period": "2026-00"}, "period: '2026-00' is no period; write 2026-11, 2026-Q4 or 2026"),
    ("DATA_EXPORT", {"accounts": ["x"]}, "accounts: there is no account 'x'"),
    ("ACCOUNT_RECONCILIATION", {"statement": "june"}, "statement: 'june' is no id; give the id of a statement"),
    (
        "ACCOUNT_RECONCILIATION",
        {"window_days": 99},
        "window_days: 99 will not do; it should be less than or equal to 30",
    ),
    ("BACKUP_VERIFICATION", {"keep": 0}, "keep: 0 will not do; it should be greater than or equal to 1"),
    ("CACHE_CLEANUP", {"idle_hours": -1}, "idle_hours: -1.0 will not do; it should be greater than or equal to 0"),
    ("EMAIL_SYNC", {}, "TASKCAST_MAILBOX_URL is not set; give imaps://"),
    ("NOTIFICATION_DIGEST", {}, "TASKCAST_SMTP_URL is not set; give smtps://"),
]


async def test_what_no_other_attempt_can_mend_fails_at_once_with_the_field_and_the_remedy(
    worker: None, broker: JobBroker, database: str, redis: Redis, names: Names
) -> None:
    jobs = [await broker.enqueue(task, kwargs=given, queue=QUEUES[task], max_attempts=5) for task, given, _ in WRONG]

    for job, (task, _, told) in zip(jobs, WRONG, strict=True):
        end = await ended(redis, names, job.id)
        assert (end["state"], end["attempt"]) == ("failed", 1), (task, end)
        assert told in end["data"]["error"]["message"], end["data"]["error"]


AWAY = {
    "TASKCAST_MAILBOX_URL": "imap://ada:secret-word@127.0.0.1:1/INBOX",
    "TASKCAST_SMTP_URL": "smtp://127.0.0.1:1",
    "TASKCAST_MAIL_FROM": "jobs@taskcast.example",
    "TASKCAST_STORAGE_URL": "file:///dev/null/files",
    "TASKCAST_BACKUP_DIR": "/dev/null/backups",
}


@pytest.mark.parametrize("surroundings", [AWAY])
async def test_what_is_away_is_tried_again_and_what_cannot_be_written_is_named(
    worker: None, broker: JobBroker, database: str, redis: Redis, names: Names
) -> None:
    away = {
        "EMAIL_SYNC": ("mailbox_away", "TASKCAST_MAILBOX_URL: imap://ada@127.0.0.1:1 cannot be reached"),
        "NOTIFICATION_DIGEST": ("smtp_away", "TASKCAST_SMTP_URL: smtp://127.0.0.1:1 cannot be reached"),
        "REPORT_GENERATION": ("store_unavailable", "(TASKCAST_STORAGE_URL)"),
        "DATA_EXPORT": ("store_unavailable", "(TASKCAST_STORAGE_URL)"),
    }
    async with connection() as lent:
        await add_notices(
            lent, [Notice("ada@example.com", "price_rise", "1", "Streamline went up", "From 1 to 2 EUR.")]
        )
    jobs = {task: await broker.enqueue(task, queue=QUEUES[task], max_attempts=5) for task in away}
    last = await broker.enqueue("NOTIFICATION_DIGEST", queue="mail", max_attempts=1, dedup_key="last")
    folder = await broker.enqueue("BACKUP_VERIFICATION", queue="maintenance", max_attempts=5)

    async def retrying(job_id: str) -> dict[str, Any] | None:
        return next((e for e in await events(redis, names, job_id) if e["type"] == "job.retrying"), None)

    for task, (code, told) in away.items():
        found = await eventually(lambda task=task: retrying(jobs[task].id), timeout=30)
        assert (found["data"]["errors"], found["data"]["error"]["code"]) == (1, code), found
        assert told in found["data"]["error"]["message"]
    end = await ended(redis, names, last.id)
    assert (end["state"], end["data"]["error"]["code"]) == ("failed", "smtp_away")
    end = await ended(redis, names, folder.id)
    assert (end["state"], end["attempt"]) == ("failed", 1)
    assert "TASKCAST_BACKUP_DIR: /dev/null/backups cannot be written" in end["data"]["error"]["message"]


async def test_cancelled_at_work_every_job_ends_soon_and_leaves_nothing_running(
    worker: None, broker: JobBroker, database: str, redis: Redis, names: Names, tmp_path: Path
) -> None:
    for folder in ("household/mail/new", "household/mail/cur", "household/outbox", "files"):
        (tmp_path / folder).mkdir(parents=True)
    left = tmp_path / "files" / "0198c0de-0000-7000-8000-000000000000"
    left.touch()
    os.utime(left, (time.time() - 90_000,) * 2)
    # Each of them needs one of these: there it is held up, in the middle of its work.
    async with held("accounts", "budgets", "mail_templates", "notifications", "files") as waiting:
        jobs = {task: await broker.enqueue(task, queue=queue) for task, queue in QUEUES.items()}

        async def all_held_up() -> bool:
            return await waiting() == len(jobs)

        await eventually(all_held_up, timeout=60)
        with Stopwatch() as took:
            for job in jobs.values():
                await broker.engine.cancel(job.id, by="ada")
            ends = {task: await ended(redis, names, job.id) for task, job in jobs.items()}

    assert {task: end["state"] for task, end in ends.items()} == dict.fromkeys(jobs, "cancelled")
    assert took.seconds < 3
    assert await held_up() == 0
    assert list((tmp_path / "backups").iterdir()) == []


async def test_jobs_of_other_programs_are_left_to_them(
    worker: None, broker: JobBroker, redis: Redis, names: Names
) -> None:
    foreign = await broker.enqueue("brew_coffee", queue="kitchen")
    own = await broker.enqueue("CACHE_CLEANUP", queue="maintenance")

    assert (await ended(redis, names, own.id))["state"] == "completed"
    assert [event["type"] for event in await events(redis, names, foreign.id)] == ["job.queued"]
