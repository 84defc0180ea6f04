"""The events: the whole wire format between workers, recorder, gateway and clients.

An event is a fact in the past tense, one JSON object on one line. `seq` is the only clock: microseconds since 1970 by
the queue server, made unique and rising; `at` is `seq // 1000`. Nothing here talks to a server.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

Json = Any
"""Any JSON value: None, bool, int, float, str, list or dict of these."""


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong: the exception's qualified type, its text (cut at 8 KiB) and a code if it has one."""

    type: str
    message: str
    code: str | None = None


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """The whole row of a job as accepted, so that a deleted row can be made again from the event.

    On the wire what has its default is left out.
    `limits` has `concurrency` (`key`, `limit`) and `rate` (`key`, `count`, `period_ms`), each only if the job has it.
    `observed`: another broker runs the job.
    """

    priority: int
    data: Json
    created_at: str
    reason: str
    by: str | None = None
    run_at: str | None = None
    max_attempts: int = 1
    timeout_s: float | None = None
    deduplication_key: str | None = None
    rate_limit_key: str | None = None
    metadata: dict[str, Json] = {}
    max_deliveries: int = 3
    limits: dict[str, dict[str, Json]] | None = None
    observed: bool = False


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """Who took the job, and how long it had waited in its lane."""

    worker: str
    host: str
    pid: int
    waited_ms: int


class Progressed(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is; percentage is 0 to 100, or null where the job does not know."""

    percentage: float | None = None
    current_step: str | None = None
    total_steps: int | None = None
    completed_steps: int | None = None
    message: str | None = None
    eta_s: float | None = None
    worker_at: int | None = None


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """One log line; `line` counts from 1 within the attempt, `worker_at` is the worker's clock in milliseconds."""

    line: int
    level: str
    message: str
    context: dict[str, Json] | None = None
    stack_trace: str | None = None
    worker_at: int | None = None


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """The result as JSON; one over 256 KiB is cut to `{"$cut": {"bytes", "head"}}`.

    Here and in the other ends `ended_ago_ms` says how long the end had waited in its worker when it was told.
    """

    duration_ms: int
    result: Json = None
    ended_ago_ms: int = 0


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The error that ended the job for good, and why it was the last one."""

    error: ErrorInfo
    final_reason: str
    duration_ms: int | None = None
    stack_trace: str | None = None
    ended_ago_ms: int = 0


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """The error that ended an attempt; the next one begins at `run_at` (ISO 8601)."""

    error: ErrorInfo
    run_at: str
    errors: int
    max_attempts: int
    duration_ms: int | None = None
    stack_trace: str | None = None
    final_reason: str = "error"
    ended_ago_ms: int = 0


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """Who cancelled the job, and why."""

    by: str | None = None
    reason: str | None = None
    duration_ms: int | None = None
    ended_ago_ms: int = 0


class CancelRequested(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked a running job to stop, and why."""

    by: str | None = None
    reason: str | None = None


class CancelSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The worker that has seen the request."""

    worker: str


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The owner that vanished; `deliveries` counts lost owners."""

    worker: str
    deliveries: int


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """Why a running job looks stuck."""

    reason: str


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it."""

    by: str | None = None


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says of itself; `tasks` maps a task's name to its options and its parameters' JSON Schema.

    `busy` are the jobs it runs; `lingering` those that have ended while their code goes on in a thread and keeps a slot.
    `lost` is true on a `worker.stopped` that the worker did not tell itself: its lease was found gone.
    """

    worker: str
    host: str
    pid: int
    queues: list[str] | None = None
    slots: int = 0
    busy: list[str] = []
    lingering: list[str] = []
    loop_lag_ms: float = 0
    cpu: float = 0
    rss_bytes: int = 0
    version: str = ""
    tasks: dict[str, dict[str, Json]] | None = None
    lost: bool = False


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A control action on a queue, or on one task name whatever its queue: exactly one of the two is there."""

    queue: str | None = None
    task: str | None = None
    by: str | None = None
    reason: str | None = None
    until: str | None = None
    count: int | None = None


class ScheduleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A slot of a schedule and the job that runs it, or how many were missed, this one last."""

    schedule: str
    slot: str | None = None
    count: int | None = None
    job: str | None = None
    by: str | None = None


class OperationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How far a command about many jobs is: `done` of the `matched` ones, None where these were not counted."""

    operation: str
    action: str
    state: str
    done: int = 0
    matched: int | None = None
    by: str | None = None


class AlertInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that was raised or has cleared."""

    rule: str
    alert: str
    summary: str


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What all events share; `was` and `state` are there on lifecycle events only."""

    seq: int
    at: int
    data: Json
    job: str | None = None
    task: str | None = None
    queue: str | None = None
    user: str | None = None
    attempt: int = 0
    was: str | None = None
    state: str | None = None


class JobScheduled(Event, frozen=True, kw_only=True, tag="job.scheduled"):
    """A job was accepted and waits for its time."""

    data: JobRow


class JobQueued(Event, frozen=True, kw_only=True, tag="job.queued"):
    """A job came into its lane."""

    data: JobRow


class JobStarted(Event, frozen=True, kw_only=True, tag="job.started"):
    """A worker took a job; its attempt begins."""

    data: Started


class JobProgressed(Event, frozen=True, kw_only=True, tag="job.progressed"):
    """A running job told how far it is. May be conflated to the latest."""

    data: Progressed


class JobLogged(Event, frozen=True, kw_only=True, tag="job.logged"):
    """A running job wrote a log line. Dropped only with a visible gap."""

    data: Logged


class JobCompleted(Event, frozen=True, kw_only=True, tag="job.completed"):
    """A job ended well."""

    data: Completed


class JobFailed(Event, frozen=True, kw_only=True, tag="job.failed"):
    """A job failed for good."""

    data: Failed


class JobRetrying(Event, frozen=True, kw_only=True, tag="job.retrying"):
    """An attempt failed and another will follow."""

    data: Retrying


class JobCancelledEvent(Event, frozen=True, kw_only=True, tag="job.cancelled"):
    """A job was cancelled."""

    data: Cancelled


class JobCancelRequested(Event, frozen=True, kw_only=True, tag="job.cancel_requested"):
    """Somebody asked a running job to stop."""

    data: CancelRequested


class JobCancelSeen(Event, frozen=True, kw_only=True, tag="job.cancel_seen"):
    """The worker has seen the request to stop."""

    data: CancelSeen


class JobLost(Event, frozen=True, kw_only=True, tag="job.lost"):
    """A job's worker vanished; a `job.queued`, `job.failed` or `job.cancelled` follows at once."""

    data: Lost


class JobStuck(Event, frozen=True, kw_only=True, tag="job.stuck"):
    """A running job looks stuck."""

    data: Stuck


class JobDeduplicated(Event, frozen=True, kw_only=True, tag="job.deduplicated"):
    """A job was not accepted because this one holds its deduplication key."""

    data: By


class JobDeleted(Event, frozen=True, kw_only=True, tag="job.deleted"):
    """A job's row was deleted."""

    data: By


class WorkerStarted(Event, frozen=True, kw_only=True, tag="worker.started"):
    """A worker process is there and says which tasks it knows."""

    data: WorkerInfo


class WorkerBeat(Event, frozen=True, kw_only=True, tag="worker.beat"):
    """A worker is alive; told at every third renewal of its lease."""

    data: WorkerInfo


class WorkerStopped(Event, frozen=True, kw_only=True, tag="worker.stopped"):
    """A worker process has stopped, or its lease was found gone."""

    data: WorkerInfo


class QueuePaused(Event, frozen=True, kw_only=True, tag="queue.paused"):
    """A queue or a task was paused."""

    data: QueueInfo


class QueueResumed(Event, frozen=True, kw_only=True, tag="queue.resumed"):
    """A queue or a task goes on; `reason` is `until` where the pause ended by itself."""

    data: QueueInfo


class QueueDrained(Event, frozen=True, kw_only=True, tag="queue.drained"):
    """The waiting jobs of a queue were cancelled: `count` of them."""

    data: QueueInfo


class ScheduleFired(Event, frozen=True, kw_only=True, tag="schedule.fired"):
    """A slot of a schedule became a job."""

    data: ScheduleInfo


class ScheduleMissed(Event, frozen=True, kw_only=True, tag="schedule.missed"):
    """Slots of a schedule passed without a job: `count` of them, `slot` being the last."""

    data: ScheduleInfo


class ScheduleChanged(Event, frozen=True, kw_only=True, tag="schedule.changed"):
    """A schedule was made, edited, paused, resumed or deleted."""

    data: ScheduleInfo


class OperationChanged(Event, frozen=True, kw_only=True, tag="operation.changed"):
    """A command about many jobs was begun, came further, was asked to stop or ended."""

    data: OperationInfo


class AlertRaised(Event, frozen=True, kw_only=True, tag="alert.raised"):
    """A rule found something."""

    data: AlertInfo


class AlertCleared(Event, frozen=True, kw_only=True, tag="alert.cleared"):
    """What a rule found is over."""

    data: AlertInfo


AnyEvent = (
    JobScheduled | JobQueued | JobStarted | JobProgressed | JobLogged | JobCompleted | JobFailed | JobRetrying
    | JobCancelledEvent | JobCancelRequested | JobCancelSeen | JobLost | JobStuck | JobDeduplicated | JobDeleted
    | WorkerStarted | WorkerBeat | WorkerStopped | QueuePaused | QueueResumed | QueueDrained
    | ScheduleFired | ScheduleMissed | ScheduleChanged | OperationChanged | AlertRaised | AlertCleared
)  # fmt: skip

EVENT_TYPES: dict[str, type[Event]] = {str(cls.__struct_config__.tag): cls for cls in get_args(AnyEvent)}
"""From the wire's `type` to the class."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON, without the newline."""
    return _encoder.encode(event)


def decode(line: bytes | str) -> AnyEvent:
    """Return the event of one line of JSON.

    Raises:
        msgspec.DecodeError: if it is no JSON, of an unknown type, or of a wrong shape (`msgspec.ValidationError`).
    """
    event: AnyEvent = _decoder.decode(line)
    return event
