"""The lines of a statement that was imported, read again from its file."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID

from core.storage.files import FileNotStored, FileStore, open_file
from taskcast.errors import TaskcastError
from workers.finance.csv_mapping import read_mapping
from workers.finance.entries import Entry
from workers.finance.periods import Period
from workers.finance.readers import open_reader
from workers.finance.reconciling import Side
from workers.finance.selection import ChosenAccount


class StatementUnknown(TaskcastError, LookupError):
    """There is no such statement; give the id of a statement or of its file."""

    code = "statement_unknown"


@dataclass(frozen=True, slots=True)
class StatementOfAccount:
    """A statement as far as it is about one account; the balances are None if its file does not say them."""

    id: UUID
    file_id: UUID
    name: str
    account: ChosenAccount
    accounts_in_file: int
    first_date: date | None
    last_date: date | None
    opening: Decimal | None
    closing: Decimal | None
    previous_closing: Decimal | None
    read_with: dict[str, Any] = field(default_factory=dict)


StatementLines = dict[tuple[str, str], list[Entry]]
"""The lines of a file by the account's identity and currency."""

_STATEMENTS = """
WITH held AS (
    SELECT s.id, b.account_id, min(b.number) AS first_number, max(b.number) AS last_number
    FROM statements s JOIN statement_balances b ON b.statement_id = s.id GROUP BY 1, 2
    UNION
    SELECT s.id, (account ->> 'id')::uuid, NULL, NULL
    FROM statements s CROSS JOIN jsonb_array_elements(coalesce(s.result -> 'accounts', '[]')) AS account
), merged AS (
    SELECT id, account_id, max(first_number) AS first_number, max(last_number) AS last_number FROM held GROUP BY 1, 2
)
SELECT s.id, s.file_id, s.name, m.account_id, count(*) OVER (PARTITION BY s.id) AS accounts_in_file, s.first_date, s.last_date,
       opened.opening, closed.closing, s.created_at,
       s.result -> 'read_with' AS read_with
FROM merged m JOIN statements s ON s.id = m.id
LEFT JOIN statement_balances opened
       ON opened.statement_id = m.id AND opened.account_id = m.account_id AND opened.number = m.first_number
LEFT JOIN statement_balances closed
       ON closed.statement_id = m.id AND closed.account_id = m.account_id AND closed.number = m.last_number
WHERE m.account_id = ANY($1::uuid[]) AND s.last_date IS NOT NULL
  AND ($2::uuid IS NULL OR s.id = $2 OR s.file_id = $2)
  AND ($3::date IS NULL OR (s.first_date <= $4 AND s.last_date >= $3))
ORDER BY s.last_date DESC, s.created_at DESC
"""


async def statements_of(
    connection: Any, accounts: list[ChosenAccount], *, statement: str | None = None, month: Period | None = None
) -> list[StatementOfAccount]:
    """Return the statement asked for, those of a month, or the newest of each account.

    Raises:
        StatementUnknown: if the statement asked for is none of these accounts'.
    """
    wanted = _uuid(statement)
    rows = await connection.fetch(
        _STATEMENTS,
        [account.id for account in accounts],
        wanted,
        month.first if month else None,
        month.last if month else None,
    )
    if wanted is not None and not rows:
        raise StatementUnknown(
            f"statement: {statement!r} is no statement of the chosen accounts; give its id or its file's, or leave it out"
        )
    by_id = {account.id: account for account in accounts}
    chosen, seen = [], set()
    for row in rows:
        if wanted is None and month is None and row["account_id"] in seen:
            continue
        seen.add(row["account_id"])
        previous = await connection.fetchval(
            """SELECT b.closing FROM statement_balances b JOIN statements s ON s.id = b.statement_id
               WHERE b.account_id = $1 AND s.last_date < $2 AND s.last_date >= $3 AND b.closing IS NOT NULL
               ORDER BY s.last_date DESC, b.number DESC LIMIT 1""",
            row["account_id"], row["first_date"], row["first_date"] - timedelta(days=7),
        )  # fmt: skip
        chosen.append(
            StatementOfAccount(
                row["id"], row["file_id"], row["name"], by_id[row["account_id"]], row["accounts_in_file"],
                row["first_date"], row["last_date"], row["opening"], row["closing"], previous,
                json.loads(row["read_with"]) if row["read_with"] else {},
            )
        )  # fmt: skip
    return sorted(chosen, key=lambda each: (each.account.name, each.account.currency, each.first_date or date.min))


async def lines_of(store: FileStore, statement: StatementOfAccount) -> StatementLines:
    """Return the lines of the statement's whole file, by account.

    Raises:
        FileNotStored: if the file is gone.
        StatementUnreadable: if it cannot be read any more.
    """
    _, opened = await open_file(store, str(statement.file_id))
    try:
        return await asyncio.to_thread(_read, opened, statement.read_with)
    finally:
        await asyncio.to_thread(opened.close)


def own_lines(lines: StatementLines, statement: StatementOfAccount) -> list[Entry]:
    """Return those lines of a file that are of the statement's account."""
    account = statement.account
    own = lines.get((account.identity, account.currency), [])
    # A file that does not name its account was imported into the one that its sender named.
    if not own and statement.accounts_in_file == 1:
        own = [entry for (_, currency), entries in lines.items() if currency == account.currency for entry in entries]
    return own


async def bookings_of(connection: Any, statement: StatementOfAccount, first: date, last: date) -> list[Side]:
    """Return what the ledger has booked on a statement's account between two days."""
    rows = await connection.fetch(
        """SELECT id, booked_on, amount, counterparty, text, pending, statement_id IS NOT NULL AND statement_id <> $4
           FROM transactions
           WHERE account_id = $1 AND booked_on BETWEEN $2 AND $3 ORDER BY booked_on, id""",
        statement.account.id, first, last, statement.id,
    )  # fmt: skip
    return [Side(*row) for row in rows]


def _read(file: BinaryIO, told: dict[str, Any]) -> StatementLines:
    mapping = read_mapping(told["mapping"]) if told.get("mapping") else None
    reader = open_reader(file, **{**told, "mapping": mapping})
    for _ in reader.scan():
        pass
    for _ in reader.detect():
        pass
    found: StatementLines = {}
    for line in reader.lines():
        if isinstance(line, Entry):
            found.setdefault((line.account.identity, line.account.currency), []).append(line)
    return found


def _uuid(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        raise StatementUnknown(
            f"statement: {str(text)[:80]!r} is no id; give the id of a statement or of its file"
        ) from None


__all__ = [
    "FileNotStored",
    "StatementOfAccount",
    "StatementUnknown",
    "bookings_of",
    "lines_of",
    "own_lines",
    "statements_of",
]
