"""Amounts that stand out, by the modified z-score of Iglewicz and Hoaglin over the logarithms of the usual amounts.

It is made of medians (0.6745 * |x - median| / MAD), so that the unusual amounts themselves do not hide each other, and of
logarithms, as purchases spread by factors and not by sums.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from workers.finance.insights.lines import Line

THRESHOLD = 3.5
LEAST_USUAL = 8
COMPARED = 1000
LOOKS_BACK = timedelta(days=365)
LEAST_TIMES_MEDIAN = 2
FLAT = math.log(1.5)
"""Where all usual amounts are the same, and their MAD is 0: what is half as much again stands out."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """A booking that stands out; `score` is None where the usual amounts are all the same."""

    line: Line
    among: str
    usual: Decimal
    score: float | None
    compared: int


def find_unusual(lines: Iterable[Line], first: date, last: date) -> list[Unusual]:
    """Return the outgoing bookings between two days that stand out, the largest first; `lines` come oldest first.

    A booking is compared with those of the year before it with the same party, or if there are less than eight, of the
    same category.
    """
    parties: dict[str, list[Line]] = defaultdict(list)
    categories: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.amount < 0:
            parties[line.whom.casefold()].append(line)
            if line.category:
                categories[line.category].append(line)
    found = []
    for group in parties.values():
        for line in group:
            if first <= line.booked_on <= last:
                judged = _judged(line, group, line.whom) or (
                    None
                    if line.category is None or _enough(line, group)
                    else _judged(line, categories[line.category], line.category)
                )
                if judged is not None:
                    found.append(judged)
    return sorted(found, key=lambda each: (each.line.amount, each.line.id))


def _usual(line: Line, group: list[Line]) -> list[Line]:
    """Return what the group, oldest first, holds of the year before a line, its last thousand at most."""
    end = bisect_right(group, line.booked_on, key=_day)
    begin = max(bisect_left(group, line.booked_on - LOOKS_BACK, key=_day), end - COMPARED)
    return [other for other in group[begin:end] if other.id != line.id]


def _day(line: Line) -> date:
    return line.booked_on


def _enough(line: Line, group: list[Line]) -> bool:
    return len(_usual(line, group)) >= LEAST_USUAL


def _judged(line: Line, group: list[Line], among: str) -> Unusual | None:
    usual = _usual(line, group)
    if len(usual) < LEAST_USUAL:
        return None
    middle = median(-other.amount for other in usual)
    if -line.amount < middle * LEAST_TIMES_MEDIAN and -line.amount - middle < middle:
        return None
    logs = [math.log(-other.amount) for other in usual]
    centre = median(logs)
    spread = median(abs(value - centre) for value in logs)
    distance = math.log(-line.amount) - centre
    if spread == 0:
        return Unusual(line, among, middle, None, len(usual)) if distance > FLAT else None
    score = 0.6745 * distance / spread
    return Unusual(line, among, middle, round(score, 2), len(usual)) if score > THRESHOLD else None
