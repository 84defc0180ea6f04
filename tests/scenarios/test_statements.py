"""A statement of 20,000 lines goes in by the API and by the dashboard's upload; the bar moves, and the sums agree."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from taskcast.client import Client
from taskcast.errors import GatewayError
from taskcast.states import JobState
from tests.scenarios.system import System
from tests.scenarios.witness import Witness
from tests.waiting import eventually

pytestmark = pytest.mark.scenario
LINES = 20_000


def write_statement(path: Path, *, iban: str, seed: int) -> Decimal:
    """Write a German statement; return the sum of its amounts."""
    rng, total = random.Random(seed), Decimal(0)
    with path.open("w", encoding="cp1252") as file:
        file.write("Konto;Buchungstag;Empfänger;Verwendungszweck;Betrag;Währung\n")
        for number in range(LINES):
            amount = Decimal(rng.randint(-500_000, 500_000) or 1) / 100
            total += amount
            text = f"{amount:.2f}".replace(".", ",")
            file.write(
                f"{iban};{number % 28 + 1:02d}.{number % 12 + 1:02d}.2026;Bäckerei Müller;Beleg {number};{text};EUR\n"
            )
    return total


async def imports(client: Client) -> set[str]:
    return {row["id"] for row in (await client.jobs(type="TRANSACTION_IMPORT", limit=200)).items}


async def ended(client: Client, job: str) -> dict[str, Any]:
    async def row() -> dict[str, Any] | None:
        found = await client.job(job)
        return found if JobState(found["status"]).is_final else None

    return await eventually(row, timeout=60, every=0.2)


async def test_20_000_lines_through_the_api_move_the_bar_and_add_up(system: System, tmp_path: Path) -> None:
    total = write_statement(tmp_path / "june.csv", iban="DE89370400440532013000", seed=1)
    async with system.client() as client, Witness(client) as witness:
        file = await client.upload(tmp_path / "june.csv")
        arguments = {"file": file["id"], "pace_lines_per_s": 8_000}
        job = (await client.enqueue("TRANSACTION_IMPORT", arguments))["id"]
        row = await ended(client, job)
        again = await ended(client, (await client.enqueue("TRANSACTION_IMPORT", {"file": file["id"]}))["id"])

    assert row["status"] == "completed", row["error"]
    assert row["result"]["imported"] == LINES
    assert {currency: Decimal(text) for currency, text in row["result"]["total_amount"].items()} == {"EUR": total}
    assert len(set(witness.progressed[job])) >= 10
    assert witness.progressed[job] == sorted(witness.progressed[job])
    assert (again["result"]["imported"], again["result"]["duplicates"]) == (0, LINES)


@pytest.mark.browser
async def test_20_000_lines_through_the_dashboards_upload_move_the_bar(
    system: System, signed_in: Page, tmp_path: Path
) -> None:
    total = write_statement(tmp_path / "july.csv", iban="DE02120300000000202051", seed=2)
    await signed_in.goto(f"{system.dashboard}/admin/jobs/list")
    async with system.client() as client, Witness(client) as witness:
        before = await imports(client)
        async with signed_in.expect_file_chooser() as chooser:
            await signed_in.get_by_text("Import statement").click()
        await (await chooser.value).set_files(tmp_path / "july.csv")

        async def begun() -> set[str]:
            return await imports(client) - before

        (job,) = await eventually(begun, timeout=30)
        await expect(signed_in.get_by_text("20,000").first).to_be_visible(timeout=30_000)
        row = await ended(client, job)

    assert row["result"]["imported"] == LINES
    assert Decimal(row["result"]["total_amount"]["EUR"]) == total
    assert len(set(witness.progressed[job])) >= 10


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 64, "file"),
        (b"Name,Phone\nAda,1\n", "columns"),
        (b"Date;Amount;Text\n" + b"x" * 3_000_000, "file"),
    ],
    ids=["empty", "binary", "no columns", "one enormous line"],
)
async def test_a_bad_statement_ends_with_an_error_that_names_the_remedy(
    system: System, content: bytes, words: str
) -> None:
    async with system.client() as client:
        try:
            file = await client.upload(content, name="bad.csv")
        except GatewayError as error:
            assert (error.status, words in str(error)) == (422, True)
            return
        row = await ended(client, (await client.enqueue("TRANSACTION_IMPORT", {"file": file["id"]}))["id"])

    assert row["status"] == "failed"
    assert words in row["error"]["message"]
    assert row["errors"] == 1  # no second try where it cannot help


async def test_an_unknown_file_is_said_and_not_tried_again(system: System) -> None:
    async with system.client() as client:
        job = await client.enqueue("TRANSACTION_IMPORT", {"file": "0198c0de-0000-7000-8000-000000000000"})
        row = await ended(client, job["id"])

    assert row["status"] == "failed"
    assert "file" in row["error"]["message"]
