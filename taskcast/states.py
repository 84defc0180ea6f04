"""The vocabulary of a job's life: its states, the moves between them, its priorities and why it ended.

The table of moves is data. The engine's scripts are given it, the recorder asks it, and the documentation prints it;
nobody writes a second copy of it in an `if`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class JobState(StrEnum):
    """The seven states of a job, stored as text so that `psql` is readable."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Tell whether a job in this state has ended; only a retry by hand moves it again."""
        return self in FINAL


class Priority(IntEnum):
    """How urgent a job is within its queue; the shares are 1, 3, 9 and 27."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    CRITICAL = 4

    @classmethod
    def parse(cls, value: object) -> Priority:
        """Return the priority named by a member, its number or its name in any case.

        Raises:
            ValueError: for anything else; the message lists the names.
        """
        if isinstance(value, str) and value.upper() in cls.__members__:
            return cls[value.upper()]
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value in cls._value2member_map_:
            return cls(value)
        raise ValueError(f"priority must be one of {', '.join(cls.__members__)} or 1 to 4, not {value!r}")


class FinalReason(StrEnum):
    """Why a job failed for good. All but `error` are dead letters."""

    ERROR = "error"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    UNKNOWN_TASK = "unknown_task"
    UNREADABLE = "unreadable"
    FORGOTTEN = "forgotten"


class QueuedReason(StrEnum):
    """Why a job came into its lane."""

    ENQUEUED = "enqueued"
    DUE = "due"
    RETRY = "retry"
    RELEASED = "released"
    RECLAIMED = "reclaimed"
    RECONCILED = "reconciled"


FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})

MOVES: dict[JobState | None, frozenset[JobState]] = {
    None: frozenset({JobState.SCHEDULED, JobState.QUEUED}),
    JobState.SCHEDULED: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset(
        {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.RETRYING, JobState.QUEUED}
    ),
    JobState.RETRYING: frozenset({JobState.QUEUED, JobState.CANCELLED, JobState.FAILED}),
    JobState.COMPLETED: frozenset({JobState.QUEUED, JobState.SCHEDULED}),
    JobState.FAILED: frozenset({JobState.QUEUED, JobState.SCHEDULED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED, JobState.SCHEDULED}),
}
"""From state to the states that may follow; `None` is a job that does not exist yet.

A final state is left by a retry by hand alone, which queues the job, or schedules it when the retry has a delay.
"""


def may_move(was: JobState | None, state: JobState) -> bool:
    """Tell whether the table of moves has an arrow from `was` to `state`."""
    return state in MOVES[was]
