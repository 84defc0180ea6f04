"""Workers are replaced one by one under load: nothing is lost, and nothing begins twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.taskcast.processes import ROOT, Workers, workers_on
from tests.waiting import eventually

pytestmark = pytest.mark.scenario
BACKLOG = 50
"""How many jobs wait or run at any time."""
LEASE_S = "15"
"""As it is by default: no machine stands still for so long."""


async def all_ended_once(workers: Workers, jobs: list[str]) -> None:
    """Check that each job has begun once and ended once, in the first attempt, here and on the server."""
    ends = await workers.ends(jobs)
    assert Counter(event.job for event in ends) == Counter(jobs)
    assert {(event.state, event.attempt) for event in ends} == {("completed", 1)}
    for word in ("begin", "end"):
        assert len(workers.told(f"{word} 1 ")) == len(workers.told(word)) == len(jobs)


@asynccontextmanager
async def backlog(workers: Workers) -> AsyncIterator[list[str]]:
    """Send jobs, so that some always wait, until the block ends; lends the list of their ids."""
    jobs: list[str] = []
    enough = False

    async def send() -> None:
        while not enough:
            task = "thread" if len(jobs) % 3 == 0 else "work"
            jobs.append((await workers.shop.broker.enqueue(task, 0.15)).id)
            await eventually(lambda: enough or len(jobs) - len(workers.told("end")) < BACKLOG, 60)

    sending = asyncio.create_task(send())
    try:
        yield jobs
    finally:
        enough = True
        await sending


@pytest.mark.parametrize("uvloop", [True, False], ids=["uvloop", "asyncio"])
async def test_a_rolling_restart_under_load_loses_and_repeats_nothing(
    redis_url: str, tmp_path: Path, uvloop: bool
) -> None:
    async with workers_on(redis_url, tmp_path, WORKER_LEASE_S=LEASE_S) as workers:
        running = [await workers.start("--max-async-tasks", "8", uvloop=uvloop) for _ in range(2)]
        async with backlog(workers) as jobs:
            for old in running:
                await workers.begun(len(workers.told("begin")) + 10)
                new = await workers.start("--max-async-tasks", "8", uvloop=uvloop)
                old.send_signal(signal.SIGTERM)
                assert await workers.exit_code(old) == 0
                assert new.poll() is None

        await all_ended_once(workers, jobs)


async def test_sigterm_to_the_workers_command_ends_all_its_processes_in_order(redis_url: str, tmp_path: Path) -> None:
    """The same through Taskiq's own command and its process manager, as people start it."""
    async with workers_on(redis_url, tmp_path, WORKER_LEASE_S=LEASE_S) as workers:
        command = [os.environ.get("WORKER_PYTHON", sys.executable), "-m", "taskiq", "worker"]
        command += ["tests.taskcast.worker_app:broker", "--receiver", "taskcast:JobReceiver"]
        command += ["--workers", "2", "--max-async-tasks", "8"]
        async with backlog(workers) as jobs:
            for _ in range(2):
                before = len(workers.told("begin"))
                with (tmp_path / "log").open("ab") as log:
                    manager = subprocess.Popen(command, cwd=ROOT, env=workers.environment, stderr=log)
                workers.processes.append(manager)
                await workers.begun(before + 50)
                manager.send_signal(signal.SIGTERM)
                code = await workers.exit_code(manager)
                assert code in {0, -signal.SIGTERM}, (tmp_path / "log").read_text()
            assert len(await workers.shop.events(kind="worker.stopped")) == 4
            await workers.start("--max-async-tasks", "50")

        await all_ended_once(workers, jobs)
