"""Commands about many jobs: what they do, who may, and that they outlive their gateway."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from core.secrets import MessageCipher
from core.settings import Settings
from core.storage.connection import connection, transaction
from core.storage.models import AuditEntry, Job, JobCount, Operation
from taskcast import events
from taskcast.client import Client
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.errors import EngineUnavailable
from taskcast.ids import new_id
from tests.conftest import SECRET
from tests.core.gateway.conftest import add_job, code_of
from tests.core.gateway.messages import message_of
from tests.core.gateway.test_door import answers, door
from tests.ports import free_port
from tests.waiting import eventually

BULK = "/job-monitor/jobs/bulk"


async def add_waiting(engine: Engine, count: int) -> list[str]:
    """Enqueue jobs, and write their rows as the recorder would."""
    ids = [new_id() for _ in range(count)]
    await engine.enqueue([NewJob(id=job, task="IMPORT", queue="imports", message=b"{}") for job in ids])
    now = datetime.now(UTC)
    rows = [
        Job(id=job, queue_name="imports", type="IMPORT", status="queued", created_at=now, updated_at=now, seq=1)
        for job in ids
    ]
    await Job.bulk_create(rows, batch_size=500)
    await JobCount.create(type="IMPORT", queue_name="imports", status="queued", count=count)
    return ids


async def add_failed() -> str:
    job = await add_job(status="failed", failed_at=datetime.now(UTC))
    message = message_of(job.id, args=[], kwargs={"file": "june.csv"})
    await Job.filter(id=job.id).update(message=MessageCipher(SECRET).encrypt(job.id, message))
    return job.id


async def ended(client: httpx.AsyncClient, begun: httpx.Response, timeout: float = 10.0) -> dict[str, Any]:
    assert begun.status_code == 202, begun.text

    async def row() -> dict[str, Any] | None:
        found: dict[str, Any] = (await client.get(f"/job-monitor/operations/{begun.json()['operation']}")).json()
        return found if found["state"] != "running" else None

    return await eventually(row, timeout=timeout)


async def count_of(engine: Engine, kind: str) -> int:
    found = 0
    for _, fields in await engine.redis.xrange(engine.names.events):
        found += sum(events.decode(line).__struct_config__.tag == kind for line in fields[b"e"].split(b"\n"))
    return found


async def test_all_failed_jobs_that_match_are_sent_again(operator: httpx.AsyncClient, engine: Engine) -> None:
    failed = [await add_failed() for _ in range(3)]
    gone = await add_job(status="failed", failed_at=datetime.now(UTC))  # its message was not kept
    await add_job(status="completed")

    begun = await operator.post(BULK, json={"action": "retry", "filter": {"queue": ["imports"]}})
    operation = await ended(operator, begun)

    assert begun.json()["matched"] == operation["matched"] == 4
    assert (operation["state"], operation["done"], operation["refused"]) == ("done", 3, {"message_gone": 1})
    assert {job for job, state in (await engine.known([*failed, gone.id])).items() if state == "record"} == set(failed)
    logged = [(entry.action, entry.actor) for entry in await AuditEntry.all().order_by("id")]
    assert logged == [("jobs.retry", "token:operator"), ("operation.retry", "token:operator")]


async def test_named_jobs_are_cancelled_and_the_others_counted(operator: httpx.AsyncClient, engine: Engine) -> None:
    waiting = await add_waiting(engine, 60)
    done = await add_job(status="completed")
    ids = [*waiting, done.id, "nothing"]

    operation = await ended(operator, await operator.post(BULK, json={"action": "cancel", "ids": ids, "reason": "no"}))

    assert (operation["done"], operation["refused"]) == (60, {"already_final": 1, "job_not_found": 1})
    assert (operation["reason"], operation["scope"]) == ("no", {"ids": 62})
    listed = (await operator.get("/job-monitor/operations")).json()["items"]
    assert [row["id"] for row in listed] == [operation["id"]]


async def test_all_that_match_a_search_are_deleted_page_by_page(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.bulk.BATCH", 2)
    for _ in range(5):
        await add_job(status="failed", error={"type": "OSError", "message": "the bank is away"})
    kept = [await add_job(status="running"), await add_job(status="completed", queue_name="mail")]
    body = {"action": "delete", "filter": {"queue": ["imports"]}}

    counted = await admin.post(BULK, json=body | {"dry_run": True})
    operation = await ended(admin, await admin.post(BULK, json=body))

    assert counted.json() == {"operation": None, "matched": 5}
    assert (operation["done"], operation["refused"]) == (5, {})
    assert {job.id for job in await Job.all()} == {job.id for job in kept}


async def test_no_job_is_done_anything_in_a_state_that_the_action_does_not_take(admin: httpx.AsyncClient) -> None:
    await add_job(status="completed")

    begun = await admin.post(BULK, json={"action": "cancel", "filter": {"status": ["completed"]}})

    assert begun.json()["matched"] == 0
    assert (await ended(admin, begun))["done"] == 0


async def test_a_drain_that_takes_long_can_be_looked_at(
    operator: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.operations.ANSWER_S", 0.0)
    await add_waiting(engine, 1200)

    begun = await operator.post("/job-monitor/queues/imports/control", json={"action": "drain", "reason": "twice"})
    operation = await ended(operator, begun)

    assert begun.json()["count"] is None
    assert (operation["action"], operation["done"], operation["matched"]) == ("drain", 1200, 1200)
    assert await count_of(engine, "queue.drained") == 1
    audited = await AuditEntry.all().order_by("id")
    assert [entry.action for entry in audited] == ["queue.drain", "operation.drain"]
    assert audited[-1].detail == {"count": 1200, "refused": {}}


async def test_a_command_that_fails_is_answered_as_failed(admin: httpx.AsyncClient) -> None:
    await add_job(status="failed", failed_at=datetime.now(UTC))
    async with connection() as lent:
        await lent.execute("ALTER TABLE job_counts RENAME TO counted")

    answer = await admin.post("/job-monitor/jobs/clean", json={"older_than_s": 0})

    assert code_of(answer, 500) == "operation_failed"
    [operation] = (await admin.get("/job-monitor/operations")).json()["items"]
    assert (operation["state"], operation["id"] in answer.json()["detail"]) == ("failed", True)
    assert "job_counts" in operation["error"]
    assert [(entry.action, entry.outcome) for entry in await AuditEntry.all()] == [("jobs.clean", "failed")]


async def test_an_operation_goes_on_where_nobody_can_be_told_of_it(
    operator: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> int:
        raise EngineUnavailable

    ids = await add_waiting(engine, 60)
    monkeypatch.setattr(Engine, "tell", away)

    operation = await ended(operator, await operator.post(BULK, json={"action": "cancel", "ids": ids}))

    assert (operation["state"], operation["done"]) == ("done", 60)


WHO = [("viewer", "cancel"), ("viewer", "retry"), ("operator", "delete")]


async def test_who_may_not_do_it_to_one_may_not_do_it_to_many(acting: Any) -> None:
    job = await add_job(status="failed")

    for role, action in WHO:
        client = await acting(role)
        refused = await client.post(BULK, json={"action": action, "ids": [job.id]})

        assert code_of(refused, 403) == "forbidden"
    assert await Operation.all().count() == 0
    assert code_of(await (await acting("user", "ada")).get("/job-monitor/operations"), 403) == "forbidden"


WRONG = [
    ({"action": "cancel"}, "filter"),
    ({"action": "cancel", "ids": ["a"], "filter": {}}, "filter"),
    ({"action": "stop", "ids": ["a"]}, "action"),
    ({"action": "retry", "ids": []}, "ids"),
    ({"action": "retry", "ids": ["a"], "reason": "x"}, "reason"),
    ({"action": "retry", "filter": {"colour": "red"}}, "filter.colour"),
    ({"action": "retry", "filter": {"status": ["lost"]}}, "filter.status.0"),
]


async def test_a_wrong_command_is_refused_by_field(admin: httpx.AsyncClient) -> None:
    for body, field in WRONG:
        answer = await admin.post(BULK, json=body)

        assert code_of(answer, 422) == "invalid_input", body
        assert field in answer.json()["fields"], (body, answer.json())
    assert code_of(await admin.get("/job-monitor/operations/nothing"), 404) == "not_found"


HELD_UP_HALF_WAY = """
    CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER hold_up BEFORE UPDATE ON operations FOR EACH ROW WHEN (NEW.done >= 600) EXECUTE FUNCTION hold_up()
"""


async def held_up() -> list[int]:
    """Return the sessions that wait for the advisory lock of the test."""
    async with connection() as lent:
        rows = await lent.fetch("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return [row["pid"] for row in rows]


async def test_an_operation_goes_on_elsewhere_when_its_gateway_is_killed(
    settings: Settings, operator: httpx.AsyncClient, engine: Engine
) -> None:
    ids, port = await add_waiting(engine, 1200), free_port()
    token = operator.headers["authorization"].removeprefix("Bearer ")
    async with connection() as lent:
        await lent.execute(HELD_UP_HALF_WAY)

    with door(settings, TASKCAST_GATEWAY_PORT=str(port)) as process:
        await eventually(lambda: asyncio.to_thread(answers, port))
        async with transaction() as holder:
            await holder.execute("SELECT pg_advisory_xact_lock(1)")
            async with Client(f"http://127.0.0.1:{port}", token=token) as client:
                begun = await client.bulk("cancel", filter={"queue": ["imports"]})
            waiting = await eventually(held_up, timeout=30)
            process.kill()
            process.wait(20)
            await holder.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", waiting)
            at_the_kill = await Operation.get(id=begun["operation"])
    operation = await ended(operator, httpx.Response(202, json=begun), timeout=40)

    assert (at_the_kill.state, at_the_kill.done) == ("running", 550)
    assert (operation["state"], operation["done"], operation["refused"]) == ("done", 1200, {})
    assert await count_of(engine, "job.cancelled") == 1200
    assert set((await engine.known(ids)).values()) == {"tombstone"}
