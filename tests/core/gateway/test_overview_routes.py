from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from core.storage.models import Queue, RecorderPosition, Task, Worker
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.ids import new_id
from tests.core.gateway.conftest import add_job, code_of, take_one

MONITOR = "/job-monitor"


async def test_statistics_count_what_there_is(viewer: httpx.AsyncClient) -> None:
    await add_job(status="completed")
    await add_job(status="failed")
    await add_job(status="failed")

    found = (await viewer.get(f"{MONITOR}/statistics", params={"range": 3600, "bucket": 60})).json()

    assert found["by_status"]["failed"] == 2
    assert found["by_status"]["scheduled"] == 0
    assert found["total"] == 3
    assert (found["range_s"], found["bucket_s"]) == (3600, 60)


async def test_statistics_of_a_user_are_of_their_own_jobs(ada: httpx.AsyncClient) -> None:
    await add_job(status="completed", user_id="ada")
    await add_job(status="completed", user_id="bob")

    found = (await ada.get(f"{MONITOR}/statistics")).json()

    assert found["total"] == 1


WRONG_RANGES = [{"range": "5"}, {"range": "x"}, {"bucket": "1"}, {"range": "8640000", "bucket": "60"}]


async def test_wrong_range_is_refused(viewer: httpx.AsyncClient) -> None:
    for params in WRONG_RANGES:
        assert code_of(await viewer.get(f"{MONITOR}/statistics", params=params), 422) == "invalid_input"


async def test_queues_show_what_waits(viewer: httpx.AsyncClient, engine: Engine) -> None:
    await engine.enqueue([NewJob(id=new_id(), task="T", queue="imports", priority=3, message=b"{}")])
    await Queue.create(name="imports", seen_at=datetime.now(UTC))

    listed = (await viewer.get(f"{MONITOR}/queues")).json()["items"]
    one = (await viewer.get(f"{MONITOR}/queues/imports/status")).json()

    assert [queue["name"] for queue in listed] == ["imports"]
    assert one["waiting"] == {"LOW": 0, "NORMAL": 0, "HIGH": 1, "CRITICAL": 0}
    assert one["paused"] is None


async def test_a_queue_says_which_concurrency_limits_are_in_force(
    viewer: httpx.AsyncClient, engine: Engine, announced: str
) -> None:
    await Task.filter(name=announced).update(options={"concurrency": 5})
    jobs = [
        NewJob(id=f"job{i}", task="T", queue="imports", message=b"{}", concurrency=1, concurrency_key="k")
        for i in range(3)
    ]
    await engine.enqueue(jobs)
    await take_one(engine)  # its next take holds back those that find no place
    await engine.take("w1", 1, number=1000, known=0, started=b'{"worker":"w1","host":"h","pid":1}')
    for job in jobs:
        await add_job(id=job.id, status="queued")

    queue = (await viewer.get(f"{MONITOR}/queues/imports/status")).json()
    listed = (await viewer.get(f"{MONITOR}/jobs")).json()["items"]

    assert queue["concurrency"] == [
        {"key": "k", "limit": 1, "running": 1, "held": 2},
        {"key": "IMPORT", "limit": 5, "running": 0, "held": 0},
    ]
    assert {job["id"]: job["held_by"] for job in listed} == {"job0": None, "job1": "c:k", "job2": "c:k"}


async def test_running_jobs_show_the_limits_they_count_under(viewer: httpx.AsyncClient) -> None:
    await add_job(status="running", limits={"concurrency": {"key": "tenant:7", "limit": 2}})
    await Queue.create(name="imports", seen_at=datetime.now(UTC))

    queue = (await viewer.get(f"{MONITOR}/queues/imports/status")).json()

    assert queue["concurrency"] == [{"key": "tenant:7", "limit": 2, "running": 0, "held": 0}]


async def test_unknown_queue_is_not_found(viewer: httpx.AsyncClient) -> None:
    assert code_of(await viewer.get(f"{MONITOR}/queues/nothing/status"), 404) == "not_found"


async def test_workers_and_tasks_are_listed(viewer: httpx.AsyncClient, announced: str) -> None:
    now = datetime.now(UTC)
    await Worker.create(id="w1", host="h", pid=7, state="running", slots=4, busy=[], started_at=now, seen_at=now)

    workers = (await viewer.get(f"{MONITOR}/workers")).json()["items"]
    tasks = (await viewer.get(f"{MONITOR}/tasks")).json()["items"]

    assert [(worker["id"], worker["slots"]) for worker in workers] == [("w1", 4)]
    assert [task["name"] for task in tasks] == [announced]
    assert tasks[0]["schema"]["required"] == ["file"]


SYSTEM = ["queues", "queues/imports/status", "workers", "tasks", "audit"]


async def test_user_sees_no_system(ada: httpx.AsyncClient) -> None:
    for path in SYSTEM:
        assert code_of(await ada.get(f"{MONITOR}/{path}"), 403) == "forbidden"


async def test_health_asks_nobody(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/health")

    assert answer.json()["status"] == "up"


async def test_ready_checks_each_part(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/ready")

    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert {name: check["ok"] for name, check in body["checks"].items()} == {
        "database": True,
        "engine": True,
        "recorder": True,
    }
    assert body["warnings"] == []


async def test_ready_notices_a_recorder_that_does_not_run(
    anybody: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.gateway.routes.health.MOST_LAG_S", -1.0)
    await engine.enqueue([NewJob(id=new_id(), task="T", message=b"{}")])
    await RecorderPosition.get_or_create(id=1)

    answer = await anybody.get("/ready")

    assert answer.status_code == 503
    assert "recorder" in answer.json()["checks"]["recorder"]["detail"]
    assert answer.json()["checks"]["engine"]["ok"] is True


async def test_ready_warns_of_a_file_that_is_synced_once_a_second(
    anybody: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import msgspec

    real = await engine.server()

    async def everysec(**_: Any) -> Any:
        return msgspec.structs.replace(real, appendonly=True, appendfsync="everysec")

    monkeypatch.setattr(engine, "server", everysec)

    answer = await anybody.get("/ready")

    assert answer.status_code == 200
    assert "appendfsync" in answer.json()["warnings"][0]
