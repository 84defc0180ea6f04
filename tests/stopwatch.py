"""How long something took on a machine that had time for it."""

from __future__ import annotations

import threading
import time
from types import TracebackType

TICK_S = 0.01


class Stopwatch:
    """Counts the time of a `with` block, without the moments in which this machine stood still.

    Another thread sleeps for ten milliseconds, again and again. A sleep that takes longer than twice as long was held up by
    the machine, not by what is measured, and counts as two ticks.
    """

    def __init__(self) -> None:
        self._given_s = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> Stopwatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Seconds until now, or until the end of the block."""
        return self._given_s

    def _count(self) -> None:
        before = time.monotonic()
        while not self._stopped.wait(TICK_S):
            now = time.monotonic()
            self._given_s += min(now - before, 2 * TICK_S)
            before = now
