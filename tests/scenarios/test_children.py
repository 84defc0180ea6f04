"""Jobs in child processes in a whole system: what the gateway shows of their deaths, and what is left of them."""

from __future__ import annotations

import psutil
import pytest

from taskcast.broker import JobBroker
from taskcast.client import Client
from tests.scenarios.app import child
from tests.scenarios.system import System
from tests.scenarios.test_bursts import ended
from tests.stopwatch import Stopwatch
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


def process_of(system: System, job: str) -> int | None:
    """Return the process in which a job has begun last."""
    begun = [int(number) for word, began, _, number in system.ledger() if (word, began) == ("begin", job)]
    return begun[-1] if begun else None


async def lines_of(client: Client, path: str) -> list[str]:
    return [line["message"] for line in (await client.get(path))["items"]]


async def test_deaths_of_processes_are_shown_with_their_cause(system: System) -> None:
    broker = JobBroker(system.redis_url)
    hows = {"segfault": "SIGSEGV", "os._exit": "exit code 3", "SIGKILL": "SIGKILL", "sys.exit": "4", "": ""}
    async with system.client() as client:
        jobs = {how: (await broker.enqueue(child, how, queue="scenario")).id for how in hows}
        rows = await ended(client, list(jobs.values()))
        found = {how: await client.job(job) for how, job in jobs.items()}
        path = f"/job-monitor/jobs/{jobs['segfault']}/logs"
        lines = await eventually(lambda: lines_of(client, path))
    await broker.shutdown()

    assert {how: rows[job]["status"] for how, job in jobs.items()} == {
        how: "failed" if how else "completed" for how in hows
    }
    for how, text in hows.items():
        assert text in (found[how]["error"] or {}).get("message", "")
    assert "Segmentation fault" in found["segfault"]["stack_trace"]
    assert lines == ["about to segfault"]


async def test_cancel_ends_a_process_within_a_moment(system: System) -> None:
    broker = JobBroker(system.redis_url)
    async with system.client() as client:
        job = (await broker.enqueue(child, "", 60.0, queue="scenario")).id
        process = await eventually(lambda: process_of(system, job))
        with Stopwatch() as took:
            await client.cancel(job, reason="enough")
            await eventually(lambda: not psutil.pid_exists(process), every=0.005)
        rows = await ended(client, [job])
    await broker.shutdown()

    assert rows[job]["status"] == "cancelled"
    assert took.seconds < 3


async def test_processes_of_a_killed_worker_end_with_it_and_their_jobs_run_again(system: System) -> None:
    broker = JobBroker(system.redis_url)
    before = system.pids("worker")
    async with system.client() as client:
        job = (await broker.enqueue(child, "", 120.0, queue="scenario")).id
        process = await eventually(lambda: process_of(system, job))
        worker = psutil.Process(process).parents()[1]
        assert worker.pid in before

        worker.kill()

        await eventually(lambda: not psutil.pid_exists(process))
        rows = await ended(client, [job])
    await broker.shutdown()

    assert rows[job]["status"] == "completed"
    assert rows[job]["attempt"] == 2
