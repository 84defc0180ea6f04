"""What goes into the engine and what comes out of it, as plain structs; nothing here talks to a server."""

from __future__ import annotations

from typing import Literal

import msgspec

from taskcast.events import Json
from taskcast.ids import FOREIGN_ID, check_queue_name
from taskcast.limits import check_key

MESSAGE_MAX_BYTES = 1024 * 1024
"""The largest message the engine accepts; larger data belongs into a file."""

LATEST_MS = 253_370_764_800_000 - 1
"""The end of the year 9998: every reader can show it in every time zone."""

ItemKind = Literal["progressed", "logged"]
EndState = Literal["completed", "failed", "cancelled", "retrying"]
Held = tuple[str, int]
"""A job's id and the attempt that a worker holds."""


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to be accepted: the message for the worker and the row for everyone who watches.

    `message` is the Taskiq message as sent (at most 1 MiB), `data` its arguments by name, redacted and cut to 16 KiB.
    `delay_ms` counts from the server's now and wins over the absolute `run_at_ms`. `created_at_ms` is given only for a
    job that existed before (a retry by hand, a re-send); else it is the server's now.

    At most `concurrency` jobs of one `concurrency_key` run at once; at most `rate_count` of one `rate_limit_key` begin
    in a burst and in every `rate_period_ms` after it. Either key is the task's name if it is None.
    """

    id: str
    task: str
    queue: str = "default"
    priority: int = 2
    message: bytes
    data: Json = None
    user_id: str | None = None
    run_at_ms: int | None = None
    delay_ms: int | None = None
    created_at_ms: int | None = None
    max_attempts: int = 1
    timeout_s: float | None = None
    max_deliveries: int = 3
    deduplication_key: str | None = None
    rate_limit_key: str | None = None
    rate_count: int | None = None
    rate_period_ms: int | None = None
    concurrency: int | None = None
    concurrency_key: str | None = None
    metadata: dict[str, Json] = {}
    by: str | None = None
    keep_message: bool = True

    def check(self) -> None:
        """Refuse what the scripts must never see.

        Raises:
            ValueError: naming the field and what it may be.
        """
        if not FOREIGN_ID.fullmatch(self.id):
            raise ValueError(
                f"id: {self.id[:80]!r} is no job id; use 1 to 128 letters, digits or '.', '_', '~', ':', '-'"
            )
        check_queue_name(self.queue)
        if self.run_at_ms is not None and not 0 <= self.run_at_ms <= LATEST_MS:
            raise ValueError(f"run_at_ms: must be in the years 1970 to 9998, not {self.run_at_ms!r}")
        if self.priority not in {1, 2, 3, 4}:
            raise ValueError(f"priority: must be 1 (LOW) to 4 (CRITICAL), not {self.priority!r}")
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts: must be 1 or more, not {self.max_attempts!r}")
        if self.max_deliveries < 1:
            raise ValueError(f"max_deliveries: must be 1 or more, not {self.max_deliveries!r}")
        if self.concurrency is not None:
            if self.concurrency < 1:
                raise ValueError(f"concurrency: must be 1 or more, not {self.concurrency!r}")
            check_key("concurrency_key", self.concurrency_key or self.task)
        if self.rate_count is not None:
            if self.rate_count < 1 or not self.rate_period_ms or self.rate_period_ms < 1:
                raise ValueError(
                    f"rate_count, rate_period_ms: must be 1 or more, not {self.rate_count!r} in {self.rate_period_ms!r}"
                )
            check_key("rate_limit_key", self.rate_limit_key or self.task)


class Accepted(msgspec.Struct, frozen=True):
    """The engine's answer to one new job; `stands` is the id of the job that stands.

    `known`: this very id was accepted before, within the last hour. `duplicate`: another unfinished job holds its
    deduplication key.
    """

    job: str
    outcome: Literal["accepted", "known", "duplicate"]
    stands: str


class CancelAsked(msgspec.Struct, frozen=True):
    """Somebody asked this attempt to stop."""

    job: str
    attempt: int
    by: str | None = None
    reason: str | None = None


class Taken(msgspec.Struct, frozen=True):
    """A job that this worker owns from now on; `errors` counts its attempts that ended in an error so far."""

    job: str
    attempt: int
    message: bytes
    errors: int
    max_attempts: int
    timeout_s: float | None
    cancel: CancelAsked | None = None
    queue: str = "default"


class Take(msgspec.Struct, frozen=True):
    """The answer to a take.

    `next_due_ms`: until the next delayed job is due, None if there is none. `lost`: named as held, but no longer this
    worker's. `cancels`: requests not seen yet. `lease_held`: False if the lease had run out; then nothing was taken.
    """

    jobs: list[Taken]
    next_due_ms: int | None
    lost: list[Held]
    cancels: list[CancelAsked]
    lease_held: bool


class Renewed(msgspec.Struct, frozen=True):
    """The answer to a renewal.

    `lease_held` is False if the lease had run out before. It has been taken up again by this very call; `lost` says
    which of the named jobs went to others meanwhile.
    """

    lease_held: bool
    lost: list[Held]
    cancels: list[CancelAsked]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Progress and log lines of one attempt.

    An item is its kind and the JSON text of its event's data. `first_line` is the number of the first logged item; the
    others follow without a hole, so that a report told twice is written once.
    """

    job: str
    attempt: int
    items: list[tuple[ItemKind, bytes]]
    first_line: int = 1


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended.

    `data` is the JSON text of the event's data. Of `retrying` it lacks run_at, errors and max_attempts; of `cancelled`
    it needs only duration_ms: the script adds the rest. `lines` is the rest of the report buffer, `first_line` as in
    `Report`. `ended_ago_ms` says how long this end waited in the worker (by its monotonic clock). A `retrying` that is
    not `counted` is no error of the job's: it was handed back, because this worker does not know its task. `result` is
    kept under `result_key` behind `Names.result_prefix()`, by the same script, for `wait_result()`.
    """

    job: str
    attempt: int
    state: EndState
    data: bytes
    delay_ms: int = 0
    ended_ago_ms: int = 0
    lines: list[tuple[ItemKind, bytes]] = []
    first_line: int = 1
    counted: bool = True
    result: bytes | None = None
    result_key: str = ""


class Ended(msgspec.Struct, frozen=True):
    """The answer to an end.

    `already`: this very end was accepted before, the answer was lost. `refused`: the attempt is not this worker's any
    more. Either way the worker is done with it.
    """

    outcome: Literal["done", "already", "refused"]


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """Who paused a queue or a task, why, since when, and until when if it ends by itself (ms since 1970)."""

    by: str | None = None
    reason: str | None = None
    until_ms: int | None = None
    at_ms: int


class QueueCounts(msgspec.Struct, frozen=True):
    """What a queue holds now.

    `waiting` by priority 1 to 4; `oldest_ms` is the age of the job that waits longest of these. `held`: jobs kept back
    by a limit or because their task is paused.
    """

    name: str
    waiting: dict[int, int]
    running: int
    scheduled: int
    retrying: int
    oldest_ms: int | None
    held: int = 0
    paused: Paused | None = None


class Waiting(msgspec.Struct, frozen=True):
    """Jobs of one queue that wait for a place under a concurrency key: `held` of them, while `running` run under it."""

    key: str
    queue: str
    held: int
    limit: int
    running: int


class Tombstone(msgspec.Struct, frozen=True):
    """How a job ended within the last hour."""

    state: str
    attempt: int
    seq: int


class LiveJob(msgspec.Struct, frozen=True):
    """A job as the engine knows it: an unfinished one has `state`, an ended one only its `tombstone`.

    `seq` is that of its last move, `head` and `row` the JSON fragments its events are made of. `held_by` says what keeps
    a queued job back: `t:<task>` a pause, `c:<concurrency key>` or `r:<rate limit key>` a limit.
    `observed`: another broker runs it, its moves were told by `observe`.
    """

    id: str
    state: str | None
    attempt: int = 0
    errors: int = 0
    deliveries: int = 0
    worker: str | None = None
    queue: str | None = None
    priority: int | None = None
    seq: int = 0
    run_at_ms: int | None = None
    cancel: CancelAsked | None = None
    head: Json = None
    row: Json = None
    tombstone: Tombstone | None = None
    held_by: str | None = None
    observed: bool = False


class ServerState(msgspec.Struct, frozen=True):
    """What the queue server says of itself; `maxmemory` 0 means no limit."""

    run_id: str
    version: str
    uptime_s: int
    seq: int
    used_memory: int
    maxmemory: int
    maxmemory_policy: str
    appendonly: bool
    appendfsync: str | None
