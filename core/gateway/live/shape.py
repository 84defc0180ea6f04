"""What a subscription wants to see and may see; equal shapes get one encoded frame together.

The decision about one event is `Shape.wants`. An event that is no move has no state of its own: progress, logs and
requests belong to a running job, `job.deleted` to an ended one. A priority stands in the events of acceptance only; for
the others the hub looks it up (`core.gateway.live.priorities`) before it asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from core.gateway.live.entry import STATES_OF, Entry
from taskcast.protocol import Filter
from taskcast.states import Priority


@dataclass(frozen=True)
class Shape:
    """A topic with its filter, seen with certain rights, under one subscription's name.

    `job` is the id of a `job:<id>` topic; `user` is set for those who may see only their own jobs.
    """

    sub: str
    job: str | None = None
    filter: Filter | None = None
    user: str | None = None

    @cached_property
    def prefix(self) -> str:
        """What begins each event in a frame."""
        return f'{{"s":"{self.sub}","ev":'

    @property
    def needs_priority(self) -> bool:
        """Tell whether the decision needs an event's priority."""
        return self._priorities is not None

    def wants(self, entry: Entry) -> bool:
        """Tell whether an event is to be sent."""
        if entry.job is None or not entry.type.startswith("job."):
            return False
        if self.user is not None and entry.user != self.user:
            return False
        if self.job is not None:
            return entry.job == self.job
        if entry.is_log:
            return False
        if self._queues is not None and entry.queue not in self._queues:
            return False
        if self._types is not None and entry.task not in self._types:
            return False
        if self._users is not None and entry.user not in self._users:
            return False
        if self._priorities is not None and entry.priority not in self._priorities:
            return False
        return self._statuses is None or self._in_state(entry, self._statuses)

    @staticmethod
    def _in_state(entry: Entry, statuses: frozenset[str]) -> bool:
        if entry.state is not None or entry.was is not None:
            return entry.state in statuses or entry.was in statuses
        return not statuses.isdisjoint(STATES_OF.get(entry.type, ()))

    @cached_property
    def _statuses(self) -> frozenset[str] | None:
        return _set(self.filter.status if self.filter else None)

    @cached_property
    def _queues(self) -> frozenset[str] | None:
        return _set(self.filter.queue if self.filter else None)

    @cached_property
    def _types(self) -> frozenset[str] | None:
        return _set(self.filter.type if self.filter else None)

    @cached_property
    def _users(self) -> frozenset[str] | None:
        return _set(self.filter.user_id if self.filter else None)

    @cached_property
    def _priorities(self) -> frozenset[int] | None:
        names = self.filter.priority if self.filter else None
        return None if names is None else frozenset(int(Priority.parse(name)) for name in names)


def _set(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)
