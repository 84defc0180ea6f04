"""How jobs that are new to the engine become the arguments of scripts: `enqueue`, `retry`, `resend` and `observe`.

What else goes to scripts and comes from them is in `wire`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from taskcast.engine.jobs import MESSAGE_MAX_BYTES, Accepted, NewJob
from taskcast.engine.wire import BYTES_PER_CALL, Arg, head, word
from taskcast.errors import MessageTooLarge
from taskcast.events import Json

JOBS_PER_CALL = 200
"""New jobs per script call; more gain nothing and block the server longer."""
USUAL_DELIVERIES = 3
"""`max_deliveries` of a job whose row says nothing about it."""

_json = msgspec.json.Encoder()


class _Concurrency(msgspec.Struct, frozen=True):
    key: str
    limit: int


class _Rate(msgspec.Struct, frozen=True):
    key: str
    count: int
    period_ms: int


class _Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    concurrency: _Concurrency | None = None
    rate: _Rate | None = None


class _Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `events.JobRow` has of the same names; what has its default there is left out."""

    priority: int
    data: Json
    max_attempts: int = 1
    timeout_s: float | None = None
    deduplication_key: str | None = None
    rate_limit_key: str | None = None
    metadata: dict[str, Json] = {}
    max_deliveries: int = USUAL_DELIVERIES
    limits: _Limits | None = None
    observed: bool = False


def arguments(job: NewJob, *, delay_ms: int | None = None, is_observed: bool = False) -> list[Arg]:
    """Return the twelve arguments that a new job takes in `enqueue`, `retry` and `resend`.

    Raises:
        MessageTooLarge: the message is over 1 MiB.
        ValueError: a field is wrong.
    """
    job.check()
    if len(job.message) > MESSAGE_MAX_BYTES:
        raise MessageTooLarge(
            f"message: job {job.id} of task {job.task!r} has {len(job.message)} bytes, at most {MESSAGE_MAX_BYTES}"
            " are allowed; put large data into a file and pass its id"
        )
    delay_ms = job.delay_ms if delay_ms is None else delay_ms
    if delay_ms is not None:
        when = f"+{delay_ms}" if delay_ms > 0 else ""
    else:
        when = "" if job.run_at_ms is None else str(job.run_at_ms)
    row = _Row(
        job.priority,
        job.data,
        job.max_attempts,
        job.timeout_s,
        job.deduplication_key,
        job.rate_limit_key,
        job.metadata,
        job.max_deliveries,
        observed=is_observed,
    )
    limits: Arg = ""
    if job.concurrency is not None or job.rate_count is not None:
        row, limits = _with_limits(row, job)
    return [
        job.id,
        f"{job.queue}:{job.priority}",
        job.message,
        head(job.id, job.task, job.queue, job.user_id),
        _json.encode(row)[1:-1],
        _json.encode(job.by),
        f"{job.max_attempts} {job.max_deliveries} {'-' if job.timeout_s is None else float(job.timeout_s)}",
        when,
        int(job.keep_message),
        job.deduplication_key or "",
        "" if job.created_at_ms is None else job.created_at_ms,
        limits,
    ]


def _with_limits(row: _Row, job: NewJob) -> tuple[_Row, bytes]:
    """Return the row with the job's limits, and the text that its record keeps: field n of `lib.lua`."""
    limits, kept = _Limits(), dict[str, list[Any]]()
    if job.concurrency is not None:
        concurrency = _Concurrency(job.concurrency_key or job.task, job.concurrency)
        limits = msgspec.structs.replace(limits, concurrency=concurrency)
        kept["c"] = [concurrency.key, concurrency.limit]
    if job.rate_count is not None:
        rate = _Rate(job.rate_limit_key or job.task, job.rate_count, job.rate_period_ms or 0)
        limits = msgspec.structs.replace(limits, rate=rate)
        kept["r"] = [rate.key, rate.count, rate.period_ms]
    return msgspec.structs.replace(row, limits=limits), _json.encode(kept)


def observed(job: NewJob) -> list[Arg]:
    """Return the arguments that name a job of another broker: id, head, row and lane.

    Raises:
        ValueError: a field is wrong.
    """
    job_id, lane, _, head_text, row, *_ = arguments(job, is_observed=True)
    return [job_id, head_text, row, lane]


def calls(jobs: Sequence[NewJob]) -> list[tuple[Sequence[NewJob], list[Arg]]]:
    """Cut new jobs into calls: the jobs of each and its arguments. All are checked before the first is sent.

    Raises:
        MessageTooLarge, ValueError: see `arguments`.
    """
    cut: list[tuple[Sequence[NewJob], list[Arg]]] = []
    start, size, args = 0, 0, list[Arg]()
    for i, job in enumerate(jobs):
        args += arguments(job)
        size += len(job.message)
        if i - start == JOBS_PER_CALL - 1 or size >= BYTES_PER_CALL:
            cut.append((jobs[start : i + 1], args))
            start, size, args = i + 1, 0, []
    if args:
        cut.append((jobs[start:], args))
    return cut


def accepted(jobs: Sequence[NewJob], reply: Sequence[Any]) -> list[Accepted]:
    """Return the answers to new jobs: 1 accepted, 0 known, else the id of the job that stands."""
    return [
        Accepted(job.id, "accepted" if answer == 1 else "known", job.id)
        if isinstance(answer, int)
        else Accepted(job.id, "duplicate", word(answer))
        for job, answer in zip(jobs, reply, strict=True)
    ]
