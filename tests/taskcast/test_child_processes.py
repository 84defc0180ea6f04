"""Child processes of real `taskiq worker` processes: deaths, signals, a killed worker, the terminal's Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stopwatch import Stopwatch
from tests.taskcast.conftest import Workshop
from tests.taskcast.processes import ROOT, Workers
from tests.taskcast.test_children import lives
from tests.waiting import eventually


@pytest.fixture
def workers(shop: Workshop, redis_url: str, prefix: str, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(shop, redis_url, prefix, tmp_path)
    yield workers
    workers.close()


def processes(workers: Workers) -> list[int]:
    """Return the processes in which jobs have begun."""
    return [int(line.split()[-1]) for line in workers.told("begin")]


@pytest.mark.parametrize("uvloop", [True, False])
async def test_children_die_each_in_its_way_and_the_worker_goes_on(workers: Workers, uvloop: bool) -> None:
    process = await workers.start(uvloop=uvloop)
    broker = workers.shop.broker
    hows = ["segfault", "os._exit", "SIGKILL", "memory", "sys.exit"]
    jobs = {how: await broker.enqueue("child_dies", how) for how in hows}
    told = await broker.enqueue("child_tells")
    slow = await broker.enqueue("child", 60.0, timeout_s=0.5)
    events = {how: await workers.shop.ended(job.id, 20) for how, job in jobs.items()}

    errors = {how: event.data.error for how, event in events.items()}
    assert {event.state for event in events.values()} == {"failed"}
    assert "SIGSEGV" in errors["segfault"].message
    assert "exit code 3" in errors["os._exit"].message
    assert "SIGKILL" in errors["SIGKILL"].message
    assert errors["memory"].type == "MemoryError"
    assert errors["sys.exit"].type == "SystemExit"
    assert (await workers.shop.ended(slow.id, 20)).data.final_reason == "timeout"
    assert (await workers.shop.ended(told.id, 20)).data.result == {"password": "***", "is_worker": "True"}
    logged = [event.data.message for event in await workers.shop.events(told.id, "job.logged")]
    assert logged == ["a line", "logged"]
    assert process.poll() is None


async def test_cancel_of_a_child_takes_effect_soon(workers: Workers) -> None:
    await workers.start()
    job = await workers.shop.broker.enqueue("child", 60.0)
    await workers.begun()
    with Stopwatch() as took:
        await workers.shop.broker.engine.cancel(job.id)
        event = await workers.shop.ended(job.id)

    assert event.state == "cancelled"
    assert took.seconds < 3
    await eventually(lambda: not lives(processes(workers)[0]))


@pytest.mark.parametrize("uvloop", [True, False])
async def test_children_of_a_killed_worker_are_gone_long_before_their_jobs_run_elsewhere(
    workers: Workers,
    uvloop: bool,
) -> None:
    first = await workers.start(uvloop=uvloop)
    jobs = await workers.shop.broker.enqueue_many("child", [(60.0,)] * 3)
    await workers.begun(3)
    children = processes(workers)
    with Stopwatch() as gone:
        first.kill()
        await eventually(lambda: not any(lives(child) for child in children), every=0.002)
    await workers.start(uvloop=uvloop)
    for job in jobs:
        assert (await workers.shop.ended(job.id, timeout=20)).attempt == 2

    assert gone.seconds < 3  # the lease is 4 s
    told = workers.file.read_text().splitlines()
    second = next(number for number, line in enumerate(told) if line.startswith("begin 2"))
    assert not [line for line in told[second:] if line.startswith("tick 1")]


async def test_children_of_a_worker_killed_while_its_template_is_frozen_end_too(workers: Workers) -> None:
    first = await workers.start()
    await workers.shop.broker.enqueue("child", 60.0)
    await workers.begun()
    (child,) = processes(workers)
    template = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(template, signal.SIGSTOP)
    try:
        first.kill()
        await eventually(lambda: not lives(child))
    finally:
        os.kill(template, signal.SIGCONT)
    await eventually(lambda: not lives(template))


async def test_process_that_a_job_left_behind_does_not_keep_children_alive(workers: Workers) -> None:
    first = await workers.start()
    await workers.shop.broker.enqueue("child", 60.0)
    await workers.begun()
    left = await workers.shop.ended((await workers.shop.broker.enqueue("forks")).id)
    first.kill()
    try:
        await eventually(lambda: not any(lives(child) for child in processes(workers)))
    finally:
        os.kill(left.data.result, signal.SIGKILL)


@pytest.mark.parametrize("uvloop", [True, False])
async def test_sigterm_waits_for_children_then_gives_their_jobs_back(workers: Workers, uvloop: bool) -> None:
    process = await workers.start("--wait-tasks-timeout", "4", uvloop=uvloop)
    short, long = await workers.shop.broker.enqueue_many("child", [(0.5,), (60.0,)])
    await workers.begun(2)
    children = processes(workers)
    process.send_signal(signal.SIGTERM)
    for child in children:
        os.kill(child, signal.SIGTERM)  # as a service manager does to all of a service's processes

    assert await workers.exit_code(process) == 0
    assert await workers.shop.state(short.id) == "completed"
    assert await workers.shop.moves(long.id) == ["queued", "running", "queued"]
    assert not any(lives(child) for child in children)


async def test_ctrl_c_in_the_terminal_does_not_reach_children(workers: Workers) -> None:
    # The whole `taskiq worker`, whose worker process is a child of its process manager.
    command = [sys.executable, "-m", "taskiq", "worker", "tests.taskcast.worker_app:broker", "--workers", "1"]
    log = workers.file.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--receiver", "taskcast:JobReceiver"],
            cwd=ROOT,
            env=workers.environment,
            stderr=output,
            start_new_session=True,
        )
    workers.processes.append(process)
    job = await workers.shop.broker.enqueue("child", 1.5)
    await eventually(lambda: workers.told("begin"), 20)
    os.killpg(process.pid, signal.SIGINT)

    assert await workers.exit_code(process, 20) == 0, log.read_text()
    await workers.shop.until(job.id, "completed", timeout=10)
