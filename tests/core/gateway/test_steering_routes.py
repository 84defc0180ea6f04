"""Pausing, resuming, draining and cleaning over REST: who may, what happens, what is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.gateway.services import Services
from core.secrets import MessageCipher
from core.storage.models import AuditEntry, Job, JobAttempt, JobCount, JobLog, Queue, Task
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.ids import new_id
from tests.conftest import SECRET
from tests.core.gateway.conftest import add_job, add_lines, code_of, take_one
from tests.core.gateway.messages import message_of

CONTROL = "/job-monitor/queues/imports/control"
TASK = "/job-monitor/tasks/IMPORT/control"
CLEAN = "/job-monitor/jobs/clean"


@pytest.fixture
async def waiting(engine: Engine, database: str) -> list[str]:
    """Three jobs that wait in the queue `imports`."""
    jobs = [NewJob(id=new_id(), task="IMPORT", queue="imports", message=b"{}") for _ in range(3)]
    await engine.enqueue(jobs)
    await Queue.create(name="imports", seen_at=datetime.now(UTC))
    return [job.id for job in jobs]


def ago(**since: float) -> datetime:
    return datetime.now(UTC) - timedelta(**since)


async def last_entry() -> AuditEntry:
    entry = await AuditEntry.all().order_by("-id").first()
    assert entry is not None
    return entry


async def test_a_paused_queue_says_who_why_and_until_when(
    operator: httpx.AsyncClient, waiting: list[str], engine: Engine
) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    answer = await operator.post(
        CONTROL, json={"action": "pause", "reason": "the bank is down", "until": until.isoformat()}
    )
    shown = (await operator.get("/job-monitor/queues/imports/status")).json()

    assert answer.status_code == 202
    assert answer.json()["queue"]["paused"] == shown["paused"]
    assert (shown["paused"]["by"], shown["paused"]["reason"]) == ("token:operator", "the bank is down")
    assert datetime.fromisoformat(shown["paused"]["until"]) == until
    assert shown["waiting"]["NORMAL"] == 3
    assert "q:imports" in await engine.paused()
    entry = await last_entry()
    assert (entry.action, entry.target, entry.outcome) == ("queue.pause", "imports", "done")
    assert entry.detail["reason"] == "the bank is down"


async def test_a_resumed_queue_gives_its_jobs(operator: httpx.AsyncClient, waiting: list[str], engine: Engine) -> None:
    await operator.post(CONTROL, json={"action": "pause"})
    answer = await operator.post(CONTROL, json={"action": "resume"})

    assert answer.json() | {"queue": answer.json()["queue"]["paused"]} == {
        "queue": None,
        "count": None,
        "operation": None,
    }
    assert (await take_one(engine))[0] in waiting


async def test_a_paused_task_is_shown_and_resumed(operator: httpx.AsyncClient, announced: str, engine: Engine) -> None:
    paused = (await operator.post(TASK, json={"action": "pause", "reason": "a bug"})).json()
    listed = (await operator.get("/job-monitor/tasks")).json()["items"]
    resumed = (await operator.post(TASK, json={"action": "resume"})).json()

    assert paused["paused"]["reason"] == "a bug"
    assert [task["paused"] for task in listed] == [paused["paused"]]
    assert resumed["paused"] is None
    assert not await engine.paused()
    assert (await last_entry()).action == "task.resume"


async def test_a_drained_queue_has_its_waiting_jobs_cancelled(
    operator: httpx.AsyncClient, waiting: list[str], engine: Engine
) -> None:
    answer = await operator.post(CONTROL, json={"action": "drain", "reason": "sent twice"})

    assert answer.status_code == 202
    assert answer.json()["count"] == 3
    assert sum(answer.json()["queue"]["waiting"].values()) == 0
    ended = [await engine.job(job) for job in waiting]
    assert [job.tombstone.state for job in ended if job and job.tombstone] == ["cancelled"] * 3
    assert (await last_entry()).detail == {
        "reason": "sent twice",
        "count": 3,
        "operation": answer.json()["operation"],
    }


async def test_clean_deletes_what_ended_long_enough_ago(admin: httpx.AsyncClient, waiting: list[str]) -> None:
    old = await add_job(status="completed", completed_at=ago(days=9), created_at=ago(days=9))
    late = await add_job(status="failed", failed_at=ago(hours=1), created_at=ago(days=9))
    other = await add_job(status="completed", completed_at=ago(days=9), created_at=ago(days=9), queue_name="mail")
    running = await add_job(status="running", created_at=ago(days=9))
    await add_lines(old.id, "a line")

    answer = await admin.post(CONTROL, json={"action": "clean", "older_than_s": 86400})

    assert (answer.status_code, answer.json()["count"]) == (202, 1)
    assert {job.id for job in await Job.all()} == {late.id, other.id, running.id}
    assert not await JobLog.filter(job_id=old.id) and not await JobAttempt.filter(job_id=old.id)
    counted = await JobCount.filter(queue_name="imports", status="completed").first()
    assert counted is not None and counted.count == 0


async def test_clean_of_all_queues_takes_states_and_a_task(admin: httpx.AsyncClient) -> None:
    failed = await add_job(status="failed", failed_at=ago(days=2), created_at=ago(days=2))
    await add_job(status="completed", completed_at=ago(days=2), created_at=ago(days=2))
    await add_job(status="failed", failed_at=ago(days=2), created_at=ago(days=2), type="OTHER")

    answer = await admin.post(CLEAN, json={"older_than_s": 3600, "status": ["failed"], "type": "IMPORT"})

    assert (answer.status_code, answer.json()["count"]) == (202, 1)
    assert await Job.get_or_none(id=failed.id) is None
    assert await Job.all().count() == 2
    assert (await last_entry()).action == "jobs.clean"


async def test_clean_goes_on_past_a_page(admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.bulk.BATCH", 2)
    for number in range(5):
        await add_job(status="completed", completed_at=ago(days=2), created_at=ago(days=2, seconds=number // 2))

    assert (await admin.post(CLEAN, json={"older_than_s": 0})).json()["count"] == 5
    assert await Job.all().count() == 0


async def test_a_job_sent_again_is_not_cleaned_although_its_row_is_behind(
    admin: httpx.AsyncClient, services: Services, engine: Engine
) -> None:
    job = await add_job(status="failed", failed_at=ago(days=2), created_at=ago(days=2))
    message = message_of(job.id, args=[], kwargs={"file": "june.csv"})
    await Job.filter(id=job.id).update(message=MessageCipher(SECRET).encrypt(job.id, message))
    await services.control.retry_job(job.id, after_attempt=1, arguments=None, delay_s=0, by="ada")

    assert (await admin.post(CLEAN, json={"older_than_s": 0})).json()["count"] == 0
    assert await Job.get_or_none(id=job.id) is not None


FORBIDDEN = [
    ("viewer", CONTROL, {"action": "pause"}),
    ("viewer", TASK, {"action": "pause"}),
    ("viewer", "/job-monitor/jobs/check-stuck", {}),
    ("operator", CONTROL, {"action": "clean", "older_than_s": 0}),
    ("operator", CLEAN, {"older_than_s": 0}),
]


async def test_who_may_not_steer_is_refused_and_the_log_says_so(
    acting: Any, waiting: list[str], announced: str, engine: Engine
) -> None:
    for role, path, body in FORBIDDEN:
        client = await acting(role)

        assert code_of(await client.post(path, json=body), 403) == "forbidden"
        assert (await last_entry()).outcome == "refused"
    assert not await engine.paused()


WRONG = [
    (CONTROL, {}, "action"),
    (CONTROL, {"action": "stop"}, "action"),
    (CONTROL, {"action": "pause", "until": "tomorrow"}, "until"),
    (CONTROL, {"action": "pause", "until": "2020-01-01T00:00:00Z"}, "until"),
    (CONTROL, {"action": "resume", "until": "2100-01-01T00:00:00Z"}, "until"),
    (CONTROL, {"action": "pause", "older_than_s": 5}, "older_than_s"),
    (CONTROL, {"action": "drain", "status": ["failed"]}, "status"),
    (CONTROL, {"action": "clean"}, "older_than_s"),
    (CONTROL, {"action": "clean", "older_than_s": -1}, "older_than_s"),
    (CONTROL, {"action": "clean", "older_than_s": 1, "status": ["running"]}, "status.0"),
    (CONTROL, {"action": "pause", "reason": "x" * 1001}, "reason"),
    (CONTROL, {"action": "pause", "why": "x"}, "why"),
    (TASK, {"action": "drain"}, "action"),
    (TASK, {"action": "resume", "until": "2100-01-01T00:00:00Z"}, "until"),
    (CLEAN, {}, "older_than_s"),
    (CLEAN, {"older_than_s": "long"}, "older_than_s"),
]


async def test_a_wrong_field_is_named(admin: httpx.AsyncClient, waiting: list[str], announced: str) -> None:
    for path, body, field in WRONG:
        answer = await admin.post(path, json=body)

        assert code_of(answer, 422) == "invalid_input", (path, body)
        assert field in answer.json()["fields"], (path, body, answer.json())


async def test_what_nobody_has_heard_of_cannot_be_paused(operator: httpx.AsyncClient, engine: Engine) -> None:
    queue = await operator.post("/job-monitor/queues/improts/control", json={"action": "pause"})
    task = await operator.post("/job-monitor/tasks/IMPROT/control", json={"action": "pause"})

    assert (code_of(queue, 404), code_of(task, 404)) == ("not_found", "not_found")
    assert not await engine.paused()


async def test_a_task_with_slashes_in_its_name_is_paused(operator: httpx.AsyncClient) -> None:
    await Task.create(name="reports/monthly:send", queue_name="r", options={}, schema={}, seen_at=datetime.now(UTC))

    paused = await operator.post("/job-monitor/tasks/reports%2Fmonthly%3Asend/control", json={"action": "pause"})

    assert paused.status_code == 202
    assert paused.json()["paused"]["by"] == "token:operator"


async def test_a_job_enqueued_by_name_has_the_limits_of_its_task(
    operator: httpx.AsyncClient, announced: str, engine: Engine
) -> None:
    options = {"queue": "imports", "rate_limit": "10/m", "concurrency": 1, "concurrency_key": "file:{file}"}
    await Task.filter(name="IMPORT").update(options=options)

    job = (await operator.post("/job-monitor/jobs", json={"type": "IMPORT", "data": {"file": "june"}})).json()

    assert job["limits"] == {
        "concurrency": {"key": "file:june", "limit": 1},
        "rate": {"key": "IMPORT", "count": 10, "period_ms": 60000},
    }
