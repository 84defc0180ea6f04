"""Results and errors of every kind show, in the database, over the API and on the page, and break nothing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from taskcast.client import Client
from taskcast.states import JobState
from tests.scenarios.app import RESULTS
from tests.scenarios.system import System
from tests.waiting import eventually

pytestmark = pytest.mark.scenario
ERRORS = {"cause": "the second error", "unprintable": "Unprintable", "exit": "SystemExit"}


async def run(client: Client, kind: str) -> dict[str, Any]:
    """Run the job of this kind to its recorded end."""
    job = (await client.enqueue("kinds", {"kind": kind}))["id"]

    async def ended() -> dict[str, Any] | None:
        row = await client.job(job)
        return row if JobState(row["status"]).is_final else None

    return await eventually(ended, timeout=30, every=0.1)


@pytest.mark.browser
@pytest.mark.timeout(240)
async def test_results_and_errors_of_every_kind_show_and_break_no_page(system: System, signed_in: Page) -> None:
    crashed: list[str] = []
    signed_in.on("pageerror", lambda error: crashed.append(str(error)))
    async with system.client() as client:
        rows = {kind: await run(client, kind) for kind in (*RESULTS, *ERRORS)}

    assert {kind: row["status"] for kind, row in rows.items()} == {
        **dict.fromkeys(RESULTS, "completed"),
        **dict.fromkeys(ERRORS, "failed"),
    }
    for kind, row in rows.items():
        await signed_in.goto(f"{system.dashboard}/admin/jobs/job/{row['id']}")
        shown = signed_in.get_by_text("Completed" if kind in RESULTS else "Failed", exact=True).first
        await expect(shown).to_be_visible(timeout=15_000)
    assert crashed == []
    assert await signed_in.evaluate("window.hacked") is None


async def test_a_result_of_5_mb_is_cut_in_the_row_with_its_size(system: System) -> None:
    async with system.client() as client:
        row = await run(client, "large")

    assert row["result"]["$cut"]["bytes"] == 5_000_002  # with its quotes


async def test_an_error_keeps_its_cause_and_one_that_cannot_speak_keeps_its_name(system: System) -> None:
    async with system.client() as client:
        caused, silent = await run(client, "cause"), await run(client, "unprintable")

    assert caused["error"]["message"] == "the second error"
    assert "the first error" in caused["stack_trace"]
    assert "Unprintable" in silent["error"]["type"]
    assert "class Unprintable" not in silent["error"]["message"]
