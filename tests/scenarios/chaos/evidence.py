"""What a run left behind, from every side, as plain data that can be kept in a file and judged later."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from tests.scenarios.chaos.ledger import Entry
from tests.scenarios.chaos.plan import Plan


class Sent(msgspec.Struct, kw_only=True):
    """What became of sending an order.

    Attributes:
        outcome: `accepted` and `duplicate` are answers; `unknown` if none came; `refused` if it was turned down.
        job: the id of the job that stands, if an answer said so.
        tries: how often it was sent, always under one id.
    """

    number: int
    outcome: Literal["accepted", "duplicate", "unknown", "refused"] = "unknown"
    job: str | None = None
    tries: int = 0
    sent_at: float = 0.0
    answered_at: float = 0.0
    note: str = ""


class Cancelled(msgspec.Struct, kw_only=True):
    """What became of a cancel: the answer, and the moment it came."""

    number: int
    job: str
    answer: Literal["cancelled", "requested", "final", "unknown", "observed", "none"] = "none"
    tries: int = 0
    answered_at: float = 0.0


class Retried(msgspec.Struct, kw_only=True):
    """What became of a retry by hand; `done` if the job was given another life."""

    number: int
    job: str
    done: bool = False
    answers: list[str] = []


class Crash(msgspec.Struct, kw_only=True):
    """A trouble as it was made: which processes it hit, from when to when."""

    what: str
    target: str
    pids: list[int] = []
    began: float = 0.0
    ended: float = 0.0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the stream; `state` and `was` only of moves, `number` only where the row came along.

    Events of queues have no job; `queue` and `task` say what was paused then.
    """

    seq: int
    type: str
    job: str = ""
    attempt: int = 0
    queue: str | None = None
    task: str | None = None
    was: str | None = None
    state: str | None = None
    number: int | None = None
    reason: str | None = None
    final_reason: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A job's row in the database; times are the queue server's, in milliseconds."""

    job: str
    number: int
    status: str
    attempts: int
    errors: int
    deliveries: int
    final_reason: str | None = None
    created_ms: int = 0
    ended_ms: int | None = None
    key: str | None = None
    result: int | None = None


class Try(msgspec.Struct, frozen=True):
    """A row of the table of attempts."""

    job: str
    attempt: int
    state: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the websocket client was told: an event, or a row of a snapshot (`seq` is the row's)."""

    job: str
    seq: int
    state: str


class Span(msgspec.Struct, kw_only=True):
    """What the websocket client was told from one snapshot to the next."""

    since: int = 0
    until: int = 0
    rows: list[Seen] = []
    events: list[Seen] = []


class Evidence(msgspec.Struct, kw_only=True):
    """All of it."""

    plan: Plan
    sent: list[Sent] = []
    unanswered: bool = False
    cancels: list[Cancelled] = []
    retries: list[Retried] = []
    crashes: list[Crash] = []
    ledger: list[Entry] = []
    stream: list[Told] = []
    rows: list[Row] = []
    tries: list[Try] = []
    counts: dict[str, int] = {}
    minutes: dict[str, int] = {}
    results: dict[str, int | None] = {}
    gateway: dict[str, str] = {}
    spans: list[Span] = []
    listener_error: str | None = None
    leftovers: list[str] = []
    survivors: list[str] = []
    ends: dict[str, int] = {}
    output: list[str] = []

    def save(self, path: Path) -> None:
        """Write it down as JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


def load(path: Path) -> Evidence:
    """Read evidence that was kept."""
    return msgspec.json.decode(path.read_bytes(), type=Evidence)
