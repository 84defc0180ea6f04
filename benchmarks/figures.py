"""A measured figure, and how several runs become one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `results.json`.

    `target` says what was promised, `against` what it was compared to in the same run, `ratio` is value by that.
    """

    name: str
    value: float
    unit: str
    target: str
    against: str | None = None
    ratio: float | None = None


def median(values: Sequence[float]) -> float:
    """Return the median, rounded to four significant digits."""
    return float(f"{statistics.median(values):.4g}")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return float(f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))]:.4g}")
