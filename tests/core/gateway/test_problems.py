from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core.embedded.process import start, wait_ready
from core.embedded.valkey import EmbeddedValkey
from core.gateway.app import create_app
from core.gateway.services import Services
from core.settings import Settings
from taskcast.ids import new_id
from tests.core.gateway.conftest import add_job, code_of, make_client
from tests.waiting import eventually

JOBS = "/job-monitor/jobs"


async def test_unknown_address_and_method_are_problems(viewer: httpx.AsyncClient) -> None:
    assert code_of(await viewer.get("/job-monitor/nothing"), 404) == "not_found"
    assert code_of(await viewer.put(JOBS), 405) == "method_not_allowed"


async def test_every_answer_keeps_browsers_from_guessing(viewer: httpx.AsyncClient) -> None:
    for path in ("/health", JOBS, "/docs", "/nothing"):
        headers = (await viewer.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


async def test_own_mistake_is_a_problem_without_traceback_and_is_logged(
    viewer: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret in a message")

    monkeypatch.setattr("core.gateway.routes.jobs.list_jobs", broken)

    answer = await viewer.get(JOBS)

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text
    assert any(record.exc_info for record in caplog.records if record.levelno >= logging.ERROR)


async def test_client_that_leaves_in_the_middle_of_its_body_is_no_error_of_ours(
    app: Starlette, operator: httpx.AsyncClient
) -> None:
    scope = {
        "type": "http", "method": "POST", "path": JOBS, "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(b"authorization", operator.headers["authorization"].encode())],
    }  # fmt: skip
    answers: list[MutableMapping[str, Any]] = []

    async def leave() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def answer(message: MutableMapping[str, Any]) -> None:
        answers.append(message)

    await app(scope, leave, answer)

    assert answers[0]["status"] == 400


async def test_answer_that_takes_too_long_is_503_in_time(
    viewer: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hanging(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("core.gateway.routes.jobs.list_jobs", hanging)
    monkeypatch.setattr("core.gateway.endpoint.DEADLINE_S", 0.1)

    answer = await viewer.get(JOBS)

    assert code_of(answer, 503) == "timeout"
    assert answer.headers["retry-after"]


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "v")
    server.prepare()
    yield server
    server.remove()


async def test_queue_server_away_is_503_and_reading_goes_on(
    settings: Settings, database: str, own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.control.ENGINE_S", 0.3)
    monkeypatch.setattr("core.job_now.ENGINE_WAIT_S", 0.2)
    monkeypatch.setattr("core.gateway.routes.health.CHECK_S", 3.0)
    process = start(own_valkey)
    wait_ready(own_valkey, process)
    app = create_app(settings.model_copy(update={"redis_url": own_valkey.url}))
    async with app.router.lifespan_context(app), make_client(app) as client:
        grant = (await eventually(lambda: signed_in(client))).json()
        client.headers["Authorization"] = f"Bearer {grant['access_token']}"
        job = await add_job(status="running")
        process.terminate()
        process.wait(20)

        cancelled = await client.post(f"{JOBS}/{job.id}/cancel", json={})
        # Its row says that it runs, but rows may be behind: only the queue server knows whether it has ended.
        retried = await client.post(f"{JOBS}/{job.id}/retry", json={"after_attempt": 1})
        deleted = await client.delete(f"{JOBS}/{job.id}?expect=final")
        shown = await client.get(f"{JOBS}/{job.id}")
        accepted_a_moment_ago = await client.get(f"{JOBS}/{new_id()}")
        ticket = await client.post("/auth/ws-ticket")
        ready = await client.get("/ready")

        assert code_of(cancelled, 503) == "engine_unavailable"
        assert code_of(retried, 503) == "engine_unavailable"
        assert code_of(deleted, 503) == "engine_unavailable"
        assert cancelled.headers["retry-after"]
        assert shown.json()["status"] == "running"
        assert code_of(accepted_a_moment_ago, 503) == "engine_unavailable"
        assert code_of(ticket, 503) == "engine_unavailable"
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"]["ok"] is True
        assert ready.json()["checks"]["engine"]["ok"] is False

        process = start(own_valkey)
        wait_ready(own_valkey, process)
        assert await eventually(lambda: is_ready(client))
    process.terminate()
    process.wait(20)


async def signed_in(client: httpx.AsyncClient) -> httpx.Response | None:
    body = {"email": "admin@example.com", "password": "a password of the tests"}
    answer = await client.post("/auth/login", json=body)
    return answer if answer.status_code == 200 else None


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/ready")).status_code == 200


async def test_database_away_is_503_and_the_process_stays_up(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"database_url": "postgres://nobody@127.0.0.1:1/nothing"})
    app = create_app(nowhere)
    async with app.router.lifespan_context(app), make_client(app) as client:
        login = await client.post("/auth/login", json={"email": "a@b.c", "password": "x"})
        ready = await client.get("/ready")
        health = await client.get("/health")

    assert code_of(login, 503) == "database_unavailable"
    assert ready.status_code == 503
    assert ready.json()["checks"]["engine"]["ok"] is True
    assert "nobody" not in ready.text
    assert health.status_code == 200


async def test_store_that_cannot_be_written_is_503(
    operator: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    from core.storage.files import FileStore

    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    services.files = FileStore((blocked / "files").as_uri())

    answer = await operator.post("/job-monitor/files", files={"file": ("a", b"1")})

    assert code_of(answer, 503) == "store_unavailable"
