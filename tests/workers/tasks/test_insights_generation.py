from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.storage.connection import connection
from core.storage.files import FileStore
from tests.workers.conftest import ToldJob, Upload, cancelled_at, held, rows, stopped_at, stopped_when
from workers.finance.periods import PeriodWrong
from workers.finance.selection import AccountUnknown
from workers.household.books import write_books
from workers.tasks.insights_generation import insights_generation
from workers.tasks.transaction_import import transaction_import

INSIGHTS = "SELECT id, kind, key, month, title, text, amount, evidence::text FROM insights ORDER BY 1"


@pytest.fixture
async def books(store: FileStore, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.tasks.insights_generation.today", lambda: date(2026, 9, 20))
    await write_books(store, until=date(2026, 9, 20), months=8)


async def test_the_sample_household_is_told_what_recurs_rises_and_stands_out(books: None) -> None:
    job = ToldJob()

    result = await insights_generation(job=job)

    found = await rows("SELECT kind, title, evidence FROM insights")
    titles = [title for _, title, _ in found]
    assert result["insights"]["forecast"] == 8
    assert any(title.startswith("Streamline went up by 13.3%") for title in titles), titles
    assert any("Landlord Ltd" in title and "monthly" in title for title in titles)
    assert result["insights"]["unusual"] >= 1
    assert all(evidence for _, _, evidence in found)
    assert len({percentage for percentage, _ in job.moves}) >= 10
    assert {user for (user,) in await rows("SELECT DISTINCT user_id FROM notifications WHERE kind = 'price_rise'")}


async def test_what_was_found_repeats_neither_the_account_nor_the_amount_beside_it(books: None) -> None:
    result = await insights_generation(job=ToldJob())

    found = {table["title"]: table["rows"] for table in result["tables"]}
    assert set(found) == {"Month's end", "Unusual amounts", "Price rises", "Recurring payments"}
    for row in [row for rows_of_table in found.values() for row in rows_of_table]:
        assert row["account"] not in row["what"]
        assert row["amount"].lstrip("-") not in row["what"]
    assert {row["what"] for row in found["Month's end"]} == {"On 2026-09-30"}
    assert "Landlord Ltd" in {row["what"] for row in found["Recurring payments"]}


async def test_killed_in_the_middle_and_run_again_the_insights_are_those_of_one_run(
    books: None, killed: Callable[..., Awaitable[None]]
) -> None:
    await insights_generation(month="2026-08", job=ToldJob())
    expected = await rows(INSIGHTS)
    notices = await rows("SELECT id, user_id, kind, key FROM notifications ORDER BY 1")
    async with connection() as lent:
        await lent.execute("TRUNCATE insights; DELETE FROM notifications WHERE kind <> 'welcome'")

    await killed("INSIGHTS_GENERATION", at=[2, 14, 24, 0], month="2026-08")
    await insights_generation(month="2026-08", job=ToldJob())

    assert await rows(INSIGHTS) == expected
    assert await rows("SELECT id, user_id, kind, key FROM notifications ORDER BY 1") == notices


async def test_a_cancel_keeps_the_insights_of_before(books: None) -> None:
    await insights_generation(job=ToldJob())
    before, job = await rows(INSIGHTS), ToldJob()
    async with connection() as lent:
        await lent.execute("DELETE FROM transactions WHERE counterparty = 'Streamline'")

    await cancelled_at(20, job, insights_generation(job=job))
    async with held("insights") as waited_for:
        await stopped_when(waited_for, insights_generation(job=ToldJob()))
    await stopped_at("Looking", job := ToldJob(), insights_generation(job=job), number=5)

    assert await rows(INSIGHTS) == before


async def test_what_is_not_true_any_more_goes(books: None) -> None:
    await insights_generation(job=ToldJob())
    async with connection() as lent:
        await lent.execute("DELETE FROM transactions WHERE counterparty = 'Streamline'")

    await insights_generation(job=ToldJob())

    assert await rows("SELECT title FROM insights WHERE title LIKE 'Streamline%'") == []


async def test_a_balance_that_no_ledger_can_hold_hides_nothing_else(
    store: FileStore, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.tasks.insights_generation.today", lambda: date(2026, 9, 20))
    for first, last in ((1, 6), (6, 10)):
        lines = "".join(f"2026-{month:02d}-03;-1900000000000000.00;Absurd\n" for month in range(first, last))
        stored = await upload(f"Date;Amount;Counterparty\n{lines}")
        await transaction_import(stored.id, job=ToldJob(f"import-{first}"), store=store)

    await insights_generation(job=ToldJob())

    assert await rows("SELECT kind, amount FROM insights ORDER BY 1") == [
        ("forecast", None),
        ("recurring", Decimal(-1_900_000_000_000_000)),
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"month": "2026-00"}, PeriodWrong, "month: .*write"),
        ({"month": "2026"}, PeriodWrong, "month: .*write"),
        ({"accounts": ["DE00"]}, AccountUnknown, "accounts: there is no account 'DE00'"),
    ],
)
async def test_bad_input_names_the_field(
    database: str, arguments: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        await insights_generation(job=ToldJob(), **arguments)
