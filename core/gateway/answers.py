"""What the routes answer, as pydantic models, for the documentation; the tests hold the real answers against them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.permissions import Role
from taskcast.states import JobState

PriorityWord = Literal["LOW", "NORMAL", "HIGH", "CRITICAL"]


class Answer(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(extra="forbid")


class AtLeast(Answer):
    """A total that would take too long to count."""

    at_least: int


class Progress(Answer):
    """How far a job is."""

    percentage: float | None = None
    current_step: str | None = None
    total_steps: int | None = None
    completed_steps: int | None = None
    message: str | None = None
    eta_s: float | None = None


class JobError(Answer):
    """What went wrong."""

    type: str
    message: str
    code: str | None = None


class Job(Answer):
    """A row of the list of jobs."""

    id: str
    type: str
    queue: str
    status: JobState
    priority: PriorityWord
    attempt: int
    errors: int
    max_attempts: int
    user_id: str | None
    progress: Progress | None
    worker: str | None
    created_at: datetime
    queued_at: datetime | None
    run_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    cancelled_at: datetime | None
    updated_at: datetime
    duration_ms: int | None
    waited_ms: int | None
    timeout_s: float | None
    cancel_requested_at: datetime | None
    cancel_seen_at: datetime | None
    cancel_seen_by: str | None
    cancel_reason: str | None
    cancelled_by: str | None
    stuck_at: datetime | None
    stuck_reason: str | None
    final_reason: str | None
    is_duplicate: bool
    deduplication_key: str | None
    rate_limit_key: str | None
    metadata: dict[str, Any]
    error: JobError | None
    held_by: str | None = Field(description="What keeps a queued job back: `t:` a paused task, `c:` or `r:` a limit.")
    seq: int


class Attempt(Answer):
    """One try of a job."""

    attempt: int
    state: str
    worker: str | None
    host: str | None
    pid: int | None
    waited_ms: int | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    reason: str | None
    error: JobError | None
    stack_trace: str | None


class May(Answer):
    """What the asker may do with a job now."""

    retry: bool
    cancel: bool
    delete: bool


class JobDetail(Job):
    """A job with all that is known of it."""

    data: Any
    result: Any
    stack_trace: str | None
    deliveries: int = Field(description="How many of its workers were lost.")
    max_deliveries: int
    limits: dict[str, Any] | None = Field(description="`concurrency` and `rate`, where the job has any.")
    attempts: list[Attempt]
    may: May


class JobPage(Answer):
    """A page of jobs."""

    items: list[Job]
    next_cursor: str | None
    total: int | AtLeast


class LogLine(Answer):
    """A log line of a job."""

    job: str
    attempt: int
    line: int
    level: str
    message: str
    context: dict[str, Any] | None
    stack_trace: str | None
    at: datetime


class LogPage(Answer):
    """A page of log lines."""

    items: list[LogLine]
    next_cursor: str | None
    total: int | AtLeast


class Ended(Answer):
    """How many jobs ended how."""

    completed: int
    failed: int
    cancelled: int


class Bucket(Ended):
    """What ended within one piece of time."""

    at: datetime


class Group(Ended):
    """What ended of one type or queue."""

    name: str
    average_ms: float | None
    p95_ms: float | None


class Statistics(Answer):
    """Counts now, and what ended within the range."""

    range_s: int
    bucket_s: int
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    by_status: dict[JobState, int]
    total: int
    ended: Ended
    success_rate: float | None = Field(description="0 to 1; null if nothing ended.")
    average_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    by_type: list[Group]
    by_queue: list[Group]
    buckets: list[Bucket]


class Pause(Answer):
    """Who paused a queue or a task, why, since when and until when."""

    by: str | None
    reason: str | None
    at: datetime
    until: datetime | None


class Concurrency(Answer):
    """A concurrency limit in force for jobs of a queue."""

    key: str
    limit: int
    running: int = Field(description="How many run under this key now, in all queues.")
    held: int = Field(description="How many jobs of this queue are held back by it.")


class Queue(Answer):
    """What a queue holds now."""

    name: str
    paused: Pause | None
    waiting: dict[PriorityWord, int]
    running: int
    scheduled: int
    retrying: int
    held: int
    oldest_s: float | None
    per_minute: float
    concurrency: list[Concurrency] = Field(
        description="At most 20 limits: those that most jobs wait for, then those under which most run."
    )
    observed: bool = Field(description="Whether its jobs are another broker's, which are watched, not steered.")
    slots: int = Field(description="Of the live workers that serve it.")


class QueueControlled(Answer):
    """A queue after it was steered."""

    queue: Queue
    count: int | None = Field(
        description="How many jobs drain cancelled or clean deleted; null where nothing is counted, or while it goes on."
    )
    operation: str | None = Field(description="The id of the operation that drains or cleans.")


class Cleaned(Answer):
    """What clean came to."""

    count: int | None = Field(description="How many jobs were deleted; null while it goes on.")
    operation: str | None = Field(description="The id of the operation; null of a dry run.")


class Bulk(Answer):
    """What was begun."""

    operation: str | None = Field(description="The id of the operation; null of a dry run.")
    matched: int | None = Field(description="How many jobs match; null if that takes too long to count.")


class Operation(Answer):
    """A command about many jobs, and how far it is."""

    id: str
    action: Literal["retry", "cancel", "delete", "drain", "clean"]
    state: Literal["running", "done", "failed"]
    by: str | None
    reason: str | None
    scope: dict[str, Any] = Field(description="`ids` (how many), `filter`, or what drain and clean were asked for.")
    matched: int | None = Field(description="How many jobs it was about when it began; null if not counted.")
    done: int = Field(description="How many jobs it was done to.")
    refused: dict[str, int] = Field(description="How many it could not be done to, by the code of the refusal.")
    error: str | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class OperationList(Answer):
    """The newest operations."""

    items: list[Operation]
    next_cursor: None
    total: AtLeast


class Finding(Answer):
    """A job that looks stuck."""

    job: str
    reason: str = Field(description="past_timeout, unknown_to_engine, misplaced, owner_lost, no_worker")
    action: str = Field(description="What was done about it.")


class StuckReport(Answer):
    """What a check for stuck jobs found."""

    checked: int = Field(description="How many unfinished jobs were looked at.")
    found: list[Finding]
    at: datetime


class Worker(Answer):
    """What a worker process said of itself last; `lingering` jobs have ended while their code keeps a slot."""

    id: str
    host: str
    pid: int
    state: str
    queues: list[str] | None
    slots: int
    busy: list[str]
    lingering: list[str]
    loop_lag_ms: float
    cpu: float
    rss_bytes: int
    version: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None


class Task(Answer):
    """A task as workers announced it; `schema` is the JSON Schema of its arguments by name."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    name: str
    queue: str
    options: dict[str, Any]
    parameters: dict[str, Any] = Field(alias="schema")
    paused: Pause | None
    seen_at: datetime


class Queues(Answer):
    """All queues."""

    items: list[Queue]
    next_cursor: None
    total: int


class Workers(Answer):
    """All workers that were heard of lately."""

    items: list[Worker]
    next_cursor: None
    total: int


class Tasks(Answer):
    """All tasks that workers announced."""

    items: list[Task]
    next_cursor: None
    total: int


class SchedulePause(Answer):
    """Who paused a schedule, why, since when and until when."""

    by: str | None
    reason: str | None
    at: datetime | None
    until: datetime | None


class ScheduleRun(Answer):
    """A slot of a schedule, and what came of its job."""

    slot: datetime
    state: Literal["due", "sent", "missed"]
    job: str | None
    outcome: str | None = Field(description="The job's state; null until it is recorded.")
    duration_s: float | None
    by: str | None = Field(description="Who ran it by hand.")
    error: str | None = Field(description="Why it was missed, or could not be sent yet.")


class Schedule(Answer):
    """What runs when; options that are null are the task's own."""

    id: str
    title: str
    task: str
    queue: str | None
    priority: str | None
    arguments: dict[str, Any]
    max_attempts: int | None
    timeout_s: float | None
    kind: Literal["cron", "interval", "once"]
    cron: str | None
    every_s: int | None
    at: datetime | None
    time_zone: str
    why: str
    source: Literal["code", "stored"]
    policy: Literal["skip", "once", "all"]
    paused: SchedulePause | None
    next_runs: list[datetime]
    last_run: ScheduleRun | None
    recent: list[ScheduleRun]
    missed: int = Field(description="How many slots were missed in the last seven days.")
    created_by: str | None
    updated_at: datetime


class Schedules(Answer):
    """All schedules."""

    items: list[Schedule]
    next_cursor: None
    total: int


class NextRuns(Answer):
    """The next runs."""

    next_runs: list[datetime]


class ScheduleRan(Answer):
    """The job of a run by hand."""

    job: str


class File(Answer):
    """A stored file."""

    id: str
    name: str
    size_bytes: int
    sha256: str


class Person(Answer):
    """Somebody who may sign in."""

    id: str
    email: str
    name: str
    role: Role
    user_id: str
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None


class People(Answer):
    """All people."""

    items: list[Person]
    next_cursor: None
    total: int


class Me(Answer):
    """Who you are."""

    id: str
    email: str
    name: str
    role: Role
    user_id: str


class Token(Answer):
    """An API token, without its secret."""

    id: str
    name: str
    role: Role
    user_id: str | None
    created_by: str | None
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(Token):
    """A new API token; `token` is shown this once."""

    token: str


class Tokens(Answer):
    """All API tokens."""

    items: list[Token]
    next_cursor: None
    total: int


class SignedIn(Answer):
    """Tokens after a sign-in or a refresh."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds that the access token is good for.")
    refresh_token: str
    refresh_expires_at: datetime
    user: Me


class Ticket(Answer):
    """A ticket that opens one websocket."""

    ticket: str
    expires_in: int


class AuditLine(Answer):
    """Who did what, when, from where, and what came of it."""

    id: int
    at: datetime
    actor: str | None
    role: str | None
    action: str
    target: str | None
    outcome: Literal["done", "refused", "failed"]
    detail: dict[str, Any]
    address: str | None


class AuditPage(Answer):
    """A page of the audit log."""

    items: list[AuditLine]
    next_cursor: int | None
    total: AtLeast


class Health(Answer):
    """The process is up."""

    status: Literal["up"]
    version: str


class Check(Answer):
    """Whether one thing the gateway needs is there."""

    ok: bool
    detail: str | None = None
    milliseconds: float | None = None


class Ready(Answer):
    """Whether the whole can work, and what to know about it."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, Check]
    warnings: list[str]
