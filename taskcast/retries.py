"""Whether an attempt that failed is followed by another one, and when."""

from __future__ import annotations

import random

from taskiq.exceptions import TaskRejectedError

from taskcast.failures import Failure
from taskcast.options import TaskOptions

LONGEST_BACKOFF_S = 3600.0
JITTER = 0.2


def is_worth_retrying(failure: Failure, options: TaskOptions) -> bool:
    """Tell whether the task's options want another attempt after this; a rejected job never has one."""
    if failure.is_a(TaskRejectedError, *options.never_retry_on):
        return False
    return options.retry_on is None or failure.is_a(*options.retry_on)


def backoff_ms(options: TaskOptions, errors: int) -> int:
    """Return the pause after the `errors`th error (1 is the first), in milliseconds.

    Exponential doubles from `backoff_s` up to an hour. The jitter of 20 % either way keeps jobs that failed together
    from coming back together.
    """
    pause_s = options.backoff_s
    if options.backoff == "exponential":
        pause_s = min(pause_s * 2.0 ** min(errors - 1, 30), max(LONGEST_BACKOFF_S, options.backoff_s))
    return round(pause_s * 1000 * random.uniform(1 - JITTER, 1 + JITTER))
