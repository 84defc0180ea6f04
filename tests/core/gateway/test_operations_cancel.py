"""Commands about many jobs are cancelled: from any gateway, whoever carries them, between two pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from core.bulk import Drained, Steered
from core.settings import Settings
from core.storage import operations as table
from core.storage.connection import connection
from core.storage.models import AuditEntry, Operation
from taskcast.client import Client
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from taskcast.ids import new_id
from tests.core.gateway.conftest import add_job, code_of
from tests.core.gateway.test_door import answers, door, free_port
from tests.core.gateway.test_operations_routes import BULK, add_waiting, count_of, ended
from tests.waiting import eventually

OPERATIONS = "/job-monitor/operations"


class Gate:
    """Holds each page of one kind of work until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, work: type[Any]) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        do = work.do

        async def held(*given: Any, **options: Any) -> Any:
            self.reached.set()
            await self.opened.wait()
            return await do(*given, **options)

        monkeypatch.setattr(work, "do", held)


@asynccontextmanager
async def jobs_locked() -> AsyncIterator[None]:
    """Nobody reads a job's row meanwhile, so that no operation comes to its first page."""
    async with connection() as lent, lent.transaction():
        await lent.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        yield


async def written(action: str) -> str:
    """Write an operation that another process carries."""
    made = await table.create(
        id=new_id(), action=action, by="ada", reason=None, scope={"ids": ["a"]}, matched=1, claimed_by="x", claim_s=60
    )
    return made.id


async def test_what_was_done_stays_done_and_the_rest_is_left(
    operator: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [(await add_job(status="completed")).id, *await add_waiting(engine, 60)]
    gate = Gate(monkeypatch, Steered)
    begun = await operator.post(BULK, json={"action": "cancel", "ids": ids})
    await gate.reached.wait()
    path = f"{OPERATIONS}/{begun.json()['operation']}/cancel"

    asked, again = await operator.post(path), await operator.post(path)
    gate.opened.set()
    operation = await ended(operator, begun)

    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    assert asked.json() == again.json() and asked.json()["cancel_requested_at"]
    assert (operation["state"], operation["done"], operation["matched"]) == ("cancelled", 49, 61)
    assert (operation["refused"], operation["error"]) == ({"already_final": 1}, None)
    assert await count_of(engine, "job.cancelled") == 49
    assert code_of(await operator.post(path), 409) == "already_final"


async def test_who_cancels_an_operation_and_what_came_of_it_are_written_down(
    operator: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, gate = await add_waiting(engine, 60), Gate(monkeypatch, Steered)
    begun = await operator.post(BULK, json={"action": "cancel", "ids": ids})
    await operator.post(f"{OPERATIONS}/{begun.json()['operation']}/cancel")
    gate.opened.set()
    await ended(operator, begun)

    async def entries() -> list[AuditEntry]:
        found = await AuditEntry.all().order_by("id")
        return found if len(found) == 3 else []

    _, asked, end = await eventually(entries)
    assert (asked.action, asked.target, asked.detail) == (
        "operation.request_cancel", begun.json()["operation"], {"action": "cancel"}
    )  # fmt: skip
    assert (end.action, end.outcome) == ("operation.cancel", "done")
    assert end.detail == {"count": 50, "refused": {}, "cancelled": True}


async def test_a_drain_cancelled_while_its_caller_waits_answers_how_many_jobs_it_took(
    operator: httpx.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.operations.ANSWER_S", 60.0)
    await add_waiting(engine, 700)
    gate = Gate(monkeypatch, Drained)
    draining = asyncio.create_task(operator.post("/job-monitor/queues/imports/control", json={"action": "drain"}))
    await gate.reached.wait()
    running = await Operation.get()

    await operator.post(f"{OPERATIONS}/{running.id}/cancel")
    gate.opened.set()

    assert (await draining).json()["count"] == 500
    found = (await operator.get(f"{OPERATIONS}/{running.id}")).json()
    assert (found["state"], found["done"], found["matched"]) == ("cancelled", 500, 700)


async def test_an_operation_that_waits_for_a_server_is_cancelled_without_it(
    operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise EngineUnavailable

    monkeypatch.setattr(Steered, "do", away)
    begun = await operator.post(BULK, json={"action": "retry", "ids": ["a"]})

    asked = await operator.post(f"{OPERATIONS}/{begun.json()['operation']}/cancel")

    assert asked.status_code == 202
    assert (await ended(operator, begun))["state"] == "cancelled"


async def test_who_may_not_begin_an_operation_may_not_cancel_it(acting: Any) -> None:
    ids = {action: await written(action) for action in ("retry", "cancel", "delete", "drain", "clean")}

    for role, actions in {"user": ids, "viewer": ids, "operator": ("delete", "clean")}.items():
        client = await acting(role, "ada" if role == "user" else None)
        for action in actions:
            assert code_of(await client.post(f"{OPERATIONS}/{ids[action]}/cancel"), 403) == "forbidden", (role, action)
    for role, actions in {"operator": ("retry", "cancel", "drain"), "admin": ("delete", "clean")}.items():
        client = await acting(role)
        for action in actions:
            assert (await client.post(f"{OPERATIONS}/{ids[action]}/cancel")).status_code == 202, (role, action)


async def test_an_operation_that_is_not_there_cannot_be_cancelled(admin: httpx.AsyncClient) -> None:
    answer = await admin.post(f"{OPERATIONS}/nothing/cancel")

    assert code_of(answer, 404) == "not_found"
    assert "no such operation" in answer.json()["detail"]


async def test_an_operation_that_another_gateway_carries_is_cancelled(
    settings: Settings, operator: httpx.AsyncClient, engine: Engine
) -> None:
    ids, port = await add_waiting(engine, 60), free_port()
    token = operator.headers["authorization"].removeprefix("Bearer ")

    with door(settings, TASKCAST_GATEWAY_PORT=str(port)):
        await eventually(lambda: asyncio.to_thread(answers, port), timeout=60)
        async with Client(f"http://127.0.0.1:{port}", token=token) as client:
            async with jobs_locked():
                begun = await client.bulk("cancel", ids=ids)
                carrier = (await Operation.get()).claimed_by
                asked = await operator.post(f"{OPERATIONS}/{begun['operation']}/cancel")
            operation = await ended(operator, httpx.Response(202, json=begun), timeout=60)

    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    assert (operation["state"], operation["done"]) == ("cancelled", 0)
    assert (await Operation.get()).claimed_by == carrier
    assert await count_of(engine, "job.cancelled") == 0


async def test_an_operation_whose_gateway_was_killed_is_cancelled_by_the_one_that_takes_it_over(
    settings: Settings, operator: httpx.AsyncClient, engine: Engine
) -> None:
    ids, port = await add_waiting(engine, 60), free_port()
    token = operator.headers["authorization"].removeprefix("Bearer ")

    with door(settings, TASKCAST_GATEWAY_PORT=str(port)) as process:
        await eventually(lambda: asyncio.to_thread(answers, port), timeout=60)
        async with jobs_locked():
            async with Client(f"http://127.0.0.1:{port}", token=token) as client:
                begun = await client.bulk("cancel", ids=ids)
            await operator.post(f"{OPERATIONS}/{begun['operation']}/cancel")
            process.kill()
            process.wait(20)
    at_the_kill = await Operation.get()
    operation = await ended(operator, httpx.Response(202, json=begun), timeout=60)

    assert at_the_kill.state == "running" and at_the_kill.cancel_requested_at is not None
    assert (operation["state"], operation["done"], operation["matched"]) == ("cancelled", 0, 60)
    assert (await Operation.get()).claimed_by != at_the_kill.claimed_by
    assert await count_of(engine, "job.cancelled") == 0
