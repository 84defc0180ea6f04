"""A short run: every sort of trouble for half a minute, and each job ends once, everywhere, as it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.chaos.__main__ import report
from tests.scenarios.chaos.checker import check
from tests.scenarios.chaos.driver import run_plan
from tests.scenarios.chaos.plan import make_plan

SEED = 1


@pytest.mark.scenario
@pytest.mark.timeout(420)
async def test_no_job_is_lost_or_ends_twice_while_everything_is_killed_stopped_and_cut(tmp_path: Path) -> None:
    plan = make_plan(SEED, jobs=300, seconds=25, troubles=14)

    evidence = await run_plan(plan)

    complaints = check(evidence)
    assert not complaints, report(evidence, complaints, tmp_path)
