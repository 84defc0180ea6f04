"""Stopping everything and starting it again loses nothing; a second start on the same data is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from taskcast.states import JobState
from tests.scenarios.system import System, running_system
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(180)]


async def test_a_restart_of_everything_loses_nothing() -> None:
    with running_system() as system:
        async with system.client() as client:
            done = (await client.enqueue("quick", {"number": 1}))["id"]
            later = (await client.enqueue("ledger", {"number": 2}, delay_s=10))["id"]
            cut_off = (await client.enqueue("wait", {"seconds": 6}))["id"]

            async def settled() -> bool:
                rows = [await client.job(job) for job in (done, later, cut_off)]
                return [row["status"] for row in rows] == ["completed", "scheduled", "running"]

            await eventually(settled, timeout=20)
        system.stop()

        system.start()

        async with system.client() as client:

            async def all_done() -> bool:
                rows = [await client.job(job) for job in (done, later, cut_off)]
                return all(row["status"] == JobState.COMPLETED for row in rows)

            await eventually(all_done, timeout=60, every=0.2)
        assert [word for word, job, *_ in system.ledger() if job == later] == ["begin", "end"]


def test_a_second_start_on_the_same_data_is_refused_in_one_sentence(system: System) -> None:
    other_ports = {"TASKCAST_GATEWAY_PORT": "0", "TASKCAST_DASHBOARD_PORT": "0"}
    refused = {}
    for name, environment in {"ports": {}, "setting": other_ports}.items():
        answer = subprocess.run(
            [sys.executable, "-m", "taskcast.cli.main", "up"],
            cwd=system.folder,
            env=system.environment | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        refused[name] = (answer.returncode, answer.stderr.strip(), answer.stdout)

    code, said, _ = refused["ports"]
    assert (code, "in use; set TASKCAST_GATEWAY_PORT" in said, said.count("\n")) == (1, True, 0)
    code, said, _ = refused["setting"]
    assert (code, "TASKCAST_GATEWAY_PORT" in said, "Traceback" in said) == (1, True, False)
