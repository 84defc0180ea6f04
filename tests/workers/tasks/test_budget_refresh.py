from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from core.storage.connection import connection, transaction
from core.storage.files import FileStore
from tests.workers.conftest import ToldJob, cancelled_at, held, rows, stopped_when
from workers.finance import ledger
from workers.finance.budgets import BudgetUnknown
from workers.finance.periods import Period, PeriodWrong
from workers.household.books import write_books
from workers.tasks.budget_refresh import budget_refresh

PERIODS = """SELECT budget_id, first_day, last_day, allotted, carried, spent, available, projected, transactions
             FROM budget_periods ORDER BY 1, 2"""


async def refresh(**arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = await budget_refresh(job=ToldJob(), **arguments)
    return result


@pytest.fixture
async def books(store: FileStore, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.tasks.budget_refresh.today", lambda: date(2026, 11, 24))
    await write_books(store, until=date(2026, 11, 24), months=4)


async def a_budget(*, amount: str, category: str = "food", parent: Any = None, **options: Any) -> tuple[Any, Any]:
    """Make a category and a budget on it; return their ids."""
    category_id, budget_id = uuid4(), uuid4()
    values = {"period": "month", "starts_on": date(2024, 1, 1), "carry_over": False, "user_id": ""} | options
    async with connection() as lent:
        await lent.execute(
            "INSERT INTO categories (id, key, name, kind, parent_id, created_at) VALUES ($1, $2, $2, 'expense', $3, now())",
            category_id, category, parent,
        )  # fmt: skip
        await lent.execute(
            """INSERT INTO budgets (id, category_id, user_id, amount, currency, period, starts_on, carry_over, created_at)
               VALUES ($1, $2, $3, $4, 'EUR', $5, $6, $7, now())""",
            budget_id, category_id, values["user_id"], Decimal(amount), values["period"], values["starts_on"],
            values["carry_over"],
        )  # fmt: skip
    return category_id, budget_id


async def spend(category_id: Any, day: date, amount: str, *, user_id: str = "ada@example.com") -> None:
    async with connection() as lent:
        account_id = await lent.fetchval(
            """INSERT INTO accounts (id, identity, currency, name, user_id, created_at)
               VALUES (gen_random_uuid(), $1, 'EUR', $1, $1, now())
               ON CONFLICT (identity, currency) DO UPDATE SET name = excluded.name RETURNING id""",
            user_id,
        )
        await lent.execute(
            """INSERT INTO transactions (account_id, statement_id, line, booked_on, amount, currency, fingerprint, category_id,
                                         text, counterparty, counterparty_account, reference, bank_category, source, pending,
                                         created_at)
               VALUES ($1, gen_random_uuid(), 1, $2, $3, 'EUR', $4, $5, '', '', '', '', '', 'statement', false, now())""",
            account_id, day, -Decimal(amount), uuid4().hex, category_id,
        )  # fmt: skip


async def test_the_sample_budgets_are_refreshed_without_arguments(books: None) -> None:
    job = ToldJob()

    result = await budget_refresh(job=job)

    assert len(result["budgets"]) == 12
    assert {line["currency"] for line in result["budgets"]} == {"EUR", "GBP", "CHF", "USD", "JPY"}
    assert len({percentage for percentage, _ in job.moves}) >= 10
    assert job.moves[-1][0] == 100


async def test_what_a_category_and_those_below_it_spent_is_added_up(database: str) -> None:
    parent, _ = await a_budget(amount="100")
    async with connection() as lent:
        child = await lent.fetchval(
            """INSERT INTO categories (id, key, name, kind, parent_id, created_at)
               VALUES (gen_random_uuid(), 'bread', 'Bread', 'expense', $1, now()) RETURNING id""",
            parent,
        )
    await spend(parent, date(2024, 5, 2), "30.00")
    await spend(child, date(2024, 5, 31), "12.50")
    await spend(child, date(2024, 6, 1), "99.00")

    [line] = (await refresh(month="2024-05"))["budgets"]

    assert (line["spent"], line["left"], line["projected"]) == ("42.50", "57.50", "42.50")


async def test_what_is_left_and_what_is_overspent_go_into_the_next_month(database: str) -> None:
    category, _ = await a_budget(amount="100", carry_over=True)
    await spend(category, date(2024, 1, 10), "40")
    await spend(category, date(2024, 2, 10), "190")

    [line] = (await refresh(month="2024-03"))["budgets"]

    assert line["left"] == "70.00"
    found = await rows("SELECT first_day, carried, available FROM budget_periods ORDER BY 1")
    assert found == [
        (date(2024, 1, 1), Decimal(0), Decimal(60)),
        (date(2024, 2, 1), Decimal(60), Decimal(-30)),
        (date(2024, 3, 1), Decimal(-30), Decimal(70)),
    ]


async def test_a_correction_of_an_old_booking_comes_through(database: str) -> None:
    category, _ = await a_budget(amount="100", carry_over=True)
    await spend(category, date(2024, 1, 10), "40")
    await refresh(month="2024-02")
    await spend(category, date(2024, 1, 11), "10")

    [line] = (await refresh(month="2024-02"))["budgets"]

    assert line["left"] == "150.00"


async def test_a_quarter_and_a_persons_budget_count_what_is_theirs(database: str) -> None:
    category, _ = await a_budget(amount="100", period="quarter", user_id="ben@example.com")
    await spend(category, date(2024, 4, 1), "10", user_id="ben@example.com")
    await spend(category, date(2024, 6, 30), "5", user_id="ben@example.com")
    await spend(category, date(2024, 5, 1), "70", user_id="ada@example.com")

    [line] = (await refresh(month="2024-06"))["budgets"]

    assert (line["period"], line["spent"]) == ("2024-Q2", "15.00")


async def test_bookings_that_no_ledger_can_hold_spoil_their_own_budget_alone(database: str) -> None:
    absurd, _ = await a_budget(amount="10")
    other, _ = await a_budget(amount="10", category="fuel")
    for _ in range(2):
        await spend(absurd, date(2024, 4, 1), "9999999999999999.99")
    await spend(other, date(2024, 4, 1), "4")
    job = ToldJob()

    result = await budget_refresh(month="2024-04", job=job)

    assert [(line["category"], line["left"]) for line in result["budgets"]] == [("fuel", "6.00")]
    assert any(level == "ERROR" and "food: its bookings come to more" in line for level, line in job.lines)


async def test_who_overspends_is_told_once(database: str) -> None:
    category, _ = await a_budget(amount="10", user_id="ada@example.com")
    await spend(category, date(2024, 4, 1), "10.01")

    first, second = await refresh(month="2024-04"), await refresh(month="2024-04")

    assert (first["notices"], second["notices"], first["budgets"][0]["state"]) == (1, 0, "over")
    assert await rows("SELECT user_id, kind FROM notifications") == [("ada@example.com", "budget")]


async def test_this_month_is_projected_at_its_pace(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.tasks.budget_refresh.today", lambda: date(2024, 4, 10))
    category, _ = await a_budget(amount="100")
    await spend(category, date(2024, 4, 9), "50")
    await spend(category, date(2024, 4, 20), "50")

    [line] = (await refresh())["budgets"]

    assert (line["spent"], line["projected"], line["state"]) == ("50.00", "150.00", "tight")


async def test_killed_in_the_middle_and_run_again_the_periods_are_those_of_one_run(
    books: None, killed: Callable[..., Awaitable[None]]
) -> None:
    await refresh(month="2026-10")  # over on any day on which this runs, also for the processes
    expected = await rows(PERIODS)
    async with connection() as lent:
        await lent.execute("TRUNCATE budget_periods")

    await killed("BUDGET_REFRESH", at=[1, 6, 13, 0], month="2026-10")
    await refresh(month="2026-10")

    assert await rows(PERIODS) == expected


async def test_a_cancel_leaves_no_budget_half_refreshed(books: None) -> None:
    job = ToldJob()

    await cancelled_at(5, job, budget_refresh(job=job))
    async with held("budget_periods") as waited_for:
        await stopped_when(waited_for, budget_refresh(job=ToldJob()))

    assert await rows(PERIODS) == []


async def test_two_at_once_leave_what_one_leaves_and_the_one_that_waits_can_be_cancelled(books: None) -> None:
    await refresh()
    expected = await rows(PERIODS)
    await rows("DELETE FROM budget_periods")

    results = await asyncio.gather(*(refresh() for _ in range(3)))
    async with transaction() as other:
        assert await ledger.lock(other, "budgets")
        job = ToldJob()
        await stopped_when(lambda: job.lines, budget_refresh(job=job))

    assert [result["budgets"] for result in results] == [results[0]["budgets"]] * 3
    assert await rows(PERIODS) == expected
    assert job.lines == [("INFO", "waits for another job of this kind to end")]


@pytest.mark.parametrize("month", ["2026-13", "2026-Q3", "2026", "November", "'; DROP TABLE budgets"])
async def test_a_wrong_month_names_the_field_and_what_to_write(database: str, month: str) -> None:
    with pytest.raises(PeriodWrong, match=r"^month: .*2026-11"):
        await refresh(month=month)


async def test_an_unknown_budget_is_told_with_those_there_are(database: str) -> None:
    await a_budget(amount="10")

    with pytest.raises(BudgetUnknown, match=r"budgets: there is no budget 'fuel'.*food"):
        await refresh(budgets=["fuel"])


@pytest.mark.parametrize(
    ("written", "first", "last", "name"),
    [
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "February 2024"),
        ("2026-q4", date(2026, 10, 1), date(2026, 12, 31), "Q4 2026"),
        ("2025", date(2025, 1, 1), date(2025, 12, 31), "2025"),
    ],
)
def test_a_period_has_its_days_and_its_name(written: str, first: date, last: date, name: str) -> None:
    period = Period.of(written)

    assert (period.first, period.last, period.name) == (first, last, name)
    assert Period.of(str(period)) == period
    assert period.moved(1).first == date.fromordinal(last.toordinal() + 1)
    assert period.moved(-1).last == date.fromordinal(first.toordinal() - 1)
