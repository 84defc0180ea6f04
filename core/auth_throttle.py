"""How many failed sign-ins are borne: per address and e-mail, and per address, in bounded memory.

A count per e-mail alone would let anybody lock anybody out; so there is none.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import TooManyAttempts

FREE_TRIES = 5
FREE_TRIES_OF_ADDRESS = 30
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
FORGET_AFTER_S = 900.0
MOST_KEYS = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class LoginThrottle:
    """Counts failures; beyond the free ones the wait doubles from 2 s to 5 minutes, and is forgotten after 15 minutes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def begin(self, address: str, email: str) -> None:
        """Let a try begin and count it as failed until it has succeeded, so that tries at once are counted too.

        Raises:
            TooManyAttempts: if this address must wait, with this e-mail or with any; such a try is not counted.
        """
        wait = max(
            self._wait((address, email.casefold()), FREE_TRIES),
            self._wait((address, ""), FREE_TRIES_OF_ADDRESS),
        )
        if wait > 0:
            raise TooManyAttempts(math.ceil(wait))
        for key in ((address, email.casefold()), (address, "")):
            found = self._fresh(key)
            if found is None:
                self._failures[key] = _Failures(1, self._clock())
            else:
                found.count += 1
                found.last = self._clock()
                self._failures.move_to_end(key)
        while len(self._failures) > MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, email: str) -> None:
        """Forget the failures of this address with this e-mail."""
        self._failures.pop((address, email.casefold()), None)
        of_address = self._failures.get((address, ""))
        if of_address is not None:
            of_address.count -= 1

    def _wait(self, key: tuple[str, str], free: int) -> float:
        found = self._fresh(key)
        if found is None or found.count < free:
            return 0.0
        # The exponent is cut before the power is taken: 2.0 ** 2000 overflows.
        pause = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(found.count - free, 16))
        return found.last + pause - self._clock()

    def _fresh(self, key: tuple[str, str]) -> _Failures | None:
        found = self._failures.get(key)
        if found is not None and self._clock() - found.last > FORGET_AFTER_S:
            del self._failures[key]
            return None
        return found
