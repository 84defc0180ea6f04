from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest

from tests.workers.finance.dialects import BOOKINGS, STATEMENTS
from workers.finance.csv_format import CsvFormat
from workers.finance.csv_reader import CsvReader
from workers.finance.entries import BadLine, Entry, StatementUnreadable

HEAD = "Date;Text;Amount;Currency\n"


class Read:
    def __init__(self, data: bytes | str, **options: Any) -> None:
        self.reader = CsvReader(io.BytesIO(data if isinstance(data, bytes) else data.encode()), **options)
        for _ in self.reader.scan():
            pass
        for _ in self.reader.detect():
            pass
        found = list(self.reader.lines())
        self.entries = [item for item in found if isinstance(item, Entry)]
        self.bad = [item for item in found if isinstance(item, BadLine)]

    @property
    def format(self) -> CsvFormat:
        assert self.reader.format is not None
        return self.reader.format


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_same_bookings_are_read_from_every_dialect(name: str) -> None:
    read = Read(STATEMENTS[name])

    assert read.bad == []
    assert sorted((e.booked_on, e.amount, e.account.currency) for e in read.entries) == BOOKINGS
    assert read.format.notes == []


def test_accounts_are_found_in_columns_above_the_header_or_by_layout() -> None:
    def identities(name: str) -> set[str]:
        return {entry.account.identity for entry in Read(STATEMENTS[name]).entries}

    assert identities("german_savings_bank") == {"DE89370400440532013000"}
    assert identities("german_direct_bank_with_preamble") == {"DE89370400440532013000"}
    assert identities("french_debit_credit") == {"FR1420041010050500013M02606"}
    assert identities("swiss_utf16_tabs") == {"CH9300762011623852957"}
    (unnamed,) = identities("italian")
    assert unnamed.startswith("layout:") and unnamed not in identities("spanish")


def test_texts_parties_and_balances_come_along() -> None:
    first = Read(STATEMENTS["german_savings_bank"]).entries[0]
    assert (first.text, first.counterparty, first.line) == ("KARTENZAHLUNG Brot", "Bäckerei", 2)

    british = Read(STATEMENTS["british_two_columns"]).entries[1]
    assert (british.text, british.balance) == ("SALARY", Decimal("3345.67"))


def test_several_accounts_and_currencies_in_one_file_are_kept_apart() -> None:
    read = Read(
        "Date,Account,Amount,Currency\n2024-01-01,A-1,1.00,EUR\n2024-01-01,A-1,2.00,usd\n2024-01-01,B 2,3.00,EUR\n"
    )

    assert [(e.account.identity, e.account.currency) for e in read.entries] == [
        ("A-1", "EUR"),
        ("A-1", "USD"),
        ("B 2", "EUR"),
    ]


def test_a_bad_line_is_skipped_with_line_field_and_reason_and_the_rest_is_read() -> None:
    read = Read(
        HEAD
        + "2024-01-01;good;1.00;EUR\n"
        + "soon;no date;1.00;EUR\n"
        + "2024-02-30;no day;1.00;EUR\n"
        + "2024-01-04;no amount;;EUR\n"
        + "2024-01-05;words;a lot;EUR\n"
        + "2024-01-06;no currency;1.00;XYZ\n"
        + "2024-01-07;too many;1.00;EUR;more\n"
        + "2024-01-08;cut\n"
        + '2024-01-09;"open;1.00;EUR\n'
        + "2024-01-10;good;2.00;EUR\n"
    )

    assert [entry.line for entry in read.entries] == [2, 11]
    assert [(bad.line, bad.field) for bad in read.bad] == [
        (3, "date"),
        (4, "date"),
        (5, "amount"),
        (6, "amount"),
        (7, "currency"),
        (8, "columns"),
        (9, "columns"),
        (10, "columns"),
    ]
    assert "2 values for 4 columns" in read.bad[6].reason
    assert "is no day of the calendar" in read.bad[1].reason


def test_a_line_that_is_not_booked_is_skipped() -> None:
    read = Read("Date,Amount,Currency,State\n2024-01-01,1.00,EUR,COMPLETED\n2024-01-02,2.00,EUR,PENDING\n")

    assert [entry.amount for entry in read.entries] == [Decimal("1.00")]
    assert read.bad == [BadLine(3, "status", "'PENDING' is not booked")]


def test_blank_lines_repeated_headers_and_footers_are_left_out() -> None:
    read = Read(
        HEAD + "\n2024-01-01;a;1.00;EUR\n;;;\n" + HEAD + "2024-01-02;b;2.00;EUR\n\nTotal;3.00\nEnd of statement\n"
    )

    assert [entry.line for entry in read.entries] == [3, 6]
    assert read.bad == []
    assert read.reader.footer_lines == 2


def test_a_footer_in_the_middle_is_no_footer() -> None:
    read = Read(HEAD + "2024-01-01;a;1.00;EUR\nTotal;1.00\n2024-01-02;b;2.00;EUR\n")

    assert [bad.line for bad in read.bad] == [3]


def test_a_file_cut_off_in_an_amount_does_not_give_a_wrong_one() -> None:
    read = Read(HEAD + "2024-01-01;a;1.00;EUR\n2024-01-02;b;123")

    assert [entry.amount for entry in read.entries] == [Decimal("1.00")]
    assert [bad.line for bad in read.bad] == [3]


def test_reversals_in_a_column_of_debits_add_money() -> None:
    read = Read(
        "Date;Debit;Credit;Currency\n2024-01-01;5.00;;EUR\n2024-01-02;-5.00;;EUR\n2024-01-03;;7.00;EUR\n2024-01-04;1.00;1.00;EUR\n"
    )

    assert [entry.amount for entry in read.entries] == [Decimal("-5.00"), Decimal("5.00"), Decimal("7.00")]
    assert [bad.reason for bad in read.bad] == ["debit and credit both have a value"]


def test_what_was_guessed_is_said() -> None:
    read = Read("Date;Amount\n01/02/2024;1.00\n")

    assert [note.split(":")[0] for note in read.format.notes] == ["date", "currency"]
    assert read.entries[0].account.currency == "EUR"


def test_what_the_caller_knows_is_believed() -> None:
    read = Read(
        "Date;Amount\n01/02/2024;1.00\n", account="DE89 3704 0044 0532 0130 00", currency="CHF", date_order="mdy"
    )

    assert read.entries[0].booked_on.month == 1
    assert (read.entries[0].account.identity, read.entries[0].account.currency) == ("DE89370400440532013000", "CHF")
    assert read.format.notes == []


@pytest.mark.parametrize(
    ("options", "field"), [({"currency": "euro"}, "currency"), ({"date_order": "american"}, "date_order")]
)
def test_a_wrong_argument_is_named(options: dict[str, str], field: str) -> None:
    with pytest.raises(StatementUnreadable) as error:
        Read("Date;Amount\n2024-01-01;1\n", **options)

    assert error.value.field == field


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("hello\nworld\n", "columns"),
        ("Name,Phone\nJohn,555\n", "columns"),
        ("Date;Text\n2024-01-01;a\n", "columns"),
        ("1;2;3\n4;5;6\n", "columns"),
    ],
)
def test_a_text_without_a_header_is_refused_with_an_example(data: str, field: str) -> None:
    with pytest.raises(StatementUnreadable, match="Date;Amount;Description") as error:
        Read(data)

    assert error.value.field == field


def test_a_header_without_bookings_is_a_statement_of_none() -> None:
    assert Read(HEAD).entries == []


def test_hostile_texts_are_texts() -> None:
    texts = [
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "'; DROP TABLE transactions; --",
        "a\x00b",
        "\u202egnp.exe",
        "😀" * 3000,
    ]
    read = Read(HEAD + "".join(f'2024-01-{n:02d};"{text}";1.00;EUR\n' for n, text in enumerate(texts, 1)))

    assert [entry.text for entry in read.entries][:3] == texts[:3]
    assert read.entries[3].text == "ab"
    assert len(read.entries[5].text) <= 2000
