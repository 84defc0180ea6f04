"""The sample household's two years in the ledger: accounts, bookings, statements, categories, rules, budgets, notices.

Made from a seed, month by month, so that a start on another day adds what has passed since and changes nothing else.
The statements of the card are not quite what the ledger says, as in life: see `statement_lines`.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from core.storage.connection import transaction
from core.storage.files import FileStore, save_upload
from workers.finance import ledger
from workers.finance.entries import AccountKey, Entry
from workers.finance.fingerprints import Fingerprints
from workers.finance.periods import Period
from workers.household.book_accounts import BOOK_ACCOUNTS, CATEGORIES, PLANS, RULES, BookAccount
from workers.household.book_lines import Booked, month_of

SEED = 20240101
MONTHS = 24
COLLECTED = "City Transport"
LATER = "Bookshop Ångström"
UNSEEN = "Κουζίνα της Ελένης"

_INSERT = """
INSERT INTO transactions (account_id, statement_id, line, booked_on, valued_on, amount, currency, text, counterparty,
                          counterparty_account, reference, bank_category, balance, fingerprint, category_id,
                          categorised_by, source, pending, created_at)
SELECT account_id, statement_id, line, booked_on, booked_on, amount, currency, text, counterparty, '', reference, '',
       balance, fingerprint, category_id, 'rule', 'sample', false, now()
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::date[], $5::numeric[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::numeric[], $11::text[], $12::uuid[])
     AS line (account_id, statement_id, line, booked_on, amount, currency, text, counterparty, reference, balance,
              fingerprint, category_id)
ON CONFLICT (account_id, fingerprint) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Books:
    """What the books hold: their first and last day, and how much of it was new."""

    first_day: date
    last_day: date
    accounts: int
    transactions: int
    added: int
    statements_added: int


@dataclass(frozen=True, slots=True)
class _Statement:
    id: UUID
    account: BookAccount
    month: Period
    opening: Decimal
    lines: list[Entry]


async def write_books(store: FileStore, *, until: date, seed: int = SEED, months: int = MONTHS) -> Books:
    """Write the books up to a day; what is there already stays as it is.

    Args:
        store: where the files of the statements go, one for each account and month that is over.
        until: the last day.
        seed: the same seed gives the same books.
        months: how many, the one of `until` included; books that are there already begin where they began.
    """
    async with transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('household:books', 0))")
        began = await connection.fetchval("SELECT min(booked_on) FROM transactions WHERE source = 'sample'")
        month = Period.containing(began) if began else Period.containing(until).moved(1 - months)
        first = month.first
        categories = await _write_categories(connection)
        await _write_budgets(connection, categories, first)
        accounts = {
            account.key: await ledger.add_account(connection, _key(account), account.person)
            for account in BOOK_ACCOUNTS
        }
        written, over = await asyncio.to_thread(_all_months, month, until, seed)
        total = sum(len(lines) for _, lines in written)
        added = await _write_lines(connection, accounts, categories, written, until)
        known = {row["id"] for row in await connection.fetch("SELECT id FROM statements WHERE job_id LIKE 'sample:%'")}
        await _write_notices(connection)
    new = [statement for statement in over if statement.id not in known]
    for statement in new:
        await _write_statement(store, statement, accounts[statement.account.key])
    return Books(first, until, len(accounts), total, added, len(new))


def statement_lines(account: BookAccount, booked: Sequence[Booked]) -> list[Entry]:
    """Return the lines of the bank's own statement of a month.

    They are the ledger's, but for the card: the rides of a week are collected in one line, books are booked two days later,
    and one lunch is not on it.
    """
    entries = [line.entry for line in booked]
    if account.key != "card":
        return entries
    lines, weeks, seen_lunch = [], dict[int, Entry](), False
    for entry in entries:
        if entry.counterparty == COLLECTED:
            week = entry.booked_on.day // 8
            known = weeks.get(week)
            weeks[week] = (
                replace(entry, text="Tickets of a week")
                if known is None
                else replace(known, amount=known.amount + entry.amount, booked_on=entry.booked_on)
            )
        elif entry.counterparty == LATER:
            month = Period.containing(entry.booked_on)
            lines.append(replace(entry, booked_on=min(entry.booked_on + timedelta(days=2), month.last)))
        elif entry.counterparty == UNSEEN and not seen_lunch:
            seen_lunch = True
        else:
            lines.append(entry)
    return sorted([*lines, *weeks.values()], key=lambda entry: entry.booked_on)


def _key(account: BookAccount) -> AccountKey:
    return AccountKey(account.identity, account.currency, account.name)


def _all_months(
    month: Period, until: date, seed: int
) -> tuple[list[tuple[BookAccount, list[Booked]]], list[_Statement]]:
    """Return the bookings of each account up to a day, and the statements of the months that are over."""
    written, over = [], []
    for account in BOOK_ACCOUNTS:
        ledger_balance = bank_balance = account.opening
        at = month
        while at.first <= until:
            booked = month_of(account, at, seed, ledger_balance)
            ledger_balance += sum((line.entry.amount for line in booked), Decimal(0))
            written.append((account, booked))
            if at.last < until:
                lines = statement_lines(account, booked)
                over.append(_Statement(_statement_id(account, at), account, at, bank_balance, lines))
                bank_balance += sum((line.amount for line in lines), Decimal(0))
            at = at.moved(1)
    return written, over


def _statement_id(account: BookAccount, month: Period) -> UUID:
    return uuid5(NAMESPACE_URL, f"household/{account.key}/{month}")


async def _write_categories(connection: Any) -> dict[str, UUID]:
    for key, _, name, kind in CATEGORIES:
        await connection.execute(
            """INSERT INTO categories (id, key, name, kind, created_at) VALUES ($1, $2, $3, $4, now())
               ON CONFLICT (key) DO NOTHING""",
            uuid5(NAMESPACE_URL, f"household/category/{key}"), key, name, kind,
        )  # fmt: skip
    ids = {row["key"]: row["id"] for row in await connection.fetch("SELECT key, id FROM categories")}
    await connection.executemany(
        "UPDATE categories SET parent_id = $2 WHERE id = $1 AND parent_id IS NULL",
        [(ids[key], ids[parent]) for key, parent, _, _ in CATEGORIES if parent],
    )
    await connection.executemany(
        """INSERT INTO category_rules (id, category_id, position, field, match, pattern, sign, created_at)
           VALUES ($1, $2, 100, 'counterparty', 'contains', $3, 0, now())
           ON CONFLICT (field, match, pattern, sign) DO NOTHING""",
        [
            (uuid5(NAMESPACE_URL, f"household/rule/{counterparty}"), ids[category], counterparty)
            for counterparty, category in RULES
        ],
    )
    return ids


async def _write_budgets(connection: Any, categories: dict[str, UUID], first: date) -> None:
    await connection.executemany(
        """INSERT INTO budgets (id, category_id, user_id, amount, currency, period, starts_on, carry_over, created_at)
           VALUES ($1, $2, '', $3, $4, $5, $6, $7, now())
           ON CONFLICT (category_id, user_id, currency, period, starts_on) DO NOTHING""",
        [
            (
                uuid5(NAMESPACE_URL, f"household/budget/{plan.category}/{plan.currency}/{plan.period}/{first}"),
                categories[plan.category],
                plan.amount,
                plan.currency,
                plan.period,
                date(first.year, 1, 1) if plan.period != "month" else first,
                plan.carry_over,
            )
            for plan in PLANS
        ],
    )


async def _write_lines(
    connection: Any,
    accounts: dict[str, UUID],
    categories: dict[str, UUID],
    written: list[tuple[BookAccount, list[Booked]]],
    until: date,
) -> int:
    rows = []
    for account, booked in written:
        # A month's running numbers, as its statement's file has them.
        fingerprints = Fingerprints()
        for line in booked:
            entry = line.entry
            mark = fingerprints.of(entry)
            if entry.booked_on > until:
                continue
            rows.append(
                (
                    accounts[account.key], _statement_id(account, Period.containing(entry.booked_on)), entry.line,
                    entry.booked_on, entry.amount, account.currency, entry.text, entry.counterparty, entry.reference,
                    entry.balance, mark, categories[line.category],
                )
            )  # fmt: skip
    if not rows:
        return 0
    status = await connection.execute(_INSERT, *(list(column) for column in zip(*rows, strict=True)))
    return int(status.split()[-1])


async def _write_statement(store: FileStore, statement: _Statement, account_id: UUID) -> None:
    account, month, lines = statement.account, statement.month, statement.lines
    name = f"{account.key}-{month}.csv"
    stored = await save_upload(
        store,
        _csv(account, statement.opening, lines),
        name=name,
        content_type="text/csv",
        user_id=account.person,
        file_id=str(statement.id),
    )
    total = sum((line.amount for line in lines), Decimal(0))
    async with transaction() as connection:
        await ledger.add_statement(
            connection,
            statement_id=statement.id,
            job_id=f"sample:{account.key}:{month}",
            file_id=stored.id,
            name=name,
            sha256=stored.sha256,
            result={"imported": len(lines), "sample": True},
            first_date=month.first,
            last_date=month.last,
        )
        await connection.execute(
            """INSERT INTO statement_balances (statement_id, account_id, number, opening, opening_on, closing, closing_on,
                                               lines, amount)
               VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (statement_id, account_id, number) DO NOTHING""",
            statement.id, account_id, statement.opening, month.first, statement.opening + total, month.last, len(lines),
            total,
        )  # fmt: skip


def _csv(account: BookAccount, opening: Decimal, lines: Sequence[Entry]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        ["Account", "Account name", "Date", "Amount", "Currency", "Counterparty", "Description", "Reference", "Balance"]
    )
    balance = opening
    for line in lines:
        balance += line.amount
        writer.writerow(
            [
                account.identity, account.name, line.booked_on.isoformat(), line.amount, account.currency,
                line.counterparty, line.text, line.reference, balance,
            ]
        )  # fmt: skip
    return out.getvalue().encode()


async def _write_notices(connection: Any) -> None:
    people = dict.fromkeys(account.person for account in BOOK_ACCOUNTS)
    await connection.executemany(
        """INSERT INTO notifications (id, user_id, kind, key, title, text, created_at)
           VALUES ($1, $2, 'welcome', 'books', 'Your books are ready', $3, now())
           ON CONFLICT (user_id, kind, key) DO NOTHING""",
        [
            (
                uuid5(NAMESPACE_URL, f"household/notice/{person}"),
                person,
                "Two years of bookings are in the ledger. Budgets, insights and reports are made from them.",
            )
            for person in people
        ],
    )
