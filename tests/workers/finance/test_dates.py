from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.finance.dates import DateError, DateForm, DateOrder, read_date


def order_of(*cells: str, currency: str | None = None) -> DateForm:
    column = DateOrder()
    for cell in cells:
        column.look(cell)
    return column.decide(currency)


def test_a_day_over_12_anywhere_in_the_column_decides() -> None:
    assert order_of("01/02/2024", "13/02/2024") == DateForm("dmy")
    assert order_of("01/02/2024", "02/13/2024") == DateForm("mdy")
    assert order_of("2024-02-01", "2024-03-02") == DateForm("ymd")
    assert order_of("20240201") == DateForm("ymd")


def test_the_reading_in_which_the_column_is_sorted_decides() -> None:
    assert order_of("11/01/2024", "12/01/2024", "01/02/2024", "02/02/2024") == DateForm("dmy")
    assert order_of("01/11/2024", "01/12/2024", "02/01/2024", "02/02/2024") == DateForm("mdy")
    assert order_of("02/02/2024", "01/02/2024", "12/01/2024", "11/01/2024") == DateForm("dmy")


def test_the_reading_that_spans_much_less_time_is_a_guess() -> None:
    assert order_of("01/03/2024", "02/03/2024", "03/03/2024") == DateForm("dmy", guessed=True)
    assert order_of("03/01/2024", "03/02/2024", "03/03/2024") == DateForm("mdy", guessed=True)


def test_a_short_year_that_comes_first_is_told_by_its_staying() -> None:
    assert order_of("24-01-13", "24-01-15", "24-02-01") == DateForm("ymd", guessed=True)
    assert order_of("13-01-24", "15-01-24", "01-02-24") == DateForm("dmy")
    assert order_of("15.12.22", "15.12.23", "15.12.24") == DateForm("dmy")
    assert read_date("24-01-13", "ymd") == date(2024, 1, 13)


def test_what_nothing_decides_is_day_first_but_for_slashes_in_dollars() -> None:
    assert order_of("01/02/2024") == DateForm("dmy", guessed=True)
    assert order_of("01/02/2024", currency="USD") == DateForm("mdy", guessed=True)
    assert order_of("01.02.2024") == DateForm("dmy")
    assert order_of() == DateForm("dmy")


@pytest.mark.parametrize(
    ("cell", "order", "day"),
    [
        ("31.12.2024", "dmy", date(2024, 12, 31)),
        ("1.2.24", "dmy", date(2024, 2, 1)),
        ("31/12/99", "dmy", date(1999, 12, 31)),
        ("12/31/2024", "mdy", date(2024, 12, 31)),
        ("2024-12-31", "mdy", date(2024, 12, 31)),
        ("2024-12-31 23:59:59", "ymd", date(2024, 12, 31)),
        ("2024-12-31T23:59:59.123Z", "ymd", date(2024, 12, 31)),
        ("12/31/2024 11:59 PM", "mdy", date(2024, 12, 31)),
        ("20241231", "dmy", date(2024, 12, 31)),
        ("31 Dec 2024", "dmy", date(2024, 12, 31)),
        ("31-Dez-24", "dmy", date(2024, 12, 31)),
        ("31 décembre 2024", "dmy", date(2024, 12, 31)),
        ("1. März 2024", "dmy", date(2024, 3, 1)),
        ("12 août 2024", "dmy", date(2024, 8, 12)),
        ("3 juin 2024", "dmy", date(2024, 6, 3)),
        ("3 juil. 2024", "dmy", date(2024, 7, 3)),
        ("15 ene 2024", "dmy", date(2024, 1, 15)),
        ("15 mei 2024", "dmy", date(2024, 5, 15)),
        ("15 giugno 2024", "dmy", date(2024, 6, 15)),
        ("Dec 31, 2024", "mdy", date(2024, 12, 31)),
        ("Sat, 13 Jan 2024", "dmy", date(2024, 1, 13)),
        ("1er juillet 2024", "dmy", date(2024, 7, 1)),
        ("15 de septiembre de 2024", "dmy", date(2024, 9, 15)),
        ("13/fev/2024", "dmy", date(2024, 2, 13)),
        ("15 października 2024", "dmy", date(2024, 10, 15)),
        ("13 maj 2024", "dmy", date(2024, 5, 13)),
        ("15 мая 2024", "dmy", date(2024, 5, 15)),
        ("2024-Jan-13", "dmy", date(2024, 1, 13)),
        ("2024年1月13日", "dmy", date(2024, 1, 13)),
        ("45304", "serial", date(2024, 1, 13)),
    ],
)
def test_a_date_is_read_as_banks_write_it(cell: str, order: str, day: date) -> None:
    assert read_date(cell, order) == day


@pytest.mark.parametrize(
    "cell", ["", "soon", "30.02.2024", "32.01.2024", "00.00.0000", "1.1.1850", "31 Foo 2024", "12", "1.2", "45304"]
)
def test_what_is_no_date_is_refused(cell: str) -> None:
    with pytest.raises(DateError):
        read_date(cell, "dmy")


@given(
    first=st.dates(date(1990, 1, 1), date(2068, 1, 1)),
    days=st.integers(45, 400),
    form=st.sampled_from([("dmy", "%d.%m.%Y"), ("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y"), ("ymd", "%Y-%m-%d")]),
)
def test_a_column_of_a_month_and_a_half_is_read_back(first: date, days: int, form: tuple[str, str]) -> None:
    order, pattern = form
    column = [first + timedelta(days=day) for day in range(days)]

    found = order_of(*(day.strftime(pattern) for day in column))

    assert found.order == order
    assert [read_date(day.strftime(pattern), found.order) for day in column] == column
