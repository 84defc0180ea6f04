"""Ends: exactly one is accepted, from the owner, with all that was still to be said."""

from __future__ import annotations

import pytest

from taskcast.engine.jobs import Ended, Report, Tombstone
from tests.taskcast.engine.conftest import Bench, end, new_job


async def test_completed_job_leaves_a_tombstone_only(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()

    assert await bench.engine.finish("w1", [end("a")]) == [Ended("done")]

    event = (await bench.events("a"))[-1]
    assert (event.was, event.state, event.data.result, event.data.duration_ms) == ("running", "completed", 42, 5)
    live = await bench.engine.job("a")
    assert live is not None
    assert (live.state, live.tombstone) == (None, Tombstone("completed", 1, event.seq))
    assert 3_500_000 < await bench.redis.pttl(bench.names.tombstone("a")) <= 3_600_000
    assert await bench.engine.known(["a", "b"]) == {"a": "tombstone", "b": None}


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled", "retrying"])
async def test_end_told_twice_is_accepted_once(bench: Bench, state: str) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=5)])
    await bench.taken()

    outcomes = [(await bench.engine.finish("w1", [end("a", state=state)]))[0].outcome for _ in range(2)]

    assert outcomes == ["done", "already"]
    assert await bench.story("a") == ["queued/0", "started/1", f"{state}/1"]


async def test_same_end_twice_in_one_batch_is_accepted_once(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()

    answers = await bench.engine.finish("w1", [end("a"), end("a", 2), end("a")])

    assert [answer.outcome for answer in answers] == ["done", "refused", "already"]
    assert await bench.story("a") == ["queued/0", "started/1", "completed/1"]


async def test_end_of_another_worker_or_attempt_is_refused(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()

    assert await bench.engine.finish("w2", [end("a")]) == [Ended("refused")]
    assert await bench.engine.finish("w1", [end("a", 2)]) == [Ended("refused")]
    assert await bench.engine.finish("w1", [end("unknown")]) == [Ended("refused")]
    assert await bench.story("a") == ["queued/0", "started/1"]


async def test_end_of_a_lost_owner_is_refused_and_the_new_owners_is_accepted(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken("w1")
    await bench.die("w1")
    await bench.reclaim()
    assert await bench.taken("w2") == [("a", 2)]

    assert await bench.engine.finish("w1", [end("a", 1)]) == [Ended("refused")]
    assert await bench.engine.finish("w2", [end("a", 2)]) == [Ended("done")]
    assert await bench.engine.finish("w1", [end("a", 1)]) == [Ended("refused")]
    assert await bench.story("a") == ["queued/0", "started/1", "lost/1", "queued/1", "started/2", "completed/2"]


async def test_end_of_a_lost_owner_is_refused_though_its_attempt_was_the_last(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken("w1")
    await bench.die("w1")
    await bench.reclaim()
    await bench.engine.cancel("a")

    assert await bench.engine.finish("w1", [end("a", 1)]) == [Ended("refused")]


async def test_retrying_job_waits_and_counts_its_errors(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=3)])
    await bench.taken()
    await bench.engine.finish("w1", [end("a", state="retrying", delay_ms=3_600_000)])

    event = (await bench.events("a"))[-1]
    assert (event.data.errors, event.data.max_attempts) == (1, 3)
    assert event.data.run_at > "2026"
    assert await bench.taken() == []
    await bench.due("a")
    (job,) = (await bench.take()).jobs
    assert (job.attempt, job.errors) == (2, 1)
    assert await bench.story("a") == ["queued/0", "started/1", "retrying/1", "queued/1", "started/2"]


async def test_delay_of_a_retry_counts_from_the_end_not_from_the_call(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=3)])
    await bench.taken()

    await bench.engine.finish("w1", [end("a", state="retrying", delay_ms=60_000, ended_ago_ms=59_999)])

    assert (await bench.events("a"))[-1].data.ended_ago_ms == 59_999
    live = await bench.engine.job("a")
    assert live is not None
    assert live.run_at_ms is not None
    assert live.run_at_ms - live.seq // 1000 <= 2


async def test_rest_of_the_buffer_comes_before_the_end_and_once(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    lines = [b'{"line":%d,"level":"INFO","message":"x"}' % i for i in (1, 2, 3)]
    first = Report(job="a", attempt=1, items=[("logged", lines[0]), ("logged", lines[1])], first_line=1)
    await bench.engine.report("w1", [first])

    await bench.engine.finish(
        "w1", [end("a", lines=[("logged", lines[1]), ("logged", lines[2]), ("progressed", b'{"percentage":100}')], first_line=2)]
    )  # fmt: skip

    assert [getattr(event.data, "line", None) for event in await bench.events("a")] == [None, None, 1, 2, 3, None, None]
    assert (await bench.story("a"))[-2:] == ["progressed/1", "completed/1"]


async def test_report_told_twice_writes_its_lines_once(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    lines = [b'{"line":%d,"level":"INFO","message":"x"}' % i for i in (1, 2, 3)]

    for first, upto in ((1, 2), (1, 3), (3, 3)):
        items = [("logged", line) for line in lines[first - 1 : upto]]
        assert await bench.engine.report("w1", [Report(job="a", attempt=1, items=items, first_line=first)]) == [True]  # type: ignore[arg-type]

    assert [event.data.line for event in (await bench.events("a"))[2:]] == [1, 2, 3]


async def test_lines_are_counted_anew_in_each_attempt(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=3)])
    line = b'{"line":1,"level":"INFO","message":"x"}'
    await bench.taken()
    await bench.engine.report("w1", [Report(job="a", attempt=1, items=[("logged", line)])])
    await bench.engine.finish("w1", [end("a", state="retrying")])
    await bench.due("a")
    await bench.taken()

    await bench.engine.report("w1", [Report(job="a", attempt=2, items=[("logged", line)])])

    assert (await bench.story("a"))[-1] == "logged/2"


async def test_report_of_a_lost_attempt_is_refused(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()
    items = [("progressed", b'{"percentage":1}')]

    answers = await bench.engine.report(
        "w1",
        [Report(job=job, attempt=attempt, items=items) for job, attempt in (("a", 2), ("b", 1), ("a", 1))],  # type: ignore[arg-type]
    )

    assert answers == [False, False, True]
    assert await bench.story("a") == ["queued/0", "started/1", "progressed/1"]


async def test_many_reports_and_ends_go_in_several_calls(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(450)])
    await bench.taken(want=450)
    item = ("progressed", b'{"percentage":1}')

    reported = await bench.engine.report("w1", [Report(job=f"j{i}", attempt=1, items=[item] * 3) for i in range(450)])  # type: ignore[list-item]
    ended = await bench.engine.finish("w1", [end(f"j{i}") for i in range(450)])

    assert reported == [True] * 450
    assert ended == [Ended("done")] * 450
    (counts,) = await bench.engine.queues()
    assert (counts.running, sum(counts.waiting.values())) == (0, 0)


async def test_data_over_several_lines_stays_one_event(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.taken()

    await bench.engine.report("w1", [Report(job="a", attempt=1, items=[("progressed", b'{\n"percentage": 5\n}')])])

    assert (await bench.events("a"))[-1].data.percentage == 5


async def test_result_is_kept_by_the_script_that_accepts_the_end(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b")])
    await bench.taken()

    await bench.engine.finish("w1", [end("a", result=b"42", result_key="task-a"), end("b")], result_ttl_s=100)
    await bench.engine.finish("w2", [end("b", result=b"forged", result_key="task-b")])

    key = bench.names.result_prefix() + ":task-a"
    assert await bench.redis.get(key) == b"42"
    assert 0 < await bench.redis.ttl(key) <= 100
    assert await bench.redis.get(bench.names.result_prefix() + ":task-b") is None


async def test_large_results_go_in_several_calls(bench: Bench) -> None:
    await bench.engine.enqueue([new_job(f"j{i}") for i in range(6)])
    await bench.taken()

    ended = await bench.engine.finish(
        "w1", [end(f"j{i}", result=b"x" * 5_000_000, result_key=f"r{i}") for i in range(6)]
    )

    assert ended == [Ended("done")] * 6
    entries = await bench.redis.xrange(bench.names.events)
    assert sum(b"job.completed" in fields[b"e"] for _, fields in entries) == 3


async def test_job_handed_back_for_later_counts_no_error(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", max_attempts=1)])
    await bench.taken()

    await bench.engine.finish("w1", [end("a", state="retrying", delay_ms=3_600_000, counted=False)])

    live = await bench.engine.job("a")
    assert live is not None
    assert (live.state, live.errors, live.attempt) == ("retrying", 0, 1)
