"""STUCK_CHECK and CLEAN_OLD_JOBS: real jobs that speak to the gateway by the token of their host."""

from __future__ import annotations

import dataclasses
import socket
from typing import Any

import pytest

from taskcast.client import Client
from taskcast.errors import ConfigurationError
from taskcast.states import JobState
from tests.scenarios.system import System
from tests.waiting import eventually
from tests.workers.conftest import ToldJob, cancelled_at
from workers.app import settings as of_the_process
from workers.settings import WorkerSettings
from workers.tasks import clean_old_jobs, stuck_check
from workers.upkeep.gateway import GatewayAway, ServiceTokenRefused

pytestmark = pytest.mark.scenario


async def ended(client: Client, task: str, **arguments: Any) -> dict[str, Any]:
    job = (await client.enqueue(task, arguments))["id"]

    async def row() -> dict[str, Any] | None:
        found = await client.job(job)
        return found if JobState(found["status"]).is_final else None

    return await eventually(row, timeout=60, every=0.1)


@pytest.fixture
def service(system: System, monkeypatch: pytest.MonkeyPatch) -> WorkerSettings:
    settings = dataclasses.replace(of_the_process, gateway_url=system.gateway, data_dir=system.folder / "data")
    monkeypatch.setattr(clean_old_jobs, "settings", settings)
    monkeypatch.setattr(stuck_check, "settings", settings)
    return settings


async def test_the_jobs_of_upkeep_speak_to_the_gateway_by_the_token_that_the_start_made(system: System) -> None:
    assert (system.folder / "data/service-token").stat().st_mode & 0o077 == 0
    async with system.client() as client:
        quick = await ended(client, "quick", number=1)
        checked = await ended(client, "STUCK_CHECK")
        kept = await ended(client, "CLEAN_OLD_JOBS")
        cleaned = await ended(client, "CLEAN_OLD_JOBS", older_than_days=0, status=["completed"], queue=quick["queue"])
        left = await client.jobs(queue=quick["queue"], status="completed")

    assert [row["status"] for row in (quick, checked, kept, cleaned)] == ["completed"] * 4, (checked, cleaned)
    assert checked["result"]["found"] == 0
    assert kept["result"]["deleted"] == 0
    assert cleaned["result"]["deleted"] >= 1
    assert left.items == []


async def test_a_cancelled_cleaning_stops_before_its_next_step(system: System, service: WorkerSettings) -> None:
    async with system.client() as client:
        quick = await ended(client, "quick", number=1)
        job = ToldJob()

        await cancelled_at(1, job, clean_old_jobs.clean_old_jobs(0, ["completed"], quick["queue"], job=job))

        assert (await client.job(quick["id"]))["status"] == "completed"


async def test_a_token_that_is_none_and_a_gateway_that_is_away_say_what_to_set(
    service: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_with(**changed: Any) -> Any:
        monkeypatch.setattr(stuck_check, "settings", dataclasses.replace(service, **changed))
        return stuck_check.stuck_check(job=ToldJob())

    with pytest.raises(ServiceTokenRefused, match=r"TASKCAST_SERVICE_TOKEN.*taskcast token create"):
        await run_with(service_token="tca_wrong")
    with pytest.raises(ConfigurationError, match="TASKCAST_SERVICE_TOKEN is not set"):
        await run_with(data_dir=service.data_dir / "nowhere")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(GatewayAway, match="TASKCAST_GATEWAY_URL"):
            await run_with(gateway_url=f"http://127.0.0.1:{free.getsockname()[1]}")
