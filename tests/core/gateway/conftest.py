"""A whole gateway on real servers, asked over ASGI; every JSON answer is held against its documented model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Match

from core.auth_tokens import digest, new_api_token
from core.gateway.app import PARTS, create_app
from core.gateway.services import Services
from core.settings import Settings
from core.storage import tokens
from core.storage.models import Job, JobAttempt, JobCount, JobLog, Task
from taskcast.engine.engine import Engine
from taskcast.ids import new_id
from tests.waiting import eventually

As = Callable[..., Awaitable[httpx.AsyncClient]]
SCHEMA = {
    "type": "object",
    "properties": {"file": {"type": "string"}, "rows": {"type": "integer", "minimum": 1, "default": 10}},
    "required": ["file"],
    "additionalProperties": False,
    "x-positions": ["file", "rows"],
}


@pytest.fixture(autouse=True)
def no_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody records in these tests, so nobody waits for it."""
    monkeypatch.setattr("core.job_now.RECORDER_WAIT_S", 0.1)


@pytest.fixture
async def app(settings: Settings, database: str) -> AsyncIterator[Starlette]:
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def services(app: Starlette) -> Services:
    found: Services = app.state.services
    return found


@pytest.fixture
def engine(services: Services) -> Engine:
    return services.engine


def make_client(app: Starlette, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://gateway",
        event_hooks={"response": [check_answer]},
        **options,
    )


@pytest.fixture
async def anybody(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(app) as client:
        yield client


@pytest.fixture
async def acting(app: Starlette) -> AsyncIterator[As]:
    """Return a client that acts in a role, signed in with an API token."""
    clients: list[httpx.AsyncClient] = []

    async def acting_as(role: str, user_id: str | None = None) -> httpx.AsyncClient:
        secret = new_api_token()
        await tokens.create_token(
            name=role, role=role, user_id=user_id, token_hash=digest(secret), created_by=None, expires_at=None
        )
        client = make_client(app, headers={"Authorization": f"Bearer {secret}"})
        clients.append(client)
        return client

    yield acting_as
    for client in clients:
        await client.aclose()


@pytest.fixture
async def admin(acting: As) -> httpx.AsyncClient:
    return await acting("admin")


@pytest.fixture
async def operator(acting: As) -> httpx.AsyncClient:
    return await acting("operator")


@pytest.fixture
async def viewer(acting: As) -> httpx.AsyncClient:
    return await acting("viewer")


@pytest.fixture
async def ada(acting: As) -> httpx.AsyncClient:
    """A client of role `user` whose jobs are those of user_id `ada`."""
    return await acting("user", "ada")


@pytest.fixture
async def announced(database: str) -> str:
    await Task.create(
        name="IMPORT",
        queue_name="imports",
        options={"queue": "imports", "priority": "HIGH", "max_attempts": 3, "timeout_s": 60.0, "max_deliveries": 2},
        schema=SCHEMA,
        seen_at=datetime.now(UTC),
    )
    return "IMPORT"


async def add_job(**given: Any) -> Job:
    """Write a row as the recorder would have, with its counts."""
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "id": new_id(),
        "queue_name": "imports",
        "type": "IMPORT",
        "status": "completed",
        "data": {"file": "june.csv"},
        "attempts": 1,
        "created_at": now - timedelta(seconds=60),
        "queued_at": now - timedelta(seconds=60),
        "updated_at": now,
        "seq": int(now.timestamp() * 1_000_000),
        "metadata": {},
    }
    fields |= given
    job = await Job.create(**fields)
    await JobAttempt.create(job_id=job.id, attempt=1, state=job.status, worker="w1", host="h", pid=1, started_at=now)
    counted, _ = await JobCount.get_or_create(type=job.type, queue_name=job.queue_name, status=job.status)
    counted.count += 1
    await counted.save()
    return job


async def add_lines(job_id: str, *messages: str, level: str = "INFO", attempt: int = 1) -> None:
    for line, message in enumerate(messages, start=1):
        await JobLog.create(
            job_id=job_id, attempt=attempt, line=line, level=level, message=message, created_at=datetime.now(UTC)
        )


async def take_one(engine: Engine) -> tuple[str, int]:
    """Register a worker and take a job, as a worker would."""
    await engine.register("w1", lease_ms=15000, info=b'{"worker":"w1","host":"h","pid":1}')

    async def take() -> list[Any]:
        found = await engine.take(
            "w1", 1, number=take_one.number, known=0, started=b'{"worker":"w1","host":"h","pid":1}'
        )
        take_one.number += 1
        return found.jobs

    taken = (await eventually(take))[0]
    return taken.job, taken.attempt


take_one.number = 1  # type: ignore[attr-defined]


def code_of(answer: httpx.Response, status: int) -> str:
    """Return the code of a problem, which must have this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert "Traceback" not in answer.text
    code: str = problem["code"]
    return code


async def check_answer(answer: httpx.Response) -> None:
    """Hold a JSON answer against the model its route documents."""
    await answer.aread()
    scope = {"type": "http", "method": answer.request.method, "path": answer.request.url.path, "headers": []}
    for part in PARTS:
        for route, ((method, _), models) in zip(part.routes, part.answers.items(), strict=True):
            if method == answer.request.method and route.matches(scope)[0] is Match.FULL:
                assert answer.status_code == 500 or answer.status_code in models, (
                    f"{answer.status_code} is not documented: {answer.text}"
                )
                model = models.get(answer.status_code)
                if model is not None:
                    model.model_validate_json(answer.content)
                return
