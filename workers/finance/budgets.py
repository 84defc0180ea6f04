"""Budgets: what was spent, what is left and what it comes to by the end of the period, with what earlier periods left over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from taskcast.errors import TaskcastError
from workers.finance.money import fits, rounded
from workers.finance.periods import Period, PeriodKind

LONGEST_CHAIN = 240
"""So many periods are carried over at most; what lies before is taken for settled."""

_SPENT = """
WITH RECURSIVE below AS (
    SELECT $1::uuid AS id
    UNION
    SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id
)
SELECT date_trunc($2, t.booked_on)::date AS first_day, -sum(t.amount) AS spent, count(*) AS transactions
FROM transactions t JOIN accounts a ON a.id = t.account_id
WHERE t.category_id IN (SELECT id FROM below) AND t.currency = $3 AND t.booked_on BETWEEN $4 AND $5
  AND ($6 = '' OR a.user_id = $6)
GROUP BY 1
"""

_UPSERT = """
INSERT INTO budget_periods (budget_id, first_day, last_day, allotted, carried, spent, available, projected, transactions,
                            refreshed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())
ON CONFLICT (budget_id, first_day) DO UPDATE SET last_day = excluded.last_day, allotted = excluded.allotted,
    carried = excluded.carried, spent = excluded.spent, available = excluded.available, projected = excluded.projected,
    transactions = excluded.transactions, refreshed_at = excluded.refreshed_at
"""


class BudgetUnknown(TaskcastError, LookupError):
    """There is no such budget; name one by its id or its category's key."""

    code = "budget_unknown"


class BudgetTooLarge(TaskcastError, ValueError):
    """The bookings of a budget come to more than the ledger can hold."""

    code = "budget_too_large"


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget with its category; `period` is month, quarter or year."""

    id: UUID
    category_id: UUID
    category: str
    category_key: str
    user_id: str
    amount: Decimal
    currency: str
    period: PeriodKind
    starts_on: date
    ends_on: date | None
    carry_over: bool


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A period of a budget as it stands; amounts in the budget's currency."""

    budget: BudgetLine
    period: Period
    allotted: Decimal
    carried: Decimal
    spent: Decimal
    projected: Decimal
    transactions: int

    @property
    def available(self) -> Decimal:
        """Allotted and carried, less what was spent."""
        return self.allotted + self.carried - self.spent

    @property
    def state(self) -> str:
        """`over` if more was spent than there was, `tight` if it will be at this pace, else `good`."""
        if self.available < 0:
            return "over"
        return "tight" if self.projected > self.allotted + self.carried else "good"


async def budgets_of(connection: Any, month: Period, wanted: Sequence[str] | None = None) -> list[BudgetLine]:
    """Return the budgets that are in force in a month, or those of them that are named by id or category key.

    Raises:
        BudgetUnknown: if one of the names is no budget's.
    """
    rows = await connection.fetch(
        """SELECT b.id, b.category_id, c.name, c.key, b.user_id, b.amount, b.currency, b.period, b.starts_on, b.ends_on,
                  b.carry_over
           FROM budgets b JOIN categories c ON c.id = b.category_id ORDER BY b.currency, c.name, b.period, b.id"""
    )
    known = [BudgetLine(*row) for row in rows]
    for name in wanted or ():
        if not any(str(name).casefold() in {str(line.id), line.category_key} for line in known):
            keys = ", ".join(sorted({line.category_key for line in known})[:12]) or "none yet"
            raise BudgetUnknown(f"budgets: there is no budget {str(name)[:80]!r}; give an id or a category ({keys})")
    names = {str(name).casefold() for name in wanted} if wanted is not None else None
    return [
        line
        for line in known
        if (names is None or names & {str(line.id), line.category_key})
        and line.starts_on <= month.last
        and (line.ends_on is None or line.ends_on >= month.first)
    ]


async def refresh(connection: Any, budget: BudgetLine, month: Period, as_of: date) -> Refreshed:
    """Work out the budget's period that holds the end of the month, store it, and return it.

    A budget that carries over is followed from its first period, so that a correction of an old booking comes through.
    Every period on the way is stored.

    Raises:
        BudgetTooLarge: before anything is stored.
    """
    target = Period.containing(month.last, budget.period)
    first = Period.containing(budget.starts_on, budget.period) if budget.carry_over else target
    chain = [target]
    while chain[-1] > first and len(chain) < LONGEST_CHAIN:
        chain.append(chain[-1].moved(-1))
    chain.reverse()
    rows = await connection.fetch(
        _SPENT,
        budget.category_id, budget.period, budget.currency, chain[0].first, min(target.last, as_of), budget.user_id,
    )  # fmt: skip
    spent = {row["first_day"]: (row["spent"], row["transactions"]) for row in rows}
    carried, refreshed = Decimal(0), []
    for period in chain:
        amount, transactions = spent.get(period.first, (Decimal(0), 0))
        line = Refreshed(
            budget,
            period,
            budget.amount,
            carried,
            amount,
            _projected(amount, period, as_of, budget.currency),
            transactions,
        )
        refreshed.append(line)
        carried = line.available
    if not all(fits(line.carried, line.spent, line.available, line.projected) for line in refreshed):
        raise BudgetTooLarge(
            f"{budget.category}: its bookings come to more than the ledger can hold; look for amounts in {budget.currency} that "
            "were misread from a statement"
        )
    await connection.executemany(
        _UPSERT,
        [
            (
                budget.id, line.period.first, line.period.last, line.allotted, line.carried, line.spent, line.available,
                line.projected, line.transactions,
            )
            for line in refreshed
        ],
    )  # fmt: skip
    return refreshed[-1]


def _projected(spent: Decimal, period: Period, as_of: date, currency: str) -> Decimal:
    """Return what is spent by the period's end if the rest of it goes on at the pace so far."""
    if as_of >= period.last:
        return spent
    elapsed = max(1, (as_of - period.first).days + 1)
    return rounded(spent * period.days / elapsed, currency)
