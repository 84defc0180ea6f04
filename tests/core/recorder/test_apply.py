"""Events in a real database: what is stored, and what must never break a batch."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from core.recorder.apply import Outrun, apply, read_position
from core.secrets import MessageCipher
from core.storage.connection import connection, transaction
from core.storage.jobs import job_detail, job_message
from core.storage.logs import list_logs
from core.storage.pauses import list_pauses
from core.storage.queues import queue_rows
from tests.core.recorder.history import BEGINNING, History, Told

pytestmark = pytest.mark.usefixtures("database")

CIPHER = MessageCipher("a secret for the tests, of some length")


async def record(history: History, size: int = 1000) -> Counter[str]:
    counted: Counter[str] = Counter()
    position = await read_position()
    for batch in history.batches(size):
        position = await apply([batch], position, CIPHER, counted)
    return counted


async def counts() -> dict[str, int]:
    async with connection() as lent:
        rows = await lent.fetch(
            "SELECT status, sum(count)::int AS n FROM job_counts GROUP BY status HAVING sum(count) <> 0"
        )
    return {row["status"]: row["n"] for row in rows}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_a_whole_life_is_stored_however_it_is_cut_into_batches(size: int) -> None:
    history = History()
    history.queued()
    history.started()
    history.progressed(percentage=25)
    history.logged(message="first", context={"row": 1})
    history.retrying()
    history.queued(reason="due")
    history.started(worker="w2")
    history.logged(message="second", level="ERROR", stack_trace="Traceback")
    history.completed(result={"imported": 3})

    counted = await record(history, size)

    job = await job_detail("j")
    assert job
    assert (job["status"], job["attempt"], job["errors"], job["worker"]) == ("completed", 2, 1, "w2")
    assert (job["result"], job["error"], job["stack_trace"]) == ({"imported": 3}, None, None)
    assert job["data"] == {"file": "june.csv"}
    assert [(a["attempt"], a["state"], a["worker"]) for a in job["attempts"]] == [
        (1, "retrying", "w1"),
        (2, "completed", "w2"),
    ]
    assert job["attempts"][0]["error"] == {"type": "OSError", "message": "away", "code": None}
    lines = (await list_logs("j")).items
    assert [(line["attempt"], line["line"], line["level"], line["message"]) for line in lines] == [
        (1, 1, "INFO", "first"),
        (2, 1, "ERROR", "second"),
    ]
    assert counted == {"applied": 9}
    assert await counts() == {"completed": 1}


async def test_a_retry_by_hand_clears_how_the_job_had_ended() -> None:
    history = History()
    history.queued()
    history.started()
    history.failed()
    await record(history)
    history.told.clear()
    history.queued(reason="retry", data={"file": "july.csv"})

    await record(history)

    job = await job_detail("j")
    assert job
    assert (job["status"], job["attempt"], job["errors"], job["data"]) == ("queued", 1, 0, {"file": "july.csv"})
    cleared = ("failed_at", "final_reason", "error", "stack_trace", "duration_ms", "started_at", "worker", "progress")
    assert [job[name] for name in cleared] == [None] * len(cleared)
    assert [a["state"] for a in job["attempts"]] == ["failed"]
    assert await counts() == {"queued": 1}


async def test_the_message_is_kept_encrypted_and_belongs_to_its_job() -> None:
    history = History()
    history.queued("a")
    history.queued("b")
    await apply([history.batch(messages={"a": b'{"task":"x"}'})], 0, CIPHER, Counter())

    stored = await job_message("a")

    assert stored
    assert b"task" not in stored
    assert CIPHER.decrypt("a", stored) == b'{"task":"x"}'
    assert await job_message("b") is None


async def test_a_batch_applied_before_changes_nothing() -> None:
    history = History()
    history.queued()
    history.started()
    await record(history)
    batch = history.batch()
    history.completed()
    position = await apply([history.batch()], await read_position(), None, Counter())

    counted: Counter[str] = Counter()
    assert await apply([batch, history.batch()], position, None, counted) == position

    job = await job_detail("j")
    assert job
    assert (job["status"], len(job["attempts"])) == ("completed", 1)
    assert not counted


async def test_who_is_outrun_writes_nothing() -> None:
    history = History()
    history.queued()

    with pytest.raises(Outrun):
        await apply([history.batch()], 7, None, Counter())

    assert await job_detail("j") is None
    assert await read_position() == 0


EVIL: list[Any] = [
    "a\x00b",
    {"key\x00": ["\x00"]},
    "\ud800",
    "\udc00\ud800 pair",
    "😀 é \u2028",
    float("nan"),
    [float("inf"), -float("inf")],
    10**400,
    1e308,
    -0.0,
    "x" * 300_000,
    [[[[[[1]]]]]],
    {"": None},
    True,
    "{\\u0000}",
]


@pytest.mark.parametrize("evil", EVIL, ids=lambda evil: repr(evil)[:30])
async def test_no_value_breaks_the_record(evil: Any) -> None:
    history = History()
    history.queued(data={"evil": evil}, metadata={"evil": evil}, deduplication_key=str(evil)[:5])
    history.started()
    history.progressed(message=str(evil)[:100])
    history.logged(message=str(evil), context={"evil": evil}, stack_trace=str(evil))
    history.completed(result=evil)
    history.queued("other")

    counted = await record(history)

    job, other = await job_detail("j"), await job_detail("other")
    assert job
    assert job["status"] == "completed"
    assert other
    assert other["status"] == "queued"
    assert "poison" not in counted
    assert len((await list_logs("j")).items) == 1
    assert msgspec.json.encode(job)


async def test_one_poisoned_event_loses_its_data_and_nothing_else() -> None:
    history = History()
    for number in range(30):
        history.queued(f"j{number}")
        history.started(f"j{number}")
        history.completed(f"j{number}", result=number)
    # Nested deeper than any reader takes; and a number that only PostgreSQL finds too large.
    for number, evil in ((14, "[" * 20_000 + "]" * 20_000), (15, "1e999999")):
        told = history.told[number * 3 + 2]
        line = told.line.replace(f'"result":{number}'.encode(), f'"result":{evil}'.encode())
        history.told[number * 3 + 2] = Told(told.seq, line, told.job)
    history.told.insert(20, Told(history.told[20].seq - 1, b"this is no event", None))

    counted = await record(history)

    async with connection() as lent:
        rows = await lent.fetch("SELECT id, status, result::text AS result FROM jobs")
    assert {row["status"] for row in rows} == {"completed"}
    assert {row["id"] for row in rows if row["result"] is None} == {"j14", "j15"}
    assert len(rows) == 30
    assert (counted["poison"], counted["damaged"]) == (2, 1)
    assert await counts() == {"completed": 30}


async def test_numbers_and_texts_beyond_a_column_are_cut() -> None:
    history = History()
    history.queued(max_attempts=10**15, deduplication_key="k" * 1000, timeout_s=1e300, priority=99)
    history.tell(
        "job.started",
        "j",
        {"worker": "w" * 999, "pid": 10**12, "waited_ms": 1e30},
        was="queued",
        state="running",
        attempt=1,
    )
    history.tell("job.logged", "j", {"line": 10**12, "level": "shout", "message": "m", "worker_at": 1e30}, attempt=1)
    history.tell(
        "job.completed", "j", {"duration_ms": 10**18, "result": 1}, was="running", state="completed", attempt=1
    )

    counted = await record(history)

    job = await job_detail("j")
    assert job
    assert (job["status"], job["priority"], len(job["worker"]), job["max_attempts"]) == (
        "completed",
        "NORMAL",
        255,
        2**31 - 1,
    )
    assert (await list_logs("j")).items[0]["level"] == "INFO"
    assert "poison" not in counted


async def test_deleting_removes_row_lines_and_attempts_and_corrects_the_counts() -> None:
    history = History()
    for job in ("a", "b"):
        history.queued(job)
        history.started(job)
        history.logged(job)
        history.completed(job)
    await record(history)
    history.told.clear()
    history.note("deleted", "a", by="ada")

    await record(history)

    async with connection() as lent:
        left = [await lent.fetchval(f"SELECT string_agg({name}, ',') FROM {table}") for name, table in
                (("id", "jobs"), ("job_id", "job_logs"), ("job_id", "job_attempts"))]  # fmt: skip
    assert left == ["b", "b", "b"]
    assert await counts() == {"completed": 1}


async def test_the_same_id_after_a_deletion_is_a_new_job() -> None:
    history = History()
    history.queued(type="x")
    history.started()
    history.logged(message="old")
    history.completed()
    await record(history)
    history.told.clear()
    history.note("deleted", by="ada")
    history.states.clear()
    history.attempts.clear()
    history.lines.clear()
    history.queued()
    history.started()
    history.logged(message="new")

    await record(history)

    job = await job_detail("j")
    assert job
    assert (job["status"], job["attempt"], job["result"], len(job["attempts"])) == ("running", 1, None, 1)
    assert [line["message"] for line in (await list_logs("j")).items] == ["new"]
    assert await counts() == {"running": 1}


async def test_counts_agree_with_the_table_after_a_random_history() -> None:
    import random

    history = History()
    history.live(600, 25, random.Random(5))

    await record(history, 37)

    async with connection() as lent:
        truth = await lent.fetch("SELECT status, count(*)::int AS n FROM jobs GROUP BY status")
        attempts = await lent.fetchval("SELECT count(*) FROM job_attempts WHERE state = 'running'")
        running = await lent.fetchval("SELECT count(*) FROM jobs WHERE status = 'running'")
        minutes = await lent.fetchrow(
            "SELECT sum(completed) AS c, sum(failed) AS f, sum(cancelled) AS x FROM job_minutes"
        )
        hours = await lent.fetchrow("SELECT sum(completed) AS c, sum(failed) AS f, sum(cancelled) AS x FROM job_hours")
    assert await counts() == {row["status"]: row["n"] for row in truth}
    assert attempts == running
    assert minutes == hours


async def test_a_log_line_told_twice_is_stored_once() -> None:
    history = History()
    history.queued()
    history.started()
    told = history.logged()
    await record(history)
    again = json.loads(told.line) | {"seq": history.seq + 5}
    history.told.clear()
    history.progressed()
    history.told.append(Told(history.seq + 6, json.dumps(again | {"seq": history.seq + 6}).encode(), "j"))

    await record(history)

    assert len((await list_logs("j")).items) == 1


async def test_workers_and_their_tasks_are_known() -> None:
    import time

    from core.storage.tasks import get_task
    from core.storage.workers import list_workers

    history = History(int(time.time() * 1e6))
    info = {
        "worker": "w1",
        "host": "here",
        "pid": 7,
        "queues": ["mail"],
        "slots": 4,
        "busy": ["j"],
        "rss_bytes": 10**12,
    }
    tasks = {"SEND": {"queue": "mail", "max_attempts": 3, "schema": {"type": "object"}}}
    history.tell("worker.started", None, info | {"tasks": tasks})
    history.tell("worker.started", None, info | {"worker": "w2"})
    history.tell("worker.beat", None, info | {"busy": ["k"], "lingering": ["l"]})
    await record(history)
    history.told.clear()
    history.tell("worker.stopped", None, {"worker": "w2", "host": "here", "pid": 7, "lost": True})
    await record(history)

    workers = {worker["id"]: worker for worker in await list_workers()}
    task = await get_task("SEND")

    assert (workers["w1"]["state"], workers["w1"]["busy"], workers["w1"]["queues"]) == ("running", ["k"], ["mail"])
    assert workers["w1"]["lingering"] == ["l"]
    assert (workers["w2"]["state"], workers["w2"]["slots"], workers["w2"]["busy"]) == ("lost", 4, [])
    assert workers["w2"]["stopped_at"]
    assert task
    assert (task["queue"], task["options"]["max_attempts"], task["schema"]) == ("mail", 3, {"type": "object"})


async def test_pauses_of_queues_and_tasks_are_kept_until_they_are_resumed() -> None:
    history = History()
    pause = {"by": "ada", "reason": "broken", "until": "2026-12-01T00:00:00Z"}
    history.tell("queue.paused", None, {"queue": "mail", "task": None, **pause})
    history.tell("queue.paused", None, {"queue": None, "task": "REPORT", "by": None, "reason": None, "until": None})
    await record(history)
    paused = await list_pauses()
    history.told.clear()
    history.tell("queue.resumed", None, {"queue": "mail", "task": None, "by": "ada"})
    history.tell("queue.drained", None, {"queue": "mail", "task": None, "by": "ada", "count": 3})
    await record(history)

    assert set(paused) == {"q:mail", "t:REPORT"}
    mail = paused["q:mail"]
    assert (mail.queue, mail.by, mail.reason) == ("mail", "ada", "broken")
    assert mail.until == datetime(2026, 12, 1, tzinfo=UTC)
    assert (paused["t:REPORT"].queue, paused["t:REPORT"].task) == (None, "REPORT")
    assert set(await list_pauses()) == {"t:REPORT"}
    assert [queue["name"] for queue in await queue_rows([], {}, {})] == ["mail"]


async def test_a_queue_is_observed_while_only_another_broker_s_jobs_come_into_it() -> None:
    history, own = History(), History(BEGINNING + 7200 * 1_000_000)
    history.queued("theirs", observed=True)
    await record(history)
    alone = await queue_rows([], {}, {})
    own.queued("ours")
    await record(own)

    assert [queue["observed"] for queue in alone] == [True]
    assert [queue["observed"] for queue in await queue_rows([], {}, {})] == [False]


async def test_limits_and_deliveries_of_a_job_are_kept_as_accepted() -> None:
    limits = {"concurrency": {"key": "T", "limit": 2}, "rate": {"key": "T", "count": 10, "period_ms": 60000}}
    history = History()
    history.queued("plain")
    history.queued("limited", limits=limits, max_deliveries=5)
    history.started("limited")
    history.completed("limited")

    await record(history)

    plain, limited = await job_detail("plain"), await job_detail("limited")
    assert plain and limited
    assert (plain["limits"], plain["max_deliveries"]) == (None, 3)
    assert (limited["limits"], limited["max_deliveries"]) == (limits, 5)


async def test_a_stuck_job_is_marked_until_it_moves() -> None:
    history = History()
    history.queued()
    history.note("stuck", reason="no_worker")
    await record(history)
    marked = await job_detail("j")
    history.told.clear()
    history.started()
    await record(history)
    moved = await job_detail("j")

    assert marked and moved
    assert (marked["status"], marked["stuck_reason"], bool(marked["stuck_at"])) == ("queued", "no_worker", True)
    assert (moved["status"], moved["stuck_reason"], moved["stuck_at"]) == ("running", None, None)


async def test_the_position_moves_with_the_rows_or_not_at_all() -> None:
    history = History()
    history.queued()
    async with transaction() as lent:
        await lent.execute("ALTER TABLE job_counts RENAME TO somewhere_else")

    with pytest.raises(Exception, match="job_counts"):
        await record(history)

    assert await read_position() == 0
    assert await job_detail("j") is None
    assert history.seq > BEGINNING
