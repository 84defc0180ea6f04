"""The latest events in memory, for readers that were away for a moment or read a snapshot that is a little old."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from core.gateway.live.entry import Entry

MAX_EVENTS = 50_000
MAX_BYTES = 64 * 1024 * 1024
SLACK = 1_024


class Ring:
    """Entries in the order of their seq; `base` is the seq before the first one."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.base: int | None = None
        self.last: int | None = None
        self._entries: list[Entry] = []
        self._seqs: list[int] = []
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._entries)

    def start(self, position: int) -> None:
        """Forget all and begin after `position`."""
        self._entries, self._seqs, self._bytes = [], [], 0
        self.base = self.last = position

    def extend(self, entries: Iterable[Entry], last: int) -> None:
        """Add a batch that ends with seq `last`; the oldest entries leave when there are too many."""
        for entry in entries:
            self._entries.append(entry)
            self._seqs.append(entry.seq)
            self._bytes += entry.size
        self.last = last
        if len(self._entries) > self._max_events + SLACK or self._bytes > self._max_bytes:
            self._shrink()

    def holds(self, position: int) -> bool:
        """Tell whether everything after `position` is here."""
        return self.base is not None and position >= self.base

    def knows(self, position: int) -> bool:
        """Tell whether `position` is the seq of an event here, or where the ring begins or ends.

        Another number means that the past was rewritten since a client was told it.
        """
        if position in (self.base, self.last):
            return True
        index = bisect_left(self._seqs, position)
        return index < len(self._seqs) and self._seqs[index] == position

    def after(self, position: int, until: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries with `position` < seq <= `until`."""
        first = bisect_right(self._seqs, position)
        end = bisect_right(self._seqs, until)
        return self._entries[first : min(end, first + limit)]

    def _shrink(self) -> None:
        drop = max(0, len(self._entries) - self._max_events)
        over = self._bytes - sum(entry.size for entry in self._entries[:drop])
        while over > self._max_bytes and drop < len(self._entries):
            over -= self._entries[drop].size
            drop += 1
        if drop:
            self.base = self._seqs[drop - 1]
            del self._entries[:drop], self._seqs[:drop]
            self._bytes = over
