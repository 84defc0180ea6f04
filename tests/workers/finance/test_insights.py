from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from workers.finance.insights.forecast import forecast
from workers.finance.insights.lines import Line
from workers.finance.insights.recurring import find_rises, find_series
from workers.finance.insights.unusual import find_unusual


def line(number: int, day: date, amount: str | Decimal, party: str = "Streamline", category: str | None = None) -> Line:
    return Line(number, day, Decimal(amount), party, "", category)


def monthly(*amounts: str, start: date = date(2026, 1, 7), party: str = "Streamline") -> list[Line]:
    return [
        line(number, start.replace(month=start.month + number) + timedelta(days=number % 3), amount, party)
        for number, amount in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("days", "times", "name"),
    [(7, 5, "weekly"), (14, 4, "fortnightly"), (30, 3, "monthly"), (91, 3, "quarterly"), (365, 2, "yearly")],
)
def test_a_payment_at_an_interval_is_recurring(days: int, times: int, name: str) -> None:
    lines = [line(number, date(2024, 1, 5) + timedelta(days=days * number), "-9.99") for number in range(times)]

    [series] = find_series(lines, lines[-1].booked_on)

    assert series.interval.name == name
    assert series.next_on == lines[-1].booked_on + timedelta(days=days)


def test_purchases_at_random_days_and_amounts_are_not_recurring() -> None:
    rng = Random(1)
    lines = [
        line(number, date(2026, 1, 1) + timedelta(days=rng.randrange(200)), str(-rng.randint(500, 9000) / 100))
        for number in range(60)
    ]

    assert find_series(lines, date(2026, 7, 20)) == []


def test_a_payment_that_has_ended_is_not_recurring_any_more() -> None:
    lines = monthly("-9.99", "-9.99", "-9.99", "-9.99")

    assert len(find_series(lines, date(2026, 5, 10))) == 1
    assert find_series(lines, date(2026, 6, 10)) == []


def test_what_comes_in_and_what_goes_out_with_one_party_are_two_series() -> None:
    lines = monthly("-50", "-50", "-50") + monthly("20", "20", "20")

    assert {series.amount for series in find_series(lines, date(2026, 3, 20))} == {Decimal(-50), Decimal(20)}


def test_a_price_that_went_up_and_stayed_up_is_a_rise() -> None:
    [series] = find_series(monthly("-9.99", "-9.99", "-9.99", "-12.99", "-12.99"), date(2026, 5, 20))

    [rise] = find_rises(series, date(2026, 1, 1))

    assert (rise.before.amount, rise.after.amount) == (Decimal("-9.99"), Decimal("-12.99"))
    assert rise.share == pytest.approx(Decimal("0.3003"), abs=Decimal("0.0001"))
    assert find_rises(series, date(2026, 5, 1)) == []


@pytest.mark.parametrize(
    "amounts", [("-10", "-10", "-12", "-10", "-10"), ("-12", "-12", "-10", "-10"), ("100", "100", "110", "110")]
)
def test_a_dear_month_a_cheaper_price_and_a_rise_of_income_are_none(amounts: tuple[str, ...]) -> None:
    for series in find_series(monthly(*amounts), date(2026, len(amounts), 20)):
        assert find_rises(series, date(2026, 1, 1)) == []


def test_an_amount_far_from_the_usual_stands_out_even_beside_another() -> None:
    rng = Random(3)
    lines = [
        line(number, date(2026, 1, 1) + timedelta(days=number), str(-rng.randint(1800, 4200) / 100), "Grocer")
        for number in range(40)
    ]
    lines += [line(90, date(2026, 2, 20), "-310.00", "Grocer"), line(91, date(2026, 2, 22), "-290.00", "Grocer")]

    found = find_unusual(lines, date(2026, 2, 1), date(2026, 2, 28))

    assert [each.line.id for each in found] == [90, 91]
    assert all(each.score is not None and each.score > 3.5 for each in found)


def test_where_all_amounts_are_the_same_another_one_stands_out_without_a_score() -> None:
    lines = [line(number, date(2026, 1, 1) + timedelta(days=number), "-5.00") for number in range(10)]
    lines += [line(50, date(2026, 1, 20), "-15.00"), line(51, date(2026, 1, 21), "-5.40")]

    [found] = find_unusual(lines, date(2026, 1, 1), date(2026, 1, 31))

    assert (found.line.id, found.score) == (50, None)


def test_a_new_shop_is_compared_with_its_category() -> None:
    lines = [
        line(number, date(2026, 1, 1) + timedelta(days=number), f"-{20 + number}", f"Shop {number % 3}", "Groceries")
        for number in range(20)
    ]
    lines.append(line(99, date(2026, 1, 25), "-900.00", "Delicatessen", "Groceries"))

    [found] = find_unusual(lines, date(2026, 1, 24), date(2026, 1, 31))

    assert (found.line.id, found.among, found.compared) == (99, "Groceries", 20)


def test_the_months_end_is_the_balance_the_recurring_and_the_usual_days() -> None:
    rent = [line(number, date(2026, number, 28), "-500", "Rent") for number in range(1, 6)]
    daily = [line(100 + n, date(2026, 1, 1) + timedelta(days=n), "-10", f"Shop {n}") for n in range(151)]
    [series] = find_series(rent, date(2026, 6, 10))

    seen = forecast(rent + daily, [series], balance=Decimal(2000), as_of=date(2026, 6, 10), last=date(2026, 6, 30))

    assert [(on, each.whom) for on, each in seen.expected] == [(date(2026, 6, 27), "Rent")]
    assert seen.days == 20
    assert abs(seen.at_end - Decimal(1300)) < 10
    assert seen.low <= seen.at_end <= seen.high
