"""Tells a booking again that a statement of another format has told: the texts differ, the account, day and amount do not.

One line is matched with one transaction, and the match is kept (`transaction_aliases`), so that two equal payments of a day
stay two and a file that is imported again finds the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from workers.finance.ledger import NewLine

_FAMILY = "upper(substring(coalesce(s.result -> 'format' ->> 'name', 'CSV') FROM '^[A-Za-z0-9]+'))"

_HAS_OTHERS = f"""
SELECT EXISTS (
    SELECT 1 FROM (SELECT DISTINCT statement_id FROM transactions WHERE account_id = $1) AS told
    JOIN statements s ON s.id = told.statement_id WHERE {_FAMILY} <> $2
)
"""  # noqa: S608 - no part of it comes from outside
_KNOWN = """
SELECT fingerprint, false AS is_alias FROM transactions WHERE account_id = $1 AND fingerprint = ANY($2)
UNION ALL
SELECT fingerprint, true FROM transaction_aliases WHERE account_id = $1 AND fingerprint = ANY($2)
"""
_CANDIDATES = f"""
SELECT t.id, t.booked_on, t.amount
FROM transactions t JOIN statements s ON s.id = t.statement_id
WHERE t.account_id = $1 AND {_FAMILY} <> $2
  AND (t.booked_on, t.amount) IN (SELECT * FROM unnest($3::date[], $4::numeric[]))
  AND NOT EXISTS (SELECT 1 FROM transaction_aliases a WHERE a.transaction_id = t.id AND a.family = $2)
ORDER BY t.id
"""  # noqa: S608


def family_of(format_name: str) -> str:
    """Return what formats are told apart by: CSV, OFX, MT940 or CAMT, without the version."""
    found = re.match(r"[A-Za-z0-9]+", format_name)
    return found[0].upper()[:16] if found else ""


async def has_others(connection: Any, account_id: UUID, family: str) -> bool:
    """Tell whether the ledger has lines of an account from statements of another format."""
    found: bool = await connection.fetchval(_HAS_OTHERS, account_id, family)
    return found


async def take_told(connection: Any, account_id: UUID, family: str, lines: Sequence[NewLine]) -> list[NewLine]:
    """Return the lines of an account that no statement of another format has told; keep the matches of those that one has."""
    rows = await connection.fetch(_KNOWN, account_id, [line.fingerprint for line in lines])
    known = {row["fingerprint"] for row in rows}
    told = {row["fingerprint"] for row in rows if row["is_alias"]}
    unknown = list({line.fingerprint: line for line in lines if line.fingerprint not in known}.values())
    found: dict[tuple[date, Decimal], list[int]] = {}
    for row in await connection.fetch(
        _CANDIDATES,
        account_id,
        family,
        [line.entry.booked_on for line in unknown],
        [line.entry.amount for line in unknown],
    ):
        found.setdefault((row["booked_on"], row["amount"]), []).append(row["id"])
    matched: dict[str, int] = {}
    for line in unknown:
        if candidates := found.get((line.entry.booked_on, line.entry.amount)):
            matched[line.fingerprint] = candidates.pop(0)
    await connection.executemany(
        "INSERT INTO transaction_aliases (transaction_id, account_id, fingerprint, family) VALUES ($1, $2, $3, $4)",
        [(transaction_id, account_id, fingerprint, family) for fingerprint, transaction_id in matched.items()],
    )
    told |= matched.keys()
    return [line for line in lines if line.fingerprint not in told]
