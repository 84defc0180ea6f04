"""A job that kills its workers is given up after three of them, is found among the dead letters, and can be sent again."""

from __future__ import annotations

import pytest

from taskcast.states import JobState
from tests.scenarios.system import running_system
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(180)]


async def test_a_job_that_kills_its_workers_is_a_dead_letter_and_can_be_sent_again() -> None:
    with running_system(TASKCAST_TEST_LEASE_S="1") as system:
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
