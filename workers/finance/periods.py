"""Periods of the calendar: a month, a quarter or a year, as people write them and as the ledger's dates need them."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from taskcast.errors import TaskcastError

PeriodKind = Literal["month", "quarter", "year"]

MONTHS = {"month": 1, "quarter": 3, "year": 12}
_WRITTEN = re.compile(r"(?P<year>[0-9]{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2])))?")


class PeriodWrong(TaskcastError, ValueError):
    """The period is none; write 2026-11, 2026-Q4 or 2026."""

    code = "period_wrong"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A month, a quarter or a year, from its first day to its last.

    Example:
        Period.of("2026-Q4").last  # -> date(2026, 12, 31)
    """

    first: date
    kind: PeriodKind

    @classmethod
    def of(cls, written: str, *, field: str = "period") -> Period:
        """Return the period written as `2026-11`, `2026-Q4` or `2026`.

        Raises:
            PeriodWrong: if it is none of these, or not between the years 1900 and 2999.
        """
        match = _WRITTEN.fullmatch(written.strip().upper()) if isinstance(written, str) else None
        if match is None or not 1900 <= int(match["year"]) <= 2999:
            raise PeriodWrong(f"{field}: {str(written)[:40]!r} is no period; write 2026-11, 2026-Q4 or 2026")
        year = int(match["year"])
        if match["quarter"]:
            return cls(date(year, int(match["quarter"]) * 3 - 2, 1), "quarter")
        if match["month"]:
            return cls(date(year, int(match["month"]), 1), "month")
        return cls(date(year, 1, 1), "year")

    @classmethod
    def of_month(cls, month: str | None, day: date) -> Period:
        """Return the month written as `2026-11`, or that of the day if none is written.

        Raises:
            PeriodWrong: if it is no month.
        """
        chosen = cls.of(month, field="month") if month else cls.containing(day)
        if chosen.kind != "month":
            raise PeriodWrong(f"month: {month!r} is no month; write one such as 2026-11")
        return chosen

    @classmethod
    def containing(cls, day: date, kind: PeriodKind = "month") -> Period:
        """Return the period of this kind that the day lies in.

        Raises:
            PeriodWrong: if the kind is none.
        """
        if kind not in MONTHS:
            raise PeriodWrong(f"period: {str(kind)[:40]!r} is no kind of period; choose month, quarter or year")
        months = MONTHS[kind]
        return cls(date(day.year, (day.month - 1) // months * months + 1, 1), kind)

    @property
    def last(self) -> date:
        """The last day."""
        return _moved(self.first, MONTHS[self.kind]) - timedelta(days=1)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def name(self) -> str:
        """The name for people: `November 2026`, `Q4 2026` or `2026`."""
        if self.kind == "month":
            return f"{calendar.month_name[self.first.month]} {self.first.year}"
        return f"Q{self._quarter} {self.first.year}" if self.kind == "quarter" else f"{self.first.year}"

    def moved(self, by: int) -> Period:
        """Return the period so many later, or earlier if `by` is negative."""
        return Period(_moved(self.first, by * MONTHS[self.kind]), self.kind)

    def __str__(self) -> str:
        if self.kind == "month":
            return f"{self.first:%Y-%m}"
        return f"{self.first.year}-Q{self._quarter}" if self.kind == "quarter" else f"{self.first.year}"

    @property
    def _quarter(self) -> int:
        return (self.first.month + 2) // 3


def today() -> date:
    """Return the day in UTC, as every worker sees it."""
    return datetime.now(UTC).date()


def _moved(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
