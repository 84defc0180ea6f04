from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.finance.amounts import AmountError, DecimalMark, read_amount
from workers.finance.currencies import currency_in, decimals_of


def mark_of(*cells: str, currency: str | None = None) -> str:
    column = DecimalMark()
    for cell in cells:
        column.look(cell)
    return column.decide(currency)


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1,50"], ","),
        (["1.50"], "."),
        (["1.234,56", "1.000"], ","),
        (["1,234.56", "1,000"], "."),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["1.000", "2.500", "12,5"], ","),
        (["0.500"], "."),
        (["1.000", "2.000", "50"], ","),
        (["1,000", "2,000", "-7 EUR"], "."),
        (["1.000", "2.001"], ","),
        (["10,000", "1000,000"], ","),
        (["12", "13"], "."),
        (["-3,20 EUR", "+1.000,00 EUR"], ","),
    ],
)
def test_the_decimal_mark_is_decided_by_the_whole_column(cells: list[str], mark: str) -> None:
    assert mark_of(*cells) == mark


def test_three_digits_are_decimals_in_a_currency_that_has_three_and_thousands_in_one_that_has_none() -> None:
    assert mark_of("1.250", "17.500", currency="KWD") == "."
    assert mark_of("1.250", "17.500", currency="JPY") == ","


def test_three_digits_that_end_with_a_nought_are_not_guessed() -> None:
    with pytest.raises(AmountError, match=r"may be 1230 or 1\.23"):
        mark_of("29.000", "12.900", currency="CHF")


@pytest.mark.parametrize(
    ("cell", "mark", "amount"),
    [
        ("1.234,56", ",", "1234.56"),
        ("-1.234,56", ",", "-1234.56"),
        ("1.234,56-", ",", "-1234.56"),
        ("(1,234.56)", ".", "-1234.56"),
        ("1'234.50", ".", "1234.50"),
        ("1’234.50", ".", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("1\u202f234,50 €", ",", "1234.50"),
        ("\u22123,20", ",", "-3.20"),
        ("€ -12.50", ".", "-12.50"),
        ("-$1,004.50", ".", "-1004.50"),
        ("EUR 12,5", ",", "12.5"),
        ("12.50DR", ".", "-12.50"),
        ("12.50 CR", ".", "12.50"),
        ("12,50 H", ",", "12.50"),
        ("12,50 S", ",", "-12.50"),
        (",50", ",", "0.50"),
        ("+7", ".", "7"),
        ("-0,00", ",", "0"),
        ("1,23,456.70", ".", "123456.70"),
    ],
)
def test_an_amount_is_read_as_banks_write_it(cell: str, mark: str, amount: str) -> None:
    assert read_amount(cell, mark) == Decimal(amount)


@pytest.mark.parametrize(
    ("cell", "mark", "reason"),
    [
        ("", ".", "is empty"),
        ("abc", ".", "no amount"),
        ("1.23", ",", "no number with ','"),
        ("1,23", ".", "no number with '.'"),
        ("12,", ",", "no number"),
        ("--5", ".", "no amount"),
        ("1.5E+05", ".", "shortened by a spreadsheet"),
        ("NaN", ".", "no amount"),
        ("Infinity", ".", "no amount"),
        ("#REF!", ".", "no amount"),
        ("١٢", ".", "no amount"),
        ("9" * 17, ".", "more than 16 digits"),
        ("1.23456", ".", "more than 4 decimals"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason(cell: str, mark: str, reason: str) -> None:
    with pytest.raises(AmountError, match=reason.replace("'", ".").replace("+", ".")):
        read_amount(cell, mark)


def test_an_amount_has_no_more_decimals_than_its_currency() -> None:
    assert read_amount("12.500", ".", "EUR") == Decimal("12.5")
    with pytest.raises(AmountError, match="EUR, which has 2"):
        read_amount("12.345", ".", "EUR")
    with pytest.raises(AmountError, match="JPY, which has 0"):
        read_amount("12.5", ".", "JPY")


@given(
    amount=st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    style=st.sampled_from([(",", "."), (".", ","), (".", "'"), (",", " "), (",", "")]),
)
def test_every_written_amount_is_read_back(amount: Decimal, style: tuple[str, str]) -> None:
    mark, thousands = style
    written = f"{amount:,.2f}".replace(",", "\x00").replace(".", mark).replace("\x00", thousands)

    assert read_amount(written, mark, "EUR") == amount


def test_currencies_are_found_by_code_before_sign() -> None:
    assert currency_in("Betrag (EUR)") == "EUR"
    assert currency_in("Amount $") == "USD"
    assert currency_in("$ (CAD)") == "CAD"
    assert currency_in("EUR or USD") is None
    assert currency_in("nothing") is None
    assert [decimals_of(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]
