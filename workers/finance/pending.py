"""Pending transactions: told by a bank's mail, taken over by the line of its statement when that comes, in either order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from workers.finance.categories import Categoriser

WINDOW_DAYS = 5
"""How many days a statement may book something after, or a day or so before, its notice."""

_ACCOUNT = """
SELECT id, user_id FROM accounts
WHERE currency = $2 AND (lower(identity) = lower($1) OR (length($3) >= 4 AND right(identity, length($3)) = $3))
ORDER BY lower(identity) = lower($1) DESC, identity LIMIT 2
"""

_BOOKED = """
SELECT t.id FROM transactions t
WHERE t.account_id = $1 AND NOT t.pending AND t.amount = $2 AND t.booked_on BETWEEN $3::date - 2 AND $3::date + $4::int
  AND NOT EXISTS (SELECT 1 FROM mail_messages m WHERE m.detail -> 'booked' @> to_jsonb(t.id))
ORDER BY abs(t.booked_on - $3::date), t.id LIMIT 1
"""

_INSERT = """
INSERT INTO transactions (account_id, statement_id, line, booked_on, amount, currency, text, counterparty, counterparty_account,
                          reference, bank_category, fingerprint, category_id, categorised_by, source, pending, created_at)
VALUES ($1, $2, 0, $3, $4, $5, $6, $7, '', $8, '', $9, $10, CASE WHEN $10::uuid IS NULL THEN NULL ELSE 'rule' END, 'mail', true,
        now())
ON CONFLICT (account_id, fingerprint) DO NOTHING RETURNING id
"""

_SETTLE = """
WITH pairs AS (
    SELECT DISTINCT ON (p.id) p.id AS pending_id, p.statement_id AS mail_id, t.id AS booked_id
    FROM transactions p JOIN transactions t
      ON t.account_id = p.account_id AND NOT t.pending AND t.amount = p.amount
     AND t.booked_on BETWEEN p.booked_on - 2 AND p.booked_on + $2::int AND t.statement_id = $1
    WHERE p.account_id = ANY($3::uuid[]) AND p.pending
      AND NOT EXISTS (SELECT 1 FROM mail_messages m WHERE m.detail -> 'booked' @> to_jsonb(t.id))
    ORDER BY p.id, abs(t.booked_on - p.booked_on), t.id
), once AS (
    SELECT DISTINCT ON (booked_id) pending_id, mail_id, booked_id FROM pairs ORDER BY booked_id, pending_id
), told AS (
    UPDATE mail_messages m SET detail = jsonb_set(m.detail, '{booked}', coalesce(m.detail -> 'booked', '[]') || o.booked)
    FROM (SELECT mail_id, jsonb_agg(booked_id) AS booked FROM once GROUP BY mail_id) AS o WHERE m.id = o.mail_id
)
DELETE FROM transactions t USING once o WHERE t.id = o.pending_id RETURNING t.id
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A booking as a notice tells it; `fingerprint` is the same however often the mail is read."""

    account: str
    currency: str
    booked_on: date
    amount: Decimal
    counterparty: str
    text: str
    reference: str
    fingerprint: str


async def add_pending(connection: Any, mail_id: UUID, told: Told, categoriser: Categoriser) -> tuple[str, int | None]:
    """Write what a notice tells as pending, within the caller's transaction.

    Returns:
        `("pending", id)` if it is new, `("known", None)` if it was told before, `("booked", id)` if the statement came
        first, or `("no account", None)` if there is none, or more than one that ends with these digits.
    """
    ending = "".join(character for character in told.account if character.isalnum())[-8:]
    masked = not told.account.isalnum() or len(told.account) <= 8
    accounts = await connection.fetch(_ACCOUNT, told.account, told.currency, ending.lstrip("xX*") if masked else "")
    if len(accounts) != 1:
        return "no account", None
    account_id = accounts[0]["id"]
    if await connection.fetchval(
        "SELECT 1 FROM transactions WHERE account_id = $1 AND fingerprint = $2", account_id, told.fingerprint
    ):
        return "known", None
    booked = await connection.fetchval(_BOOKED, account_id, told.amount, told.booked_on, WINDOW_DAYS)
    if booked is not None:
        return "booked", booked
    category = categoriser.category_of(told.text, told.counterparty, "", told.reference, "", told.amount)
    added = await connection.fetchval(
        _INSERT,
        account_id, mail_id, told.booked_on, told.amount, told.currency, told.text, told.counterparty, told.reference,
        told.fingerprint, category,
    )  # fmt: skip
    return "pending", added


async def settle_pending(connection: Any, statement_id: UUID, accounts: Sequence[UUID]) -> int:
    """Take away the pending transactions that a statement has booked now, each for one line; return how many."""
    return len(await connection.fetch(_SETTLE, statement_id, WINDOW_DAYS, list(accounts)))
