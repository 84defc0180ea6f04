"""How long jobs took, as a histogram with the bounds 10^(i/10) milliseconds, i = 0..80: small, addable, within 13 %."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

LAST = 80

Histogram = dict[int, int]
"""From the bucket's index to how many durations fell into it."""


def bucket(duration_ms: float) -> int:
    """Return the index of the first bound that is not below the duration; the last bucket takes all above."""
    if duration_ms <= 1:
        return 0
    return min(math.ceil(10 * math.log10(duration_ms) - 1e-9), LAST)


def bound(index: int) -> float:
    """Return the upper bound of a bucket in milliseconds."""
    return float(10 ** (index / 10))


def add(into: Histogram, other: Mapping[int, int]) -> None:
    """Add one histogram to another."""
    for index, count in other.items():
        into[index] = into.get(index, 0) + count


def percentiles(histogram: Mapping[int, int], wanted: Iterable[float]) -> list[float | None]:
    """Return the durations in milliseconds below which these shares (0 to 1) of all lie; None if there are none."""
    total = sum(histogram.values())
    buckets = sorted(histogram.items())
    return [_percentile(buckets, total, share) if total else None for share in wanted]


def _percentile(buckets: list[tuple[int, int]], total: int, share: float) -> float:
    rank, before = share * total, 0
    for index, count in buckets:
        if before + count >= rank:
            low, high = bound(index - 1) if index else 0.0, bound(index)
            return round(low + (high - low) * max(rank - before, 0) / count, 1)
        before += count
    return bound(buckets[-1][0])
