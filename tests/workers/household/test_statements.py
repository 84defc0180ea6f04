from __future__ import annotations

import io
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from workers.finance.csv_reader import CsvReader
from workers.finance.entries import BadLine, Entry, StatementUnreadable
from workers.household.people import ACCOUNTS, PEOPLE
from workers.household.statements import Kind, SampleStatement, SampleStatements

STATEMENTS = [SampleStatements().statement(number) for number in range(18_000_000, 18_000_130)]


def read(statement: SampleStatement) -> tuple[list[Entry], list[BadLine]]:
    reader = CsvReader(io.BytesIO(statement.contents))
    for _ in reader.scan():
        pass
    for _ in reader.detect():
        pass
    found = list(reader.lines())
    return [i for i in found if isinstance(i, Entry)], [i for i in found if isinstance(i, BadLine)]


def facts(entries: list[Entry]) -> list[tuple[date, Decimal]]:
    return [(entry.booked_on, entry.amount) for entry in entries]


def test_a_statement_is_the_same_on_every_machine() -> None:
    again = SampleStatements().statement(STATEMENTS[3].number)

    assert again == STATEMENTS[3]
    assert SampleStatements(seed=7).statement(STATEMENTS[3].number) != STATEMENTS[3]


@pytest.mark.parametrize("kind", [Kind.USUAL, Kind.LARGE])
def test_every_bank_writes_what_the_reader_reads(kind: Kind) -> None:
    seen = set()
    for statement in (s for s in STATEMENTS if s.kind is kind):
        entries, bad = read(statement)
        bookings = SampleStatements().bookings(statement.number)

        assert bad == []
        assert facts(entries) == [(booking.day, booking.amount) for booking in bookings]
        assert {(e.account.identity, e.account.currency) for e in entries} == {
            (statement.account.number, statement.account.currency)
        }
        seen.add(statement.account.key)
    assert seen == {account.key for account in ACCOUNTS}


def test_flawed_statements_are_read_but_for_a_few_lines() -> None:
    flawed = [read(statement) for statement in STATEMENTS if statement.kind is Kind.FLAWED]

    assert all(entries and len(bad) < len(entries) / 5 for entries, bad in flawed)
    assert sum(bool(bad) for _, bad in flawed) > len(flawed) / 2


def test_broken_statements_are_refused() -> None:
    broken = [statement for statement in STATEMENTS if statement.kind is Kind.BROKEN]

    assert broken
    for statement in broken:
        with pytest.raises(StatementUnreadable):
            read(statement)


def test_something_of_everything_comes_along() -> None:
    kinds = Counter(statement.kind for statement in STATEMENTS)

    assert set(kinds) == set(Kind)
    assert kinds[Kind.USUAL] > len(STATEMENTS) / 2
    assert {statement.account.person for statement in STATEMENTS} == set(PEOPLE)
    assert len({statement.priority for statement in STATEMENTS}) == 4
    large = [s.lines / s.lines_per_s for s in STATEMENTS if s.kind is Kind.LARGE]
    assert all(15 < seconds < 75 for seconds in large)


def test_a_statement_begins_with_the_end_of_the_one_before() -> None:
    statements, number = SampleStatements(), STATEMENTS[1].number

    assert statements.bookings(number)[:5] == statements.bookings(number - len(ACCOUNTS))[-5:]
