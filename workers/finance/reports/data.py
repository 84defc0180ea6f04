"""What a report says: sums by currency, category, party and time, read in one snapshot of the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from workers.finance.insights.generation import balance_of
from workers.finance.periods import Period
from workers.finance.selection import ChosenAccount

PARTIES_SHOWN = 10
BOOKINGS_SHOWN = 20_000
"""A report lists so many bookings of a currency at most; DATA_EXPORT gives all of them."""

_BY_CATEGORY = """
SELECT coalesce(c.name, 'Without a category') AS name, c.kind, p.name AS parent,
       sum(t.amount) AS amount, count(*) AS bookings,
       coalesce(sum(t.amount) FILTER (WHERE t.amount > 0), 0) AS came, coalesce(sum(t.amount) FILTER (WHERE t.amount < 0), 0) AS went
FROM transactions t LEFT JOIN categories c ON c.id = t.category_id LEFT JOIN categories p ON p.id = c.parent_id
WHERE t.account_id = ANY($1::uuid[]) AND t.booked_on BETWEEN $2 AND $3
GROUP BY c.id, c.name, c.kind, p.name
"""

_BY_BUCKET = """
SELECT date_trunc($4, t.booked_on)::date AS first_day,
       coalesce(sum(t.amount) FILTER (WHERE t.amount > 0 AND c.kind IS DISTINCT FROM 'transfer'), 0) AS came,
       coalesce(-sum(t.amount) FILTER (WHERE t.amount < 0 AND c.kind IS DISTINCT FROM 'transfer'), 0) AS went,
       sum(t.amount) AS net
FROM transactions t LEFT JOIN categories c ON c.id = t.category_id
WHERE t.account_id = ANY($1::uuid[]) AND t.booked_on BETWEEN $2 AND $3 GROUP BY 1 ORDER BY 1
"""

_BY_PARTY = """
SELECT coalesce(nullif(t.counterparty, ''), nullif(t.text, ''), 'Not named') AS name, -sum(t.amount) AS amount,
       count(*) AS bookings
FROM transactions t LEFT JOIN categories c ON c.id = t.category_id
WHERE t.account_id = ANY($1::uuid[]) AND t.booked_on BETWEEN $2 AND $3 AND t.amount < 0 AND c.kind IS DISTINCT FROM 'transfer'
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $4
"""

_BOOKINGS = """
SELECT t.booked_on, a.name, t.counterparty, t.text, coalesce(c.name, ''), t.amount, t.pending
FROM transactions t JOIN accounts a ON a.id = t.account_id LEFT JOIN categories c ON c.id = t.category_id
WHERE t.account_id = ANY($1::uuid[]) AND t.booked_on BETWEEN $2 AND $3 ORDER BY t.booked_on, t.id LIMIT $4
"""

BUCKETS = {"month": "day", "quarter": "week", "year": "month"}


@dataclass(frozen=True, slots=True)
class CategorySum:
    """What a category came to; spending is negative."""

    name: str
    kind: str | None
    parent: str | None
    amount: Decimal
    bookings: int
    came: Decimal
    went: Decimal


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, week or month of the report: what came in and went out, and the balance at its end."""

    first: date
    came: Decimal
    went: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class PartySum:
    """What was paid to somebody."""

    name: str
    amount: Decimal
    bookings: int


@dataclass(frozen=True, slots=True)
class AccountSum:
    """An account's balance before the first day and after the last."""

    account: ChosenAccount
    opening: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of the list."""

    booked_on: date
    account: str
    party: str
    text: str
    category: str
    amount: Decimal
    pending: bool


@dataclass(slots=True)
class CurrencyPart:
    """Everything in one currency; amounts of two are never added."""

    currency: str
    accounts: list[AccountSum] = field(default_factory=list)
    categories: list[CategorySum] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)
    parties: list[PartySum] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)

    @property
    def opening(self) -> Decimal:
        """What all accounts held before the first day."""
        return sum((each.opening for each in self.accounts), Decimal(0))

    @property
    def closing(self) -> Decimal:
        """What they hold after the last."""
        return sum((each.closing for each in self.accounts), Decimal(0))

    @property
    def income(self) -> Decimal:
        """What came in, transfers between own accounts apart."""
        return sum((_income(each) for each in self.categories), Decimal(0))

    @property
    def spending(self) -> Decimal:
        """What went out, as a positive number, transfers apart."""
        return -sum((_spending(each) for each in self.categories), Decimal(0))

    @property
    def transfers(self) -> Decimal:
        """What transfers between own accounts come to; not 0 where one of them is not in the report."""
        return sum((each.amount for each in self.categories if each.kind == "transfer"), Decimal(0))

    @property
    def count(self) -> int:
        """How many bookings there are, whether listed or not."""
        return sum(each.bookings for each in self.categories)

    def spent_by_category(self) -> list[CategorySum]:
        """The categories that money went out for, the largest first."""
        return sorted(
            (each for each in self.categories if _spending(each)), key=lambda each: (_spending(each), each.name)
        )

    def earned_by_category(self) -> list[CategorySum]:
        """The categories that money came in from, the largest first."""
        return sorted((each for each in self.categories if _income(each)), key=lambda each: (-_income(each), each.name))


@dataclass(slots=True)
class ReportData:
    """A report's contents; `as_of` is the last day that was looked at, before the period's end in a running one."""

    period: Period
    as_of: date
    accounts: Sequence[ChosenAccount]
    parts: list[CurrencyPart]


def _income(each: CategorySum) -> Decimal:
    """A category of expenses has refunds, and one of incomes corrections: its kind decides, without one the sign does."""
    if each.kind == "income":
        return each.amount
    return each.came if each.kind is None else Decimal(0)


def _spending(each: CategorySum) -> Decimal:
    if each.kind == "expense":
        return each.amount
    return each.went if each.kind is None else Decimal(0)


spending_of = _spending
income_of = _income


async def read(
    connection: Any, period: Period, accounts: Sequence[ChosenAccount], as_of: date
) -> AsyncIterator[tuple[float, str, CurrencyPart]]:
    """Read the report's parts, currency by currency; yield the share that is done, what comes next and the part at hand.

    The last yield of a currency is the whole part; give a connection within a repeatable read.
    """
    currencies = list(dict.fromkeys(account.currency for account in accounts))
    for number, currency in enumerate(currencies):
        own = [account for account in accounts if account.currency == currency]
        ids: list[UUID] = [account.id for account in own]
        span = (ids, period.first, period.last)
        part = CurrencyPart(currency)
        steps = ("balances", "categories", "days", "parties", "bookings")
        for step, what in enumerate(steps):
            yield (number + step / len(steps)) / len(currencies), f"{currency}: {what}", part
            if what == "balances":
                for account in own:
                    opening = await balance_of(connection, account, period.first - timedelta(days=1))
                    net = await connection.fetchval(
                        "SELECT coalesce(sum(amount), 0) FROM transactions WHERE account_id = $1 AND booked_on BETWEEN $2 AND $3",
                        account.id, period.first, period.last,
                    )  # fmt: skip
                    part.accounts.append(AccountSum(account, opening, opening + net))
            elif what == "categories":
                part.categories = [CategorySum(*row) for row in await connection.fetch(_BY_CATEGORY, *span)]
            elif what == "days":
                part.buckets = await _buckets(connection, period, span, part.opening, as_of)
            elif what == "parties":
                part.parties = [PartySum(*row) for row in await connection.fetch(_BY_PARTY, *span, PARTIES_SHOWN)]
            else:
                part.bookings = [Booking(*row) for row in await connection.fetch(_BOOKINGS, *span, BOOKINGS_SHOWN)]
        yield (number + 1) / len(currencies), currency, part


async def _buckets(
    connection: Any, period: Period, span: tuple[list[UUID], date, date], opening: Decimal, as_of: date
) -> list[Bucket]:
    unit = BUCKETS[period.kind]
    rows = {row["first_day"]: row for row in await connection.fetch(_BY_BUCKET, *span, unit)}
    last = max([min(period.last, as_of), *rows])
    balance, buckets = opening, []
    day = period.first - timedelta(days=period.first.weekday()) if unit == "week" else period.first
    while day <= last:
        row = rows.get(day)
        balance += row["net"] if row else Decimal(0)
        buckets.append(Bucket(day, row["came"] if row else Decimal(0), row["went"] if row else Decimal(0), balance))
        if unit == "month":
            day = Period.containing(day).moved(1).first
        else:
            day += timedelta(days=7 if unit == "week" else 1)
    return buckets
