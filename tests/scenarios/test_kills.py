"""Any process killed in the middle of 500 jobs: each job ends once, everywhere, and the page goes on."""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.async_api import Page, expect

from taskcast.broker import JobBroker
from tests.scenarios.app import ledger
from tests.scenarios.system import System
from tests.scenarios.test_bursts import ended
from tests.scenarios.witness import Witness
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.browser, pytest.mark.timeout(240)]
JOBS = 500


@pytest.mark.parametrize("victim", ["worker", "recorder", "gateway", "dashboard", "valkey", "postgres"])
async def test_killing_a_process_among_500_jobs_loses_none(system: System, signed_in: Page, victim: str) -> None:
    broker = JobBroker(system.redis_url)
    before = system.pids(victim)
    await signed_in.goto(f"{system.dashboard}/admin/jobs")
    async with system.client() as client, Witness(client) as witness:
        jobs = await broker.enqueue_many(
            ledger, [{"number": n, "steps": 3, "pause_s": 0.05} for n in range(JOBS)], queue="scenario"
        )
        ids = [job.task_id for job in jobs]
        await eventually(
            lambda: sum(word == "end" for word, job, *_ in system.ledger() if job in set(ids)) > 100, timeout=30
        )

        system.kill(victim)

        await system.restarted(victim, before)
        rows = await ended(client, ids)
        await eventually(lambda: all(job in witness.ends for job in ids), timeout=30)
    await broker.shutdown()

    assert Counter(row["status"] for row in rows.values()) == {"completed": JOBS}
    assert Counter(tuple(witness.ends[job].values()) for job in ids) == {("completed",): JOBS}
    finished = Counter(job for word, job, *_ in system.ledger() if word == "end" and job in set(ids))
    assert set(finished) == set(ids)
    if victim in {"recorder", "gateway", "dashboard", "postgres"}:
        assert set(finished.values()) == {1}
    await expect(signed_in.locator(".live[data-link=live]")).to_be_visible(timeout=30_000)
