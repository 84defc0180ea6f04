"""The priorities of jobs, for filters by priority.

Only `job.queued` and `job.scheduled` carry the priority. While somebody filters by it, the hub remembers it per job, and
asks the database for jobs that were accepted before; without such a filter nothing is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from core.gateway.live.entry import Entry
from taskcast.states import FINAL

MAX_REMEMBERED = 100_000

Find = Callable[[list[str]], Awaitable[dict[str, int]]]


class Priorities:
    """From job id to priority, for the jobs seen lately."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._known: dict[str, int] = {}

    def forget(self) -> None:
        """Nobody filters by priority now, so what is remembered would grow old."""
        if self._known:
            self._known.clear()

    async def resolve(self, entries: Iterable[Entry]) -> None:
        """Set the priority of every entry of a job, as far as anybody knows it."""
        unknown: list[Entry] = []
        for entry in entries:
            if entry.job is None:
                continue
            if entry.priority is not None:
                self._known[entry.job] = entry.priority
            else:
                entry.priority = self._known.get(entry.job)
                if entry.priority is None:
                    unknown.append(entry)
            if entry.state in FINAL:
                self._known.pop(entry.job, None)
        if unknown:
            found = await self._find(sorted({entry.job for entry in unknown if entry.job}))
            for entry in unknown:
                entry.priority = found.get(entry.job or "")
                if entry.priority is not None and entry.job and entry.state not in FINAL:
                    self._known[entry.job] = entry.priority
        while len(self._known) > MAX_REMEMBERED:
            self._known.pop(next(iter(self._known)))
