"""Finds the insights of one account for a month, and keeps them in the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from workers.finance.insights.forecast import Forecast, forecast
from workers.finance.insights.lines import Insight, Line, key_of
from workers.finance.insights.recurring import Rise, Series, find_rises, find_series
from workers.finance.insights.unusual import Unusual, find_unusual
from workers.finance.money import fits, money, rounded, shown
from workers.finance.notices import Notice
from workers.finance.periods import Period
from workers.finance.selection import ChosenAccount

LOOKS_BACK_MONTHS = 25
RISES_SHOWN_MONTHS = 3
EVIDENCE_LINES = 40
FETCHED = 5000

_LINES = """
SELECT t.id, t.booked_on, t.amount, t.counterparty, t.text, c.name
FROM transactions t LEFT JOIN categories c ON c.id = t.category_id
WHERE t.account_id = $1 AND t.booked_on BETWEEN $2 AND $3
ORDER BY t.booked_on, t.id
"""

_BALANCE = """
WITH known AS (
    SELECT id, booked_on, balance FROM transactions
    WHERE account_id = $1 AND booked_on <= $2 AND balance IS NOT NULL ORDER BY booked_on DESC, line DESC, id DESC LIMIT 1
)
SELECT coalesce((SELECT balance FROM known), 0) + coalesce(sum(t.amount), 0)
FROM transactions t LEFT JOIN known k ON true
WHERE t.account_id = $1 AND t.booked_on <= $2 AND (k.id IS NULL OR t.booked_on > k.booked_on)
"""

_UPSERT = """
INSERT INTO insights (id, kind, key, month, account_id, title, text, amount, currency, evidence, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, now(), now())
ON CONFLICT (kind, key, month) DO UPDATE SET title = excluded.title, text = excluded.text, amount = excluded.amount,
    currency = excluded.currency, evidence = excluded.evidence, updated_at = excluded.updated_at
"""


async def load_lines(connection: Any, account: ChosenAccount, month: Period) -> list[Line]:
    """Return the account's bookings of the last two years up to the month's end, oldest first."""
    first = month.moved(-LOOKS_BACK_MONTHS).first
    return [Line(*row) async for row in connection.cursor(_LINES, account.id, first, month.last, prefetch=FETCHED)]


async def balance_of(connection: Any, account: ChosenAccount, as_of: date) -> Decimal:
    """Return what the account holds at the end of a day: the last balance its bank told, and what was booked since."""
    balance: Decimal = await connection.fetchval(_BALANCE, account.id, as_of)
    return balance


def find(account: ChosenAccount, lines: Sequence[Line], month: Period, as_of: date, balance: Decimal) -> list[Insight]:
    """Return what is worth knowing of an account in a month; it needs no connection, so that it can run in a thread.

    The forecast is made for the month at hand only, as the end of an earlier one is known.
    """
    day = min(as_of, month.last)
    series = find_series(lines, day)
    since = month.moved(1 - RISES_SHOWN_MONTHS).first
    found = [_recurring(account, month, each) for each in series]
    found += [_rise(account, rise) for each in series for rise in find_rises(each, since)]
    found += [_unusual(account, month, each) for each in find_unusual(lines, month.first, day)]
    if lines and month.first <= as_of < month.last:
        seen = forecast(lines, series, balance=balance, as_of=as_of, last=month.last)
        found.append(_forecast(account, month, as_of, seen))
    return found


async def keep(connection: Any, account: ChosenAccount, month: Period, found: Iterable[Insight]) -> int:
    """Store an account's insights of a month in place of those found before, and return how many there are.

    Price rises stand in the month they were found for.
    """
    found = list(found)
    since = month.moved(1 - RISES_SHOWN_MONTHS).first
    await connection.execute(
        """DELETE FROM insights WHERE account_id = $1 AND NOT id = ANY($2::uuid[])
           AND (month = $3 OR (kind = 'price_rise' AND month BETWEEN $4 AND $3))""",
        account.id, [each.id for each in found], month.first, since,
    )  # fmt: skip
    await connection.executemany(
        _UPSERT,
        [
            (
                each.id, each.kind, each.key, each.month, each.account_id, each.title[:255], each.text,
                each.amount if each.amount is not None and fits(each.amount) else None, each.currency, json.dumps(each.evidence),
            )
            for each in found
        ],
    )  # fmt: skip
    return len(found)


def notices_of(account: ChosenAccount, found: Iterable[Insight]) -> list[Notice]:
    """Return what the account's owner is to be told: unusual amounts, price rises, and a forecast below zero."""
    if not account.user_id or "@" not in account.user_id:
        return []
    return [
        Notice(account.user_id, each.kind, str(each.id), each.title, each.text)
        for each in found
        if each.kind in {"unusual", "price_rise"} or (each.kind == "forecast" and (each.amount or 0) < 0)
    ]


def _recurring(account: ChosenAccount, month: Period, series: Series) -> Insight:
    currency = account.currency
    way = "comes in" if series.amount > 0 else "goes out"
    return Insight(
        "recurring",
        key_of(account.id, "in" if series.amount > 0 else "out", series.whom),
        month.first,
        account.id,
        f"{series.whom}: {shown(abs(series.amount), currency)} {currency} {series.interval.name}",
        series.whom,
        f"It {way} {series.interval.name}, {shown(abs(series.a_year), currency)} {currency} a year; next about "
        f"{series.next_on.isoformat()}.",
        series.amount,
        currency,
        {
            "interval": series.interval.name,
            "times": len(series.lines),
            "first_on": series.lines[0].booked_on.isoformat(),
            "last_on": series.lines[-1].booked_on.isoformat(),
            "next_on": series.next_on.isoformat(),
            "a_year": money(rounded(series.a_year, currency), currency),
            "transactions": [line.id for line in series.lines[-EVIDENCE_LINES:]],
        },
    )


def _rise(account: ChosenAccount, rise: Rise) -> Insight:
    currency, whom = account.currency, rise.series.whom
    more = (rise.before.amount - rise.after.amount) * rise.series.interval.a_year
    return Insight(
        "price_rise",
        key_of(account.id, rise.after.booked_on, whom),
        Period.containing(rise.after.booked_on).first,
        account.id,
        f"{whom} went up by {rise.share:.1%}",
        f"{whom} went up by {rise.share:.1%}",
        f"From {shown(-rise.before.amount, currency)} to {shown(-rise.after.amount, currency)} {currency} "
        f"{rise.series.interval.name} since {rise.after.booked_on.isoformat()}: {shown(more, currency)} {currency} more a year.",
        -more,
        currency,
        {
            "before": money(-rise.before.amount, currency),
            "after": money(-rise.after.amount, currency),
            "since": rise.after.booked_on.isoformat(),
            "more_a_year": money(rounded(more, currency), currency),
            "transactions": [rise.before.id, rise.after.id],
        },
    )


def _unusual(account: ChosenAccount, month: Period, unusual: Unusual) -> Insight:
    currency, line = account.currency, unusual.line
    return Insight(
        "unusual",
        key_of(account.id, line.id),
        month.first,
        account.id,
        f"{line.whom}: {shown(-line.amount, currency)} {currency} is unusual",
        line.whom,
        f"On {line.booked_on.isoformat()}; usual for {unusual.among} are {shown(unusual.usual, currency)} {currency}.",
        line.amount,
        currency,
        {
            "statistic": "modified z-score (median absolute deviation) of log amounts",
            "score": unusual.score,
            "threshold": 3.5,
            "usual": money(rounded(unusual.usual, currency), currency),
            "compared": unusual.compared,
            "among": unusual.among,
            "booked_on": line.booked_on.isoformat(),
            "transactions": [line.id],
        },
    )


def _forecast(account: ChosenAccount, month: Period, as_of: date, seen: Forecast) -> Insight:
    currency = account.currency
    low, high, at_end = (rounded(value, currency) for value in (seen.low, seen.high, seen.at_end))
    return Insight(
        "forecast",
        key_of(account.id),
        month.first,
        account.id,
        f"{account.name}: about {shown(at_end, currency)} {currency} on {month.last.isoformat()}",
        f"On {month.last.isoformat()}",
        f"{shown(seen.balance, currency)} {currency} on {as_of.isoformat()}; likely between {shown(low, currency)} and "
        f"{shown(high, currency)} at the month's end.",
        at_end,
        currency,
        {
            "as_of": as_of.isoformat(),
            "balance": money(rounded(seen.balance, currency), currency),
            "low": money(low, currency),
            "high": money(high, currency),
            "usual_a_day": money(rounded(seen.daily, currency), currency),
            "days_left": seen.days,
            "expected": [
                {"on": on.isoformat(), "whom": each.whom, "amount": money(each.amount, currency)}
                for on, each in seen.expected[:EVIDENCE_LINES]
            ],
        },
    )
