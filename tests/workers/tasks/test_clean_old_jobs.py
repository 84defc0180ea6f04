"""What CLEAN_OLD_JOBS does while the gateway takes its time; beside a whole system, see the scenarios."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime

import pytest

from core.settings import Settings
from core.storage.models import Job, Operation
from tests.core.gateway.conftest import add_job
from tests.core.live.conftest import Gateway, make_token
from tests.workers.conftest import ToldJob
from workers.app import settings as of_the_process
from workers.tasks import clean_old_jobs


async def test_a_step_that_takes_long_is_waited_for(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.operations.ANSWER_S", 0.0)
    monkeypatch.setattr(clean_old_jobs, "LOOK_S", 0.01)
    gateway = Gateway(settings)
    await gateway.start()
    for _ in range(3):
        await add_job(status="completed", completed_at=datetime.now(UTC))
    of_the_test = dataclasses.replace(of_the_process, gateway_url=gateway.url, service_token=await make_token("admin"))
    monkeypatch.setattr(clean_old_jobs, "settings", of_the_test)

    async with asyncio.timeout(20):
        result = await clean_old_jobs.clean_old_jobs(0, job=ToldJob())
    await gateway.stop()

    assert result["deleted"] == 3
    assert await Job.all().count() == 0
    assert [operation.done for operation in await Operation.all()] == [3]
