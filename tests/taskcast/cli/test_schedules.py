"""The commands about schedules, as their user types them."""

from __future__ import annotations

from core.recorder.recorder import Recorder
from taskcast.cli.gateway import Exit
from tests.core.live.conftest import Work
from tests.taskcast.cli.conftest import Run, lines
from tests.taskcast.cli.test_commands import recorded


async def test_a_schedule_is_made_shown_paused_resumed_run_and_deleted(
    taskcast: Run, recorder: Recorder, work: Work
) -> None:
    info = b'{"worker":"w1","host":"h","pid":1,"tasks":{"import":{"queue":"imports"}}}'
    await work.engine.register("w1", lease_ms=60_000, info=info)
    await recorded(recorder, work)

    cron = ("--cron", "0 6 * * 1", "--time-zone", "Europe/Berlin", "--why", "the banks are done by then")
    made = await taskcast("schedules", "create", "import", "--id", "weekly", *cron)
    listed = await taskcast("schedules")
    paused = await taskcast("schedules", "pause", "weekly", "--reason", "holidays")
    shown = await taskcast("schedules", "show", "weekly")
    resumed = await taskcast("schedules", "resume", "weekly", "--json")
    ran = await taskcast("schedules", "run", "weekly")
    deleted = await taskcast("schedules", "delete", "weekly", "--yes")

    assert made.stdout.startswith("weekly runs next 20"), made.stderr
    assert "0 6 * * 1 Europe/Berlin" in listed.stdout
    assert paused.stdout == "weekly is paused\n"
    assert "the banks are done by then" in shown.stdout
    assert "by token:admin: holidays" in shown.stdout
    assert len(lines(resumed)[0]["next_runs"]) == 5
    assert ran.stdout.startswith("job weekly:")
    assert deleted.stdout == "weekly is deleted\n"
    assert "there are no schedules" in (await taskcast("schedules")).stdout


async def test_what_is_wrong_with_a_schedule_is_said_in_one_line(taskcast: Run) -> None:
    no_object = await taskcast("schedules", "create", "import", "--every", "15m", "--data", "[1]")
    no_task = await taskcast("schedules", "create", "nobody", "--every", "15m")
    nothing = await taskcast("schedules", "run", "nothing")

    assert (no_object.exit_code, no_object.stderr) == (
        Exit.USAGE,
        'taskcast: --data: give a JSON object such as {"month": "2026-10"}\n',
    )
    assert "no worker has announced a task 'nobody'" in no_task.stderr
    assert "there is no schedule 'nothing'" in nothing.stderr
