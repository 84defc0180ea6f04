from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

from core.storage.connection import connection
from core.storage.files import FileStore, open_file
from tests.workers.conftest import ToldJob, rows
from workers.finance.entries import iban_of
from workers.finance.importer import StatementImport
from workers.household.book_accounts import BOOK_ACCOUNTS
from workers.household.books import write_books

UNTIL = date(2026, 11, 24)


async def contents() -> list[tuple[Any, ...]]:
    return await rows(
        """SELECT a.identity, t.booked_on, t.amount, t.counterparty, t.fingerprint, c.key, t.balance
           FROM transactions t JOIN accounts a ON a.id = t.account_id JOIN categories c ON c.id = t.category_id
           ORDER BY 1, 2, 5"""
    )


def test_every_iban_of_the_books_has_right_check_digits() -> None:
    written = [account.identity for account in BOOK_ACCOUNTS if account.identity[2:4].isdigit()]

    assert len(written) == 5
    assert [iban_of(identity) for identity in written] == written


async def test_two_years_of_several_people_and_currencies_are_written(store: FileStore, database: str) -> None:
    books = await write_books(store, until=UNTIL)

    assert (books.first_day, books.last_day, books.accounts) == (date(2024, 12, 1), UNTIL, 8)
    assert books.added > 5000
    found = await rows("SELECT count(DISTINCT currency), count(*), min(booked_on), max(booked_on) FROM transactions")
    assert found == [(5, books.added, date(2024, 12, 1), UNTIL)]
    assert await rows("SELECT count(*) FROM transactions WHERE category_id IS NULL OR amount = 0") == [(0,)]
    assert await rows("SELECT count(*) FROM transactions WHERE currency = 'JPY' AND amount <> trunc(amount)") == [(0,)]
    assert books.statements_added == 8 * 23


async def test_written_again_and_later_they_only_grow(store: FileStore, database: str) -> None:
    await write_books(store, until=date(2026, 9, 15), months=3)
    early = await contents()
    again = await write_books(store, until=date(2026, 9, 15), months=3)
    later = await write_books(store, until=date(2026, 10, 2), months=3)
    grown = await contents()

    assert (again.added, again.statements_added) == (0, 0)
    assert (later.first_day, later.statements_added) == (date(2026, 7, 1), 8)
    assert set(early) < set(grown)
    async with connection() as lent:
        await lent.execute("TRUNCATE transactions CASCADE")
    await write_books(store, until=date(2026, 10, 2), months=4)
    assert await contents() == grown


async def test_a_statement_of_the_books_imported_by_hand_adds_nothing(store: FileStore, database: str) -> None:
    await write_books(store, until=date(2026, 9, 15), months=2)
    [(file_id, lines)] = await rows(
        """SELECT file_id, b.lines FROM statements s JOIN statement_balances b ON b.statement_id = s.id
           JOIN accounts a ON a.id = b.account_id WHERE a.identity = 'DE68210501700012345678'"""
    )

    stored, opened = await open_file(store, str(file_id))
    with opened:
        result = await StatementImport(stored=stored, file=opened, job=ToldJob()).run()

    assert (result["imported"], result["duplicates"]) == (0, lines)


async def test_the_balances_of_the_statements_follow_each_other(store: FileStore, database: str) -> None:
    await write_books(store, until=date(2026, 11, 2), months=4)

    found = await rows(
        """SELECT a.identity, opening, closing, amount FROM statement_balances b
           JOIN statements s ON s.id = b.statement_id JOIN accounts a ON a.id = b.account_id ORDER BY 1, s.job_id"""
    )

    assert len(found) == 8 * 3
    assert all(opening + amount == closing for _, opening, closing, amount in found)
    followed = [(before[2], after[1]) for before, after in pairwise(found) if before[0] == after[0]]
    assert len(followed) == 8 * 2
    assert all(closing == opening for closing, opening in followed)
