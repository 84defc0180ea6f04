from __future__ import annotations

import io
from collections import Counter
from datetime import date
from decimal import Decimal
from functools import cache

import pytest

from workers.finance.entries import BadLine, Entry, StatementReader, StatementUnreadable
from workers.finance.readers import open_reader
from workers.household.people import ACCOUNTS, PEOPLE
from workers.household.statements import Kind, SampleStatement, SampleStatements

STATEMENTS = [SampleStatements().statement(number) for number in range(18_000_000, 18_000_130)]


def reader_of(statement: SampleStatement) -> StatementReader:
    """Return the reader, all of its lines read."""
    return _read(statement)[0]


def read(statement: SampleStatement) -> tuple[list[Entry], list[BadLine]]:
    found = _read(statement)[1]
    return [i for i in found if isinstance(i, Entry)], [i for i in found if isinstance(i, BadLine)]


@cache
def _read(statement: SampleStatement) -> tuple[StatementReader, list[Entry | BadLine]]:
    reader = open_reader(io.BytesIO(statement.contents), name=statement.name)
    for _ in reader.scan():
        pass
    for _ in reader.detect():
        pass
    return reader, list(reader.lines())


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

    again, before = statements.bookings(number)[:5], statements.bookings(number - len(ACCOUNTS))[-5:]
    assert [(b.day, b.amount, b.reference) for b in again] == [(b.day, b.amount, b.reference) for b in before]


@pytest.mark.parametrize("kind", [Kind.USUAL, Kind.LARGE])
def test_balances_agree_wherever_a_bank_tells_them(kind: Kind) -> None:
    told = [reader_of(statement) for statement in STATEMENTS if statement.kind is kind]

    balances = [each for reader in told for each in reader.balances()]

    assert sum(each.difference is not None for each in balances) > len(told) / 3
    assert not any(each.difference for each in balances)


def test_every_format_comes_along() -> None:
    formats = {reader.format.name for s in STATEMENTS if s.kind is Kind.USUAL and (reader := reader_of(s)).format}

    assert formats == {"CSV", "OFX 1", "MT940", "CAMT.053.001.08"}
