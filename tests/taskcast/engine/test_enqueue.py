"""Jobs are accepted once, whole, and in order."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ResponseError

from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Accepted
from taskcast.errors import EngineUnavailable, MessageTooLarge
from tests.taskcast.engine.conftest import Bench, end, new_job


async def test_accepted_job_waits_in_its_lane_and_is_told(bench: Bench) -> None:
    answers = await bench.engine.enqueue([new_job("a", queue="imports", priority=3, user_id="ada", by="ada")])

    assert answers == [Accepted("a", "accepted", "a")]
    assert await bench.lane("imports", 3) == ["a"]
    (event,) = await bench.events("a")
    assert (event.task, event.queue, event.user, event.attempt) == ("work", "imports", "ada", 0)
    assert (event.was, event.state) == (None, "queued")
    assert (event.data.reason, event.data.by, event.data.priority) == ("enqueued", "ada", 3)
    assert event.data.data == {"name": "a"}
    assert event.data.created_at.endswith("Z")
    assert event.at == event.seq // 1000


async def test_message_travels_in_the_stream_alone(bench: Bench) -> None:
    channel = bench.redis.pubsub()
    await channel.subscribe(bench.names.live)
    await channel.get_message(timeout=5)

    await bench.engine.enqueue([new_job("a", message=b"the secret"), new_job("b", message=b"kept", keep_message=False)])

    ((_, fields),) = await bench.redis.xrange(bench.names.events)
    assert fields[b"m:a"] == b"the secret"
    assert b"m:b" not in fields
    told = await channel.get_message(timeout=5)
    assert told is not None
    assert b"the secret" not in told["data"]
    await channel.aclose()


async def test_same_id_twice_in_one_batch_is_one_job(bench: Bench) -> None:
    answers = await bench.engine.enqueue([new_job("a"), new_job("a")])

    assert [answer.outcome for answer in answers] == ["accepted", "known"]
    assert await bench.story("a") == ["queued/0"]
    assert await bench.lane() == ["a"]


async def test_enqueue_repeated_after_the_end_makes_no_second_job(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    await bench.take()
    await bench.engine.finish("w1", [end("a")])

    (answer,) = await bench.engine.enqueue([new_job("a")])

    assert answer == Accepted("a", "known", "a")
    assert await bench.story("a") == ["queued/0", "started/1", "completed/1"]
    assert await bench.lane() == []


async def test_delayed_job_is_scheduled_and_becomes_due(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", delay_ms=3_600_000)])

    assert await bench.engine.promote() != (0, None)
    assert await bench.taken() == []
    await bench.due("a")
    assert await bench.engine.promote() == (1, None)
    assert await bench.taken() == [("a", 1)]
    assert await bench.story("a") == ["scheduled/0", "queued/0", "started/1"]


async def test_take_promotes_what_is_due(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", delay_ms=3_600_000), new_job("b", run_at_ms=4_000_000_000_000)])
    await bench.due("a")

    take = await bench.take()

    assert [job.job for job in take.jobs] == ["a"]
    assert take.next_due_ms is not None
    assert take.next_due_ms > 3_600_000
    assert await bench.story("a") == ["scheduled/0", "queued/0", "started/1"]


async def test_time_in_the_past_is_now(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", run_at_ms=1_000), new_job("b", delay_ms=0)])

    assert await bench.lane() == ["a", "b"]
    (event,) = await bench.events("a")
    assert event.data.run_at == "1970-01-01T00:00:01.000Z"


async def test_deduplication_key_is_held_by_an_unfinished_job(bench: Bench) -> None:
    first, second = await bench.engine.enqueue(
        [new_job("a", deduplication_key="k"), new_job("b", deduplication_key="k", by="bob")]
    )
    again = await bench.engine.enqueue([new_job("b", deduplication_key="k"), new_job("c", deduplication_key="k")])

    assert first.outcome == "accepted"
    assert second == Accepted("b", "duplicate", "a")
    assert [answer.stands for answer in again] == ["a", "a"]
    assert await bench.story("a") == ["queued/0", "deduplicated/0", "deduplicated/0"]
    assert await bench.events("b") == []


async def test_deduplication_key_is_free_after_the_end(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a", deduplication_key="k")])
    await bench.take()
    await bench.engine.finish("w1", [end("a", state="failed")])

    (answer,) = await bench.engine.enqueue([new_job("b", deduplication_key="k")])

    assert answer.outcome == "accepted"
    await bench.engine.cancel("b")
    assert await bench.redis.get(bench.names.dedup("k")) is None


async def test_bell_rings_for_a_lane_that_was_empty(bench: Bench) -> None:
    channel = bench.redis.pubsub()
    await channel.subscribe(bench.names.bell)
    await channel.get_message(timeout=5)

    await bench.engine.enqueue([new_job("a", queue="q"), new_job("b", queue="q")])
    await bench.engine.enqueue([new_job("c", queue="q")])
    await bench.engine.enqueue([new_job("d", queue="other")])

    rung = [await channel.get_message(timeout=5) for _ in range(2)]
    assert [message["data"] for message in rung if message] == [b"q", b"other"]
    await channel.aclose()


async def test_large_batch_is_accepted_in_order(bench: Bench) -> None:
    jobs = [new_job(f"j{i:04}") for i in range(1000)]

    answers = await bench.engine.enqueue(jobs)

    assert {answer.outcome for answer in answers} == {"accepted"}
    assert await bench.lane() == [job.id for job in jobs]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"id": "a b"}, "id"),
        ({"id": ""}, "id"),
        ({"queue": "a:b"}, "queue"),
        ({"priority": 9}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_deliveries": 0}, "max_deliveries"),
    ],
)
async def test_wrong_field_is_named_and_nothing_is_sent(bench: Bench, fields: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=rf"^{word}:"):
        await bench.engine.enqueue([new_job("good"), new_job(**({"job": "x"} | {"id": "x"} | fields))])  # type: ignore[arg-type]

    assert await bench.engine.job("good") is None


async def test_time_out_of_the_calendar_is_refused(bench: Bench) -> None:
    for run_at_ms in (-62_135_596_800_000, 253_402_300_799_999):
        with pytest.raises(ValueError, match="run_at_ms"):
            await bench.engine.enqueue([new_job("a", run_at_ms=run_at_ms)])


async def test_message_over_one_mebibyte_is_refused(bench: Bench) -> None:
    with pytest.raises(MessageTooLarge, match="'work'"):
        await bench.engine.enqueue([new_job("a", message=b"x" * (1024 * 1024 + 1))])


async def test_text_of_any_kind_survives(bench: Bench) -> None:
    odd = 'quote " backslash \\ newline \n null \x00 snowman \u2603 \U0001f600 percent %s </script>'

    await bench.engine.enqueue([new_job("a", data={odd: odd}, user_id=odd, task=odd, metadata={"k": odd})])
    await bench.taken()

    queued, started = await bench.events("a")
    assert (queued.data.data, queued.user, queued.task) == ({odd: odd}, odd, odd)
    assert started.user == odd


async def test_lone_jobs_sent_at_once_share_round_trips(bench: Bench) -> None:
    calls = (await bench.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]

    answers = await asyncio.gather(*(bench.engine.enqueue([new_job(f"j{number}")]) for number in range(100)))

    assert [answer[0].outcome for answer in answers] == ["accepted"] * 100
    assert await bench.lane() == [f"j{number}" for number in range(100)]
    assert (await bench.redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - calls <= 4


async def test_job_that_cannot_be_sent_fails_alone_among_those_sent_at_once(bench: Bench) -> None:
    await bench.redis.set(bench.names.lane("broken", 2), "no list")
    jobs = [new_job(f"j{number}", queue="broken" if number == 5 else "default") for number in range(10)]

    answers = await asyncio.gather(*(bench.engine.enqueue([job]) for job in jobs), return_exceptions=True)

    assert isinstance(answers.pop(5), ResponseError)
    assert [answer[0].outcome for answer in answers if not isinstance(answer, BaseException)] == ["accepted"] * 9


async def test_caller_that_was_cancelled_while_it_waited_sends_nothing(bench: Bench) -> None:
    tasks = [asyncio.create_task(bench.engine.enqueue([new_job(f"j{number}")])) for number in range(3)]
    await asyncio.sleep(0)

    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert await bench.lane() == ["j0", "j2"]


async def test_lone_jobs_at_once_are_told_of_a_server_that_is_away() -> None:
    async with Engine.connect("redis://127.0.0.1:1/0") as engine:
        answers = await asyncio.gather(
            *(engine.enqueue([new_job(f"j{number}")], deadline_s=0.2) for number in range(5)), return_exceptions=True
        )

    assert [type(answer) for answer in answers] == [EngineUnavailable] * 5
