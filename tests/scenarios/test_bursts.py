"""Many short jobs at once and one after another: no wrong state anywhere."""

from __future__ import annotations

import pytest

from taskcast.client import Client
from taskcast.errors import GatewayError
from taskcast.states import JobState
from tests.scenarios.system import System
from tests.scenarios.witness import Witness
from tests.waiting import eventually

pytestmark = pytest.mark.scenario


async def ended(client: Client, ids: list[str]) -> dict[str, dict]:
    """The rows of these jobs when all of them have ended in the database."""
    wanted = set(ids)

    async def all_ended() -> dict[str, dict] | None:
        rows: dict[str, dict] = {}
        cursor = None
        while True:
            try:
                page = await client.jobs(queue="scenario", limit=200, cursor=cursor)
            except GatewayError:
                return None  # away for a moment: a scenario may have killed it
            rows.update({row["id"]: row for row in page.items if row["id"] in wanted})
            cursor = page.next_cursor
            if not cursor or len(rows) == len(wanted):
                break
        over = len(rows) == len(wanted) and all(JobState(row["status"]).is_final for row in rows.values())
        return rows if over else None

    return await eventually(all_ended, timeout=60, every=0.5)


async def test_a_burst_of_300_short_jobs_shows_no_wrong_state(system: System) -> None:
    async with system.client() as client, Witness(client) as witness:
        ids = [
            (await client.enqueue("quick", {"number": n, "outcome": "failed" if n % 10 == 0 else "completed"}))["id"]
            for n in range(300)
        ]
        rows = await ended(client, ids)
        await eventually(lambda: all(job in witness.ends for job in ids), timeout=20)

    expected = {job: "failed" if n % 10 == 0 else "completed" for n, job in enumerate(ids)}
    assert {job: rows[job]["status"] for job in ids} == expected
    assert {job: list(witness.ends[job].values()) for job in ids} == {job: [state] for job, state in expected.items()}


async def test_200_jobs_one_after_another_end_as_their_ledger_says(system: System) -> None:
    async with system.client() as client, Witness(client) as witness:
        ids = []
        for number in range(200):
            job = await client.enqueue("ledger", {"number": number, "steps": 1, "pause_s": 0.001})
            ids.append(job["id"])
            await eventually(lambda job=job: job["id"] in witness.ends, timeout=20)
        rows = await ended(client, ids)

    wrote = [(word, job) for word, job, *_ in system.ledger() if job in set(ids)]
    assert sorted(wrote) == sorted([("begin", job) for job in ids] + [("end", job) for job in ids])
    assert {row["status"] for row in rows.values()} == {"completed"}
    assert all(list(witness.ends[job].values()) == ["completed"] for job in ids)
