"""Many jobs at once, as their user types it."""

from __future__ import annotations

from core.recorder.recorder import Recorder
from taskcast.cli.gateway import Exit
from tests.core.live.conftest import Work
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
