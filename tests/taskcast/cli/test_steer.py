"""The commands that steer, as their user types them."""

from __future__ import annotations

import pytest

from core.recorder.recorder import Recorder
from taskcast.cli.gateway import Exit
from tests.core.live.conftest import Work
from tests.taskcast.cli.conftest import Run, lines
from tests.taskcast.cli.test_commands import recorded


async def test_a_queue_is_paused_and_goes_on(taskcast: Run, recorder: Recorder, work: Work) -> None:
    await work.enqueue()

    paused = await taskcast("pause", "imports", "--reason", "the bank is down", "--until", "2h")
    shown = await taskcast("queues")
    resumed = await taskcast("resume", "imports", "--json")

    assert paused.exit_code == 0, paused.stderr
    assert paused.stdout.startswith("imports is paused until 20")
    assert "paused by token:admin until" in shown.stdout
    assert "(the bank is down)" in shown.stdout
    assert lines(resumed)[0]["queue"]["paused"] is None


async def test_a_task_is_paused_and_goes_on(taskcast: Run, recorder: Recorder, work: Work) -> None:
    info = b'{"worker":"w1","host":"h","pid":1,"tasks":{"import":{"queue":"imports"}}}'
    await work.engine.register("w1", lease_ms=60_000, info=info)
    await recorded(recorder, work)

    paused = await taskcast("pause", "--task", "import")
    here = set(await work.engine.paused())
    resumed = await taskcast("resume", "--task", "import")

    assert paused.stdout == "import is paused\n", paused.stderr
    assert here == {"t:import"}
    assert resumed.stdout == "import goes on\n"


async def test_what_waits_is_drained_and_what_ended_is_cleaned(taskcast: Run, recorder: Recorder, work: Work) -> None:
    await work.enqueue()
    await work.enqueue()

    asked = await taskcast("drain", "imports", input="n\n")
    drained = await taskcast("drain", "imports", "--yes")
    await recorded(recorder, work)
    kept = await taskcast("clean", "--older-than", "1d", "--yes")
    cleaned = await taskcast("clean", "--older-than", "0s", "--status", "cancelled", "--queue", "imports", "--yes")

    assert asked.exit_code == Exit.ERROR
    assert drained.stdout == "2 jobs cancelled\n", drained.stderr
    assert kept.stdout == "0 jobs deleted\n"
    assert cleaned.stdout == "2 jobs deleted\n", cleaned.stderr


async def test_a_check_says_what_is_stuck(taskcast: Run, recorder: Recorder, work: Work) -> None:
    await work.running()
    await recorded(recorder, work)

    checked = await taskcast("check-stuck")

    assert checked.stdout == "1 checked, 0 stuck\n", checked.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pause"], "QUEUE"),
        (["resume", "imports", "--task", "import"], "QUEUE"),
        (["pause", "imports", "--until", "soon"], "soon"),
        (["clean", "--older-than", "long", "--yes"], "long"),
    ],
)
async def test_wrong_usage_is_said(taskcast: Run, arguments: list[str], said: str) -> None:
    result = await taskcast(*arguments)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr


async def test_a_queue_that_there_is_not_is_an_error(taskcast: Run) -> None:
    result = await taskcast("pause", "improts")

    assert (result.exit_code, result.stderr.count("\n")) == (Exit.ERROR, 1)
    assert "improts" in result.stderr
