"""A supervised process: restarted when it dies, stopped with all it started."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil

from core.supervisor.child import Child
from tests.waiting import eventually

SLEEPER = "import time\nprint('here', flush=True)\ntime.sleep(600)"


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def child(script: str, said: list[str]) -> Child:
    return Child(
        "sleeper",
        [sys.executable, "-c", script],
        env=dict(os.environ),
        say=lambda _, line: said.append(line),
        patience_s=5,
    )


async def test_a_process_that_is_killed_is_started_again_and_says_so() -> None:
    said: list[str] = []
    sleeper = child(SLEEPER, said)
    await sleeper.start()
    first = await eventually(lambda: sleeper.pid if "here" in said else None)

    os.kill(first, signal.SIGKILL)

    await eventually(lambda: said.count("here") == 2)
    assert sleeper.pid != first
    assert any("ended with signal SIGKILL; starts again" in line for line in said)
    await sleeper.stop()


async def test_a_process_that_dies_at_once_waits_longer_each_time() -> None:
    said: list[str] = []
    failing = child("raise SystemExit(3)", said)
    await failing.start()

    await eventually(lambda: sum("starts again" in line for line in said) >= 3)

    pauses = [float(line.rsplit(" ", 2)[1]) for line in said if "starts again" in line]
    assert pauses[:3] == sorted(pauses[:3])
    assert pauses[2] > pauses[0]
    await failing.stop()


async def test_stop_ends_what_the_process_had_started_itself(tmp_path: Path) -> None:
    script = "import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\nprint(p.pid, flush=True)\np.wait()"
    said: list[str] = []
    parent = child(script, said)
    await parent.start()
    grandchild = int(await eventually(lambda: said[0] if said else None))

    await parent.stop()
    await parent.stop()

    await eventually(lambda: not lives(grandchild))
    assert parent.pid is None


async def test_a_process_that_ignores_the_signal_is_killed() -> None:
    said: list[str] = []
    stubborn = Child(
        "stubborn",
        [
            sys.executable,
            "-c",
            "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('here', flush=True)\ntime.sleep(600)",
        ],
        env=dict(os.environ),
        say=lambda _, line: said.append(line),
        patience_s=0.3,
    )
    await stubborn.start()
    await eventually(lambda: "here" in said)

    await stubborn.stop()

    assert stubborn.pid is None
    assert any("is killed" in line for line in said)


async def test_a_line_longer_than_the_limit_does_not_end_the_process() -> None:
    said: list[str] = []
    loud = child("print('x' * 3_000_000, flush=True)\nprint('here', flush=True)\nimport time; time.sleep(600)", said)
    await loud.start()

    await eventually(lambda: "here" in said)

    assert loud.restarts == 0
    await loud.stop()
