"""A job's bar over its named steps, each with its share of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from taskcast.context import JobContext


class Steps:
    """Tells a job's progress; the bar moves forward only.

    Example:
        steps = Steps(job, {"Reading": 20, "Writing": 80})
        steps.tell("Writing", 0.5, "300 of 600 rows")  # 60 %, step 2 of 2
    """

    def __init__(self, job: JobContext, shares: Mapping[str, float]) -> None:
        self._job = job
        whole = sum(shares.values())
        ends = list(accumulate(shares.values()))
        self._spans = {
            name: (100 * (end - share) / whole, 100 * end / whole)
            for (name, share), end in zip(shares.items(), ends, strict=True)
        }
        self._names = list(shares)
        self._reached = 0.0

    def tell(self, step: str, share: float = 0.0, message: str | None = None) -> None:
        """Tell that `share` (0 to 1) of a step is done."""
        low, high = self._spans[step]
        self._reached = max(self._reached, low + (high - low) * min(1.0, max(0.0, share)))
        self._job.progress(
            round(min(self._reached, 99.9), 1),
            step=step,
            completed=self._names.index(step),
            total=len(self._names),
            message=message,
        )

    def end(self, message: str | None = None) -> None:
        """Tell that everything is done."""
        self._job.progress(
            100.0, step=self._names[-1], completed=len(self._names), total=len(self._names), message=message
        )
