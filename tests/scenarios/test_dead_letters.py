"""A job that kills its workers is given up after three of them, is found among the dead letters, and can be sent again."""

from __future__ import annotations

from typing import Any

import pytest

from core.messages import new_message
from taskcast.client import Client
from taskcast.engine import new_jobs
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.ids import new_id
from taskcast.states import JobState
from tests.scenarios.system import System, running_system
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(180)]


async def test_a_job_that_kills_its_workers_is_a_dead_letter_and_can_be_sent_again() -> None:
    with running_system(TASKCAST_TEST_LEASE_S="3") as system:
        async with system.client() as client:
            job = (await client.enqueue("poison", {}))["id"]

            async def ended() -> dict[str, object] | None:
                row = await client.job(job)
                return row if JobState(row["status"]).is_final else None

            row = await eventually(ended, timeout=60)
            dead = await client.jobs(final_reason=["worker_lost", "timeout", "unreadable"])
            beside = (await client.enqueue("quick", {"number": 1}))["id"]
            await client.retry(job, after_attempt=3)

            async def all_done() -> bool:
                rows = [await client.job(one) for one in (job, beside)]
                return [row["status"] for row in rows] == ["completed", "completed"]

            await eventually(all_done, timeout=30)
            again = await client.job(job)
            began = [attempt for word, one, attempt, _ in system.ledger() if (word, one) == ("begin", job)]

    assert (row["status"], row["final_reason"], row["attempt"]) == ("failed", "worker_lost", 3)
    assert [item["id"] for item in dead.items] == [job]
    assert (again["attempt"], again["final_reason"]) == (4, None)
    assert began == ["1", "2", "3", "4"]


async def test_messages_that_no_worker_can_read_are_dead_letters_and_the_worker_goes_on(system: System) -> None:
    messages = {
        "garbage": b"\x80\xffgarbage",
        "empty": b"",
        "of another kind": b'{"hello":"world"}',
        "a list": b"[1,2,3]",
        "with a wrong name": new_message("j", "quick", {"number": 1, "nummer": 1}),
        "without its argument": new_message("j", "ledger", {"steps": 1}),
        "oversized": new_message("j", "quick", {"number": 1, "outcome": "x" * 1_100_000}),
    }
    ids = {kind: new_id() for kind in messages}
    async with system.client() as client, Engine.connect(system.redis_url) as engine:
        before = (await client.statistics())["by_status"]["failed"]
        for kind, message in messages.items():
            job = NewJob(id=ids[kind], task="quick", queue="scenario", message=b"{}", max_attempts=3)
            arguments = new_jobs.arguments(job)
            arguments[2] = message  # as a sender that does not check would send it
            await engine._call("enqueue", arguments)

        rows = {kind: await eventually(lambda job=job: _ended(client, job), timeout=30) for kind, job in ids.items()}
        dead = {row["id"] for row in (await client.jobs(final_reason="unreadable", limit=200)).items}
        after = (await client.statistics())["by_status"]["failed"]
        beside = (await client.enqueue("quick", {"number": 1}))["id"]
        done = await eventually(lambda: _ended(client, beside), timeout=30)
        await client.retry(ids["garbage"])
        again = await eventually(lambda: _ended(client, ids["garbage"]), timeout=30)
        await client.retry(ids["without its argument"], arguments={"number": 1})
        mended = await eventually(lambda: _ended(client, ids["without its argument"]), timeout=30)

    ends = {kind: (row["status"], row["final_reason"], row["attempt"]) for kind, row in rows.items()}
    assert ends == dict.fromkeys(messages, ("failed", "unreadable", 1))
    assert all(row["error"]["message"].startswith("the message cannot be read: ") for row in rows.values())
    assert "'nummer'" in rows["with a wrong name"]["error"]["message"]
    assert "'number'" in rows["without its argument"]["error"]["message"]
    assert "1048576" in rows["oversized"]["error"]["message"]
    assert set(ids.values()) <= dead
    assert after - before == len(messages)
    assert done["status"] == "completed"
    assert (again["final_reason"], again["attempt"]) == ("unreadable", 2)
    assert (mended["status"], mended["result"]) == ("completed", {"number": 1})


async def _ended(client: Client, job: str) -> dict[str, Any] | None:
    row = await client.job(job)
    return row if JobState(row["status"]).is_final else None
