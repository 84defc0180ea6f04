"""One event as the hub holds it: the line as it came, and the few fields that decide who gets it."""

from __future__ import annotations

import sys

import msgspec

from core.gateway.live.shorten import EVENT_BYTES, shorten
from taskcast.events import Logged
from taskcast.states import FINAL, JobState

OVERHEAD_BYTES = 400
"""What an entry costs in memory besides its line, about."""

UNFINISHED = frozenset(JobState) - FINAL
_RUNNING = frozenset({JobState.RUNNING})
STATES_OF: dict[str, frozenset[JobState]] = {
    "job.progressed": _RUNNING,
    "job.logged": _RUNNING,
    "job.cancel_requested": _RUNNING,
    "job.cancel_seen": _RUNNING,
    "job.lost": _RUNNING,
    "job.stuck": _RUNNING,
    "job.deduplicated": UNFINISHED,
    "job.deleted": FINAL,
}
"""In which states a job can be at an event that is no move."""


class _Head(msgspec.Struct, gc=False):
    type: str
    seq: int
    job: str | None = None
    task: str | None = None
    queue: str | None = None
    user: str | None = None
    attempt: int = 0
    was: str | None = None
    state: str | None = None


class _Data(msgspec.Struct, gc=False):
    priority: int | None = None


class _WithData(msgspec.Struct, gc=False):
    data: _Data


class _LogLine(msgspec.Struct, gc=False):
    data: Logged


_head = msgspec.json.Decoder(_Head)
_with_data = msgspec.json.Decoder(_WithData)
_log_line = msgspec.json.Decoder(_LogLine)


class Entry:
    """An event, decoded only as far as the hub needs it."""

    __slots__ = ("_tail", "attempt", "job", "line", "priority", "queue", "seq", "state", "task", "type", "user", "was")

    def __init__(self, line: bytes) -> None:
        head = _head.decode(line)
        self.line = line if len(line) <= EVENT_BYTES else shorten(line)
        self.seq = head.seq
        self.type = sys.intern(head.type)
        self.job = head.job
        self.task = sys.intern(head.task) if head.task else head.task
        self.queue = sys.intern(head.queue) if head.queue else head.queue
        self.user = sys.intern(head.user) if head.user else head.user
        self.attempt = head.attempt
        self.was = sys.intern(head.was) if head.was else None
        self.state = sys.intern(head.state) if head.state else None
        self.priority: int | None = None
        self._tail: str | None = None
        if self.type in ("job.queued", "job.scheduled"):
            self.priority = _with_data.decode(line).data.priority

    @property
    def size(self) -> int:
        """What it costs in memory, about, in bytes."""
        return len(self.line) + OVERHEAD_BYTES

    @property
    def is_progress(self) -> bool:
        """Tell whether a later one of the same attempt makes it worthless."""
        return self.type == "job.progressed"

    @property
    def is_log(self) -> bool:
        """Tell whether it may be dropped with a gap."""
        return self.type == "job.logged"

    @property
    def line_number(self) -> int:
        """The number of a log line within its attempt."""
        return _log_line.decode(self.line).data.line

    @property
    def tail(self) -> str:
        """What follows `{"s":"...","ev":` in a frame."""
        if self._tail is None:
            self._tail = f'{self.line.decode()},"pos":"{self.seq}"}}'
        return self._tail

    def forget_tail(self) -> None:
        """Free the text of a tick that is over."""
        self._tail = None


def conflate(entries: list[Entry]) -> list[Entry]:
    """Return the entries without progress that a later one of the same attempt replaces."""
    latest = {(entry.job, entry.attempt): entry.seq for entry in entries if entry.is_progress}
    if not latest:
        return entries
    return [entry for entry in entries if not entry.is_progress or latest[entry.job, entry.attempt] == entry.seq]
