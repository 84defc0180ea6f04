"""New lives: retries by hand, and what the reconciler puts right."""

from __future__ import annotations

from typing import Any

from taskcast.engine.jobs import Accepted
from tests.taskcast.engine.conftest import Bench, end, new_job


async def _failed(bench: Bench, **fields: Any) -> None:
    await bench.engine.enqueue([new_job("a", **fields)])
    await bench.taken()
    await bench.engine.finish("w1", [end("a", state="failed")])


async def test_retry_gives_a_new_life_whose_attempts_count_on(bench: Bench) -> None:
    await _failed(bench)

    answer = await bench.engine.retry(new_job("a", by="ada", message=b"again"), after_attempt=1)

    assert answer == "accepted"
    queued = (await bench.events("a"))[-1]
    assert (queued.was, queued.state, queued.attempt) == ("failed", "queued", 1)
    assert (queued.data.reason, queued.data.by) == ("retry", "ada")
    (job,) = (await bench.take()).jobs
    assert (job.attempt, job.errors, job.message) == (2, 0, b"again")
    await bench.engine.finish("w1", [end("a", 2)])
    assert (await bench.story("a"))[-3:] == ["queued/1", "started/2", "completed/2"]


async def test_retry_of_an_unfinished_job_is_refused(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])

    assert await bench.engine.retry(new_job("a"), after_attempt=0) == "unfinished"


async def test_retry_of_what_was_retried_meanwhile_is_refused(bench: Bench) -> None:
    await _failed(bench)
    assert await bench.engine.retry(new_job("a"), after_attempt=1) == "accepted"
    assert await bench.engine.retry(new_job("a"), after_attempt=1) == "unfinished"
    await bench.taken()
    await bench.engine.finish("w1", [end("a", 2, "failed")])

    assert await bench.engine.retry(new_job("a"), after_attempt=1) == "changed"
    assert await bench.engine.retry(new_job("a"), after_attempt=2) == "accepted"


async def test_retry_whose_key_is_another_jobs_is_refused(bench: Bench) -> None:
    await _failed(bench, deduplication_key="k")
    await bench.engine.enqueue([new_job("b", deduplication_key="k")])

    assert await bench.engine.retry(new_job("a", deduplication_key="k"), after_attempt=1) == "duplicate"


async def test_retry_can_wait_and_works_without_a_tombstone(bench: Bench) -> None:
    answer = await bench.engine.retry(new_job("old"), after_attempt=4, delay_ms=999_999, was="cancelled")

    assert answer == "accepted"
    assert await bench.story("old") == ["scheduled/4"]
    live = await bench.engine.job("old")
    assert live is not None
    assert (live.state, live.attempt) == ("scheduled", 4)


async def test_retried_job_keeps_the_time_it_was_made(bench: Bench) -> None:
    await _failed(bench)

    await bench.engine.retry(new_job("a", created_at_ms=951_827_696_789), after_attempt=1)

    assert (await bench.events("a"))[-1].data.created_at == "2000-02-29T12:34:56.789Z"


async def test_late_repeat_of_an_end_does_not_end_the_new_life(bench: Bench) -> None:
    await _failed(bench)
    await bench.engine.retry(new_job("a"), after_attempt=1)

    (answer,) = await bench.engine.finish("w1", [end("a", 1, "failed")])

    assert answer.outcome == "already"
    assert await bench.lane() == ["a"]


async def test_forgotten_job_is_made_again_in_its_numbers(bench: Bench) -> None:
    made = await bench.engine.resend(new_job("a", max_attempts=5), attempt=3, errors=2, deliveries=1, was="running")

    assert made
    (event,) = await bench.events("a")
    assert (event.was, event.state, event.data.reason) == ("running", "queued", "reconciled")
    (job,) = (await bench.take()).jobs
    assert (job.attempt, job.errors) == (4, 2)


async def test_forgotten_job_that_waited_waits_again(bench: Bench) -> None:
    assert await bench.engine.resend(new_job("q"), attempt=0, errors=0, deliveries=0, was="queued")
    future = new_job("s", run_at_ms=4_000_000_000_000)
    assert await bench.engine.resend(future, attempt=0, errors=0, deliveries=0, was="scheduled")
    assert await bench.engine.resend(
        new_job("r", run_at_ms=4_000_000_000_000), attempt=1, errors=1, deliveries=0, was="retrying"
    )

    assert await bench.lane() == ["q", "r"]
    assert [await bench.story(job) for job in "qsr"] == [["queued/0"], ["scheduled/0"], ["queued/1"]]


async def test_known_job_is_not_sent_again(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b")])
    await bench.engine.cancel("b")

    assert not await bench.engine.resend(new_job("a"), attempt=0, errors=0, deliveries=0, was="queued")
    assert not await bench.engine.resend(new_job("b"), attempt=0, errors=0, deliveries=0, was="queued")


async def test_forgotten_job_whose_key_is_another_jobs_stands_beside_it(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("b", deduplication_key="k")])

    again = new_job("a", deduplication_key="k")
    assert await bench.engine.resend(again, attempt=1, errors=0, deliveries=0, was="running")

    (answer,) = await bench.engine.enqueue([new_job("c", deduplication_key="k")])
    assert answer == Accepted("c", "duplicate", "b")
    await bench.engine.cancel("a")
    assert await bench.redis.get(bench.names.dedup("k")) == b"b"


async def test_forgotten_job_can_be_ended(bench: Bench) -> None:
    options: dict[str, Any] = {"task": "work", "queue": "default", "user_id": "ada"}
    assert await bench.engine.forget("a", **options, attempt=2, was="running")
    assert await bench.engine.forget("s", **options, attempt=0, was="scheduled")
    assert not await bench.engine.forget("a", **options, attempt=2, was="running")

    (failed,), (cancelled,) = await bench.events("a"), await bench.events("s")
    assert (failed.user, failed.was, failed.state, failed.data.final_reason) == (
        "ada",
        "running",
        "failed",
        "forgotten",
    )
    assert (cancelled.state, cancelled.data.reason) == ("cancelled", "forgotten")
    assert await bench.engine.known(["a"]) == {"a": "tombstone"}


async def test_record_older_than_its_final_row_is_dropped(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("waits"), new_job("later", delay_ms=99_999)])
    await bench.engine.enqueue([new_job("runs", queue="x", deduplication_key="k")])
    await bench.taken(queues=["x"])
    now = (await bench.events())[-1].seq

    assert not await bench.engine.drop("waits", seq=1, state="completed")
    dropped = [await bench.engine.drop(job, seq=now + 1, state="completed") for job in ("waits", "later", "runs", "no")]

    assert dropped == [True, True, True, False]
    assert await bench.engine.known(["waits", "later", "runs"]) == dict.fromkeys(
        ["waits", "later", "runs"], "tombstone"
    )
    assert await bench.lane() == []
    assert await bench.redis.zcard(bench.names.delayed) == 0
    assert (await bench.take(held=[("runs", 1)])).lost == [("runs", 1)]
    assert all((q.running, q.scheduled, q.retrying) == (0, 0, 0) for q in await bench.engine.queues())
