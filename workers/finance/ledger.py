"""The queries that write statements into the ledger, within a transaction that the caller holds.

The locks are of that transaction: however an import ends, killed processes included, PostgreSQL gives them back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from taskcast.context import JobContext
from taskcast.ids import new_id
from workers.finance.entries import AccountKey, Balances, Entry

LOCK_PAUSE_S = 0.2
IDLE_TIMEOUT_S = 60
"""How long a job may be silent inside its transaction, for example frozen, before PostgreSQL ends it."""

_INSERT_LINES = """
WITH added AS (
    INSERT INTO transactions (account_id, statement_id, line, booked_on, valued_on, amount, currency, text, counterparty,
                              counterparty_account, reference, bank_category, balance, fingerprint, category_id,
                              categorised_by, created_at)
    SELECT account_id, $1, line, booked_on, valued_on, amount, currency, text, counterparty,
           counterparty_account, reference, bank_category, balance, fingerprint, category_id,
           CASE WHEN category_id IS NOT NULL THEN 'rule' END, now()
    FROM unnest($2::uuid[], $3::int[], $4::date[], $5::date[], $6::numeric[], $7::text[], $8::text[], $9::text[],
                $10::text[], $11::text[], $12::text[], $13::numeric[], $14::text[], $15::uuid[])
         AS line (account_id, line, booked_on, valued_on, amount, currency, text, counterparty, counterparty_account,
                  reference, bank_category, balance, fingerprint, category_id)
    ON CONFLICT (account_id, fingerprint) DO NOTHING
    RETURNING account_id, amount, category_id
)
SELECT account_id, count(*) AS lines, sum(amount) AS amount, count(category_id) AS categorised FROM added GROUP BY account_id
"""

_CATEGORISE_LINES = """
UPDATE transactions t SET category_id = line.category_id, categorised_by = 'rule'
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS line (account_id, fingerprint, category_id)
WHERE t.account_id = line.account_id AND t.fingerprint = line.fingerprint AND line.category_id IS NOT NULL
  AND t.categorised_by IS DISTINCT FROM 'hand' AND t.category_id IS DISTINCT FROM line.category_id
"""


@dataclass(frozen=True, slots=True)
class NewLine:
    """An entry with the account it goes to, its fingerprint there and the category that a rule puts it in."""

    account_id: UUID
    fingerprint: str
    entry: Entry
    category_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """How many lines were new on an account, their sum, and how many of them have a category."""

    account_id: UUID
    lines: int
    amount: Decimal
    categorised: int


async def begin(connection: Any, *, idle_timeout_s: int = IDLE_TIMEOUT_S) -> None:
    """Prepare the transaction: a frozen job must not hold its locks for ever."""
    await connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{idle_timeout_s}s'")


async def lock(connection: Any, name: str) -> bool:
    """Take a lock until the end of the transaction; return whether it was free."""
    taken: bool = await connection.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", f"ledger:{name}"
    )
    return taken


async def wait_for_lock(connection: Any, name: str, job: JobContext) -> None:
    """Take a lock as `lock` does, when it is free; whoever waits says so, and can be cancelled."""
    waited = False
    while not await lock(connection, name):
        if not waited:
            job.log("waits for another job of this kind to end")
            waited = True
        await job.checkpoint()
        await asyncio.sleep(LOCK_PAUSE_S)


async def statement_result(connection: Any, job_id: str) -> dict[str, Any] | None:
    """Return the result of the statement that this job has imported before, or None."""
    found = await connection.fetchval("SELECT result FROM statements WHERE job_id = $1", job_id)
    result: dict[str, Any] | None = json.loads(found) if isinstance(found, str) else found
    return result


async def add_account(connection: Any, key: AccountKey, user_id: str | None) -> UUID:
    """Return the id of the account, made if there is none; hold its lock."""
    await connection.execute(
        """INSERT INTO accounts (id, identity, currency, name, user_id, created_at) VALUES ($1, $2, $3, $4, $5, now())
           ON CONFLICT (identity, currency) DO NOTHING""",
        UUID(new_id()),
        key.identity,
        key.currency,
        key.name,
        user_id,
    )
    found: UUID = await connection.fetchval(
        "SELECT id FROM accounts WHERE identity = $1 AND currency = $2", key.identity, key.currency
    )
    return found


async def add_lines(connection: Any, statement_id: UUID, lines: Sequence[NewLine]) -> list[Added]:
    """Add lines that the ledger does not have yet; return what was new, by account."""
    entries = [line.entry for line in lines]
    rows = await connection.fetch(
        _INSERT_LINES,
        statement_id,
        [line.account_id for line in lines],
        [entry.line for entry in entries],
        [entry.booked_on for entry in entries],
        [entry.valued_on for entry in entries],
        [entry.amount for entry in entries],
        [entry.account.currency for entry in entries],
        [entry.text for entry in entries],
        [entry.counterparty for entry in entries],
        [entry.counterparty_account for entry in entries],
        [entry.reference for entry in entries],
        [entry.bank_category for entry in entries],
        [entry.balance for entry in entries],
        [line.fingerprint for line in lines],
        [line.category_id for line in lines],
    )
    return [Added(row["account_id"], row["lines"], row["amount"], row["categorised"]) for row in rows]


async def categorise_lines(connection: Any, lines: Sequence[NewLine]) -> None:
    """Put lines that the ledger has into the categories that the rules say now; what a hand has put somewhere stays."""
    found = [line for line in lines if line.category_id is not None]
    if found:
        await connection.execute(
            _CATEGORISE_LINES,
            [line.account_id for line in found],
            [line.fingerprint for line in found],
            [line.category_id for line in found],
        )


async def add_statement(
    connection: Any,
    *,
    statement_id: UUID,
    job_id: str,
    file_id: str,
    name: str,
    sha256: str,
    result: dict[str, Any],
    first_date: date | None,
    last_date: date | None,
) -> None:
    """Write down that a job has imported a file, with what came of it."""
    await connection.execute(
        """INSERT INTO statements (id, job_id, file_id, name, sha256, result, first_date, last_date, created_at)
           VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, now())""",
        statement_id,
        job_id,
        UUID(file_id),
        name,
        sha256,
        json.dumps(result),
        first_date,
        last_date,
    )


async def add_balances(connection: Any, statement_id: UUID, balances: Sequence[tuple[UUID, Balances]]) -> None:
    """Write down what a statement says that its accounts held; a pair is an account's id and its balances."""
    await connection.executemany(
        """INSERT INTO statement_balances (statement_id, account_id, number, opening, opening_on, closing, closing_on, lines,
                                           amount)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        [
            (
                statement_id,
                account_id,
                each.number,
                each.opening,
                each.opening_on,
                each.closing,
                each.closing_on,
                each.lines,
                each.amount,
            )
            for account_id, each in balances
        ],
    )
