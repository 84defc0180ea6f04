"""What an account will hold at the month's end: what it holds, what recurs until then, and what is spent on the usual days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from workers.finance.insights.lines import Line
from workers.finance.insights.recurring import Series

MONTHS_COMPARED = 6


@dataclass(frozen=True, slots=True)
class Forecast:
    """An account's expected balance on a day, likely between `low` and `high`.

    Attributes:
        daily: what is spent and taken in besides the recurring bookings on a usual day.
        spread: by how much a month's worth of it usually differs (median absolute deviation).
        expected: the recurring bookings still to come, with their days.
    """

    balance: Decimal
    on: date
    daily: Decimal
    days: int
    spread: Decimal
    expected: tuple[tuple[date, Series], ...]

    @property
    def at_end(self) -> Decimal:
        """The expected balance."""
        return self.balance + sum((series.amount for _, series in self.expected), Decimal(0)) + self.daily * self.days

    @property
    def low(self) -> Decimal:
        """What it is if the rest of the month is dear."""
        return self.at_end - self.spread

    @property
    def high(self) -> Decimal:
        """What it is if the rest of the month is cheap."""
        return self.at_end + self.spread


def forecast(lines: Sequence[Line], series: Sequence[Series], *, balance: Decimal, as_of: date, last: date) -> Forecast:
    """Return the balance expected on `last`, as seen on `as_of`; `balance` is that of `as_of`."""
    recurring = {line.id for each in series for line in each.lines}
    months: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    this = (as_of.year, as_of.month)
    for line in lines:
        month = (line.booked_on.year, line.booked_on.month)
        if month < this:
            months[month] += Decimal(0) if line.id in recurring else line.amount
    totals = [months[month] for month in sorted(months)[-MONTHS_COMPARED:]]
    usual = median(totals) if totals else Decimal(0)
    spread = median(abs(total - usual) for total in totals) if totals else Decimal(0)
    days = (last - as_of).days
    expected = []
    for each in series:
        day = each.next_on
        while day <= last:
            if day > as_of - timedelta(days=each.interval.slack):
                expected.append((max(day, as_of + timedelta(days=1)), each))
            day += timedelta(days=each.interval.days)
    return Forecast(
        balance,
        last,
        usual / Decimal("30.4375"),
        days,
        spread * days / 30,
        tuple(sorted(expected, key=lambda pair: (pair[0], pair[1].whom))),
    )
