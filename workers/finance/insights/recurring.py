"""Payments that come again: found by their intervals, with the next one expected and every rise of their price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

from workers.finance.insights.lines import Line

AMOUNT_TOLERANCE = Decimal("0.35")
"""How far an amount may lie from the one before: price rises and instalments pass, purchases do not."""
REGULAR_SHARE = 0.8
LEAST_TIMES = 3
LEAST_RISE = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Interval:
    """How often, and by how many days it may be off."""

    name: str
    days: int
    slack: int
    a_year: int


INTERVALS = (
    Interval("weekly", 7, 1, 52),
    Interval("fortnightly", 14, 2, 26),
    Interval("monthly", 30, 5, 12),
    Interval("quarterly", 91, 9, 4),
    Interval("yearly", 365, 12, 1),
)


@dataclass(frozen=True, slots=True)
class Series:
    """A recurring payment, oldest first."""

    whom: str
    interval: Interval
    lines: tuple[Line, ...]

    @property
    def amount(self) -> Decimal:
        """What it was the last time."""
        return self.lines[-1].amount

    @property
    def next_on(self) -> date:
        """The day on which it is expected next."""
        return self.lines[-1].booked_on + timedelta(days=self.interval.days)

    @property
    def a_year(self) -> Decimal:
        """What it comes to in a year at the last price."""
        return self.amount * self.interval.a_year


@dataclass(frozen=True, slots=True)
class Rise:
    """A price that went up: the last booking at the old price, the first at the new one."""

    series: Series
    before: Line
    after: Line

    @property
    def share(self) -> Decimal:
        """By how much of the old price, such as 0.15."""
        return self.after.amount / self.before.amount - 1


def find_series(lines: Iterable[Line], as_of: date) -> list[Series]:
    """Return the recurring payments and incomes that still go on, the largest of a year first.

    Bookings with one party and one sign are a series if at least three of them (two for a yearly one) follow each other at
    one interval, at least 80 % of the times, with amounts within 35 % of the one before. One whose next booking is half an
    interval overdue has ended.
    """
    groups: dict[tuple[str, bool], list[Line]] = defaultdict(list)
    for line in lines:
        if line.whom and line.amount and line.booked_on <= as_of:
            groups[line.whom.casefold(), line.amount > 0].append(line)
    found = []
    for group in groups.values():
        group.sort(key=lambda line: (line.booked_on, line.id))
        series = _series(group)
        if series is not None and series.next_on + timedelta(days=series.interval.days // 2) >= as_of:
            found.append(series)
    return sorted(found, key=lambda series: (-abs(series.a_year), series.whom))


def find_rises(series: Series, since: date) -> list[Rise]:
    """Return the rises of an outgoing payment's price whose first booking at the new price is not before `since`."""
    if series.amount >= 0:
        return []
    return [
        Rise(series, before, after)
        for before, after in pairwise(series.lines)
        if after.booked_on >= since and after.amount / before.amount - 1 >= LEAST_RISE and _stays(series, after)
    ]


def _stays(series: Series, after: Line) -> bool:
    """Tell whether the price stayed up: nothing later is cheaper."""
    later = series.lines[series.lines.index(after) :]
    return all(line.amount <= after.amount * (1 - LEAST_RISE) for line in later)


def _series(group: Sequence[Line]) -> Series | None:
    gaps = [(after.booked_on - before.booked_on).days for before, after in pairwise(group)]
    if not gaps:
        return None
    usual = median(gaps)
    interval = next((each for each in INTERVALS if abs(usual - each.days) <= each.slack), None)
    if interval is None or len(group) < (2 if interval.name == "yearly" else LEAST_TIMES):
        return None
    regular = sum(abs(gap - interval.days) <= interval.slack for gap in gaps)
    steady = sum(
        abs(after.amount - before.amount) <= abs(before.amount) * AMOUNT_TOLERANCE for before, after in pairwise(group)
    )
    if min(regular, steady) < REGULAR_SHARE * len(gaps):
        return None
    return Series(group[-1].whom, interval, tuple(group))
