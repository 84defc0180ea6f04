"""Many jobs at once, as their user types it."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from typing import Any

import pytest

from core.recorder.recorder import Recorder
from taskcast.cli.gateway import Exit
from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from tests.core.live.conftest import Gateway, Work
from tests.taskcast.cli.conftest import Run, lines
from tests.taskcast.cli.test_commands import recorded
from tests.waiting import eventually


async def test_all_jobs_that_match_are_cancelled(taskcast: Run, recorder: Recorder, work: Work) -> None:
    for _ in range(2):
        await work.enqueue()
    await recorded(recorder, work)

    counted = await taskcast("bulk", "cancel", "-q", "imports", "--dry-run")
    refused = await taskcast("bulk", "cancel", "-q", "imports", input="n\n")
    begun = await taskcast("bulk", "cancel", "-q", "imports", "--yes", "--json")

    assert counted.stdout == "2 jobs match\n", counted.stderr
    assert refused.exit_code == Exit.ERROR
    operation = lines(begun)[0]["operation"]

    async def shown() -> str:
        text = (await taskcast("operation", operation)).stdout
        return text if text.startswith("done") else ""

    assert await eventually(shown) == "done: 2 of 2 jobs cancelled\n"


async def test_which_jobs_must_be_said(taskcast: Run) -> None:
    nothing = await taskcast("bulk", "delete", "--yes")
    both = await taskcast("bulk", "delete", "some-id", "-q", "imports", "--yes")

    assert (nothing.exit_code, both.exit_code) == (Exit.USAGE, Exit.USAGE)
    assert "say which jobs" in nothing.stderr


async def test_an_operation_is_watched_to_its_end(taskcast: Run, recorder: Recorder, work: Work) -> None:
    await work.enqueue()
    await recorded(recorder, work)

    told = await taskcast("bulk", "cancel", "-q", "imports", "--yes", "--tail")

    assert told.exit_code == Exit.DONE, told.stderr
    assert told.stdout.splitlines()[-1] == "done: 1 of 1 jobs cancelled"


async def test_an_operation_is_cancelled_and_watched_to_its_end(
    taskcast: Run, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise EngineUnavailable

    monkeypatch.setattr("core.bulk.Steered.do", away)
    operation = lines(await taskcast("bulk", "cancel", "some-id", "--yes", "--json"))[0]["operation"]

    cancelled = await taskcast("operation", operation, "--cancel")
    watched = await taskcast("operation", operation, "--tail")
    again = await taskcast("operation", operation, "--cancel")

    assert cancelled.stdout == f"{operation} was asked to stop\n", cancelled.stderr
    assert (watched.exit_code, watched.stdout.splitlines()[-1]) == (
        Exit.JOB_CANCELLED, "cancelled: 0 of 1 jobs cancelled"
    )  # fmt: skip
    assert (again.exit_code, again.stderr) == (Exit.ERROR, "taskcast: the operation has ended already\n")


def heed_sigint() -> None:
    """Undo what a shell does to what it runs in the background, such as these tests: it ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_an_interrupted_watch_says_that_it_goes_on_and_how_to_cancel_it(
    taskcast: Run, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise EngineUnavailable

    monkeypatch.setattr("core.bulk.Steered.do", away)
    command = [sys.executable, "-m", "taskcast.cli.main", "bulk", "cancel", "some-id", "--yes", "--tail"]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, preexec_fn=heed_sigint)
    assert process.stdout is not None
    try:
        begun = (await process.stdout.readline()).decode().split()[-1]
        await process.stdout.readline()  # how far it is: it is being watched

        process.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(process.communicate(), 60)
    finally:
        with suppress(ProcessLookupError):
            process.kill()

    line = f"taskcast: operation {begun} goes on; `taskcast operation {begun} --cancel` stops it\n"
    assert (process.returncode, said.decode()) == (Exit.INTERRUPTED, line)
    assert (await taskcast("operation", begun)).stdout == "running: 0 of 1 jobs cancelled\n"
