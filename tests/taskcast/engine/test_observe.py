"""Jobs of other brokers: whatever order their hooks come in, their story follows the table of moves."""

from __future__ import annotations

import itertools
import json

import pytest

from taskcast.engine.jobs import Report
from taskcast.states import FINAL, MOVES, JobState
from tests.taskcast.engine.conftest import Bench, new_job

HOOKS = [(0, "queued"), (1, "running"), (1, "queued"), (1, "failed"), (2, "running")]
STARTED = json.dumps({"worker": "w1", "host": "here", "pid": 7}).encode()
DONE = b'{"duration_ms":5,"result":42}'
ERROR = json.dumps(
    {"duration_ms": 5, "error": {"type": "ValueError", "message": "no"}, "final_reason": "error"}
).encode()


async def observe(bench: Bench, attempt: int, state: str, job: str = "a") -> bool:
    data = {"running": STARTED, "completed": DONE, "failed": ERROR}.get(state, b"{}")
    return await bench.engine.observe("w1", new_job(job), attempt, state, data)  # type: ignore[arg-type]


async def test_life_of_an_observed_job_is_told(bench: Bench) -> None:
    assert await observe(bench, 0, "queued")
    assert await observe(bench, 1, "running")
    assert await observe(bench, 1, "completed")

    queued, started, completed = await bench.events("a")
    assert (queued.state, started.state, completed.state) == ("queued", "running", "completed")
    assert (queued.data.reason, started.data.worker, completed.data.result) == ("enqueued", "w1", 42)
    assert (queued.data.observed, await bench.story("a")) == (True, ["queued/0", "started/1", "completed/1"])


async def test_hook_that_comes_twice_or_late_is_dropped(bench: Bench) -> None:
    await observe(bench, 1, "running")
    assert not await observe(bench, 1, "running")
    assert not await observe(bench, 0, "queued")
    await observe(bench, 1, "completed")
    assert not await observe(bench, 1, "failed")
    assert not await observe(bench, 1, "running")

    assert await bench.story("a") == ["queued/0", "started/1", "completed/1"]


async def test_end_whose_begin_was_never_heard_is_told_whole(bench: Bench) -> None:
    await observe(bench, 0, "queued")

    assert await observe(bench, 1, "failed")
    assert await observe(bench, 1, "completed", job="b")

    assert await bench.story("a") == ["queued/0", "started/1", "failed/1"]
    assert await bench.story("b") == ["queued/0", "started/1", "completed/1"]


async def test_job_that_is_sent_again_before_its_end_is_told_is_retrying(bench: Bench) -> None:
    await observe(bench, 1, "running")
    await observe(bench, 1, "queued")
    await observe(bench, 1, "failed")
    await observe(bench, 2, "running")
    await observe(bench, 2, "completed")

    assert await bench.story("a") == ["queued/0", "started/1", "retrying/1", "queued/1", "started/2", "completed/2"]


async def test_job_that_is_sent_again_after_its_end_was_told_is_a_retry(bench: Bench) -> None:
    await observe(bench, 1, "failed")
    await observe(bench, 1, "queued")
    await observe(bench, 2, "running")
    assert not await observe(bench, 1, "failed")

    assert await bench.story("a") == ["queued/0", "started/1", "failed/1", "queued/1", "started/2"]
    assert (await bench.events("a"))[3].data.reason == "retry"


@pytest.mark.parametrize("order", list(itertools.permutations(HOOKS)))
async def test_hooks_in_any_order_make_a_story_of_the_table(bench: Bench, order: list[tuple[int, str]]) -> None:
    for attempt, state in order:
        await observe(bench, attempt, state)
    await observe(bench, 2, "completed")

    was = None
    for event in await bench.events("a"):
        assert event.was == was
        assert JobState(str(event.state)) in MOVES[JobState(was) if was else None]
        if was in FINAL:
            assert event.data.reason == "retry"
        was = event.state
    assert was in FINAL


async def test_observed_job_is_nobody_s_to_take_or_to_steer(bench: Bench) -> None:
    await observe(bench, 0, "queued")
    await observe(bench, 1, "running", job="b")

    assert await bench.taken() == []
    assert await bench.engine.cancel("a") == "observed"
    assert await bench.engine.misplaced(["a", "b"]) == []
    assert (await bench.engine.enqueue([new_job("a")]))[0].outcome == "known"
    live = await bench.engine.job("b")
    assert live is not None
    assert (live.observed, live.state, live.worker) == (True, "running", "w1")
    assert await bench.engine.drop("a", seq=2**52, state="completed")
    assert await bench.engine.queues() == []


async def test_engine_s_own_job_cannot_be_observed(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])

    assert not await observe(bench, 1, "running")


async def test_observed_job_reports_progress_and_logs(bench: Bench) -> None:
    await observe(bench, 1, "running")
    item = ("progressed", b'{"percentage":50}')

    assert await bench.engine.report("w1", [Report(job="a", attempt=1, items=[item])]) == [True]  # type: ignore[list-item]

    assert await bench.story("a") == ["queued/0", "started/1", "progressed/1"]
