from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from taskcast.client import Client
from tests.scenarios.system import System
from tests.waiting import eventually

LIVE = ".live[data-link=live]"


@pytest.mark.parametrize("part", ["gateway", "dashboard"])
async def test_the_page_says_that_it_reconnects_and_recovers(
    dashboard: Page, system: System, gateway: Client, part: str
) -> None:
    before = system.pids(part)

    system.kill(part)

    await dashboard.wait_for_selector(".live:not([data-link=live])", timeout=15_000)
    await system.restarted(part, before)
    await dashboard.wait_for_selector(LIVE, timeout=40_000)
    await shows_new_jobs(dashboard, gateway)


@pytest.mark.parametrize("part", ["valkey", "postgres"])
async def test_the_page_lives_on_after_a_server_was_killed(
    dashboard: Page, system: System, gateway: Client, part: str
) -> None:
    before = system.pids(part)

    system.kill(part)

    await system.restarted(part, before)
    await shows_new_jobs(dashboard, gateway)


async def shows_new_jobs(page: Page, gateway: Client) -> None:
    async def enqueued() -> str | None:
        try:
            return str((await gateway.enqueue("wait", {"seconds": 60}))["id"])
        except Exception:
            return None

    job = await eventually(enqueued, timeout=40, every=0.5)
    await expect(page.locator(f".jt-row[data-job='{job}'][data-state=running]")).to_be_visible(timeout=40_000)
    await eventually(lambda: _cancelled(gateway, job), timeout=20, every=0.3)
    await expect(page.locator(f".jt-row[data-job='{job}']")).to_have_count(0, timeout=20_000)


async def _cancelled(gateway: Client, job: str) -> bool:
    try:
        if (await gateway.job(job))["status"] == "cancelled":
            return True
        await gateway.cancel(job)
    except Exception:
        return False
    return False
