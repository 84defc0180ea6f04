"""The tables of the server, as Tortoise models; only the recorder writes jobs, everyone else reads.

Search columns and indexes that Tortoise cannot say live in the migrations.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Job(Model):
    """One job: its last known state and all that came of it."""

    id = fields.CharField(max_length=128, primary_key=True)
    queue_name = fields.CharField(max_length=64)
    type = fields.CharField(max_length=255)
    status = fields.CharField(max_length=16)
    priority = fields.SmallIntField(default=2)
    data = fields.JSONField[object](null=True)
    progress = fields.JSONField[dict[str, object]](null=True)
    result = fields.JSONField[object](null=True)
    error = fields.JSONField[dict[str, object]](null=True)
    stack_trace = fields.TextField(null=True)
    attempts = fields.IntField(default=0)
    errors = fields.IntField(default=0)
    deliveries = fields.IntField(default=0)
    max_attempts = fields.IntField(default=1)
    user_id = fields.CharField(max_length=255, null=True)
    timeout_s = fields.FloatField(null=True)
    processed_by = fields.CharField(max_length=255, null=True)
    duration_ms = fields.BigIntField(null=True)
    waited_ms = fields.BigIntField(null=True)
    final_reason = fields.CharField(max_length=32, null=True)
    is_duplicate = fields.BooleanField(default=False)
    deduplication_key = fields.CharField(max_length=255, null=True)
    rate_limit_key = fields.CharField(max_length=255, null=True)
    limits = fields.JSONField[dict[str, object]](null=True)  # {"concurrency": {...}, "rate": {...}}, as the events say
    max_deliveries = fields.IntField(default=3)
    metadata = fields.JSONField[dict[str, object]](default=dict)
    cancelled_by = fields.CharField(max_length=255, null=True)
    cancel_reason = fields.TextField(null=True)
    cancel_requested_at = fields.DatetimeField(null=True)
    cancel_seen_at = fields.DatetimeField(null=True)
    stuck_at = fields.DatetimeField(null=True)
    stuck_reason = fields.CharField(max_length=32, null=True)
    created_at = fields.DatetimeField()
    queued_at = fields.DatetimeField(null=True)
    run_at = fields.DatetimeField(null=True)
    started_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)
    failed_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField()
    seq = fields.BigIntField()
    message = fields.BinaryField(null=True)

    class Meta:
        table = "jobs"
        indexes = (
            Index(fields=("created_at", "id")),  # the keyset order of every list, with what it is filtered by before it
            Index(fields=("status", "created_at", "id")),
            Index(fields=("type", "status", "created_at", "id")),
            Index(fields=("queue_name", "status", "created_at", "id")),
            Index(fields=("user_id", "created_at", "id")),
        )


class JobLog(Model):
    """One log line of one attempt; `line` counts from 1 within it."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.CharField(max_length=128)
    attempt = fields.IntField()
    line = fields.IntField()
    level = fields.CharField(max_length=8)
    message = fields.TextField()
    context = fields.JSONField[dict[str, object]](null=True)
    stack_trace = fields.TextField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "job_logs"
        unique_together = (("job_id", "attempt", "line"),)
        indexes = (Index(fields=("level",)),)


class JobAttempt(Model):
    """One try of a job: who, when, and how it ended."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.CharField(max_length=128)
    attempt = fields.IntField()
    state = fields.CharField(max_length=16)  # running, completed, failed, retrying, cancelled, lost, released
    worker = fields.CharField(max_length=255, null=True)
    host = fields.CharField(max_length=255, null=True)
    pid = fields.IntField(null=True)
    waited_ms = fields.BigIntField(null=True)
    started_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    duration_ms = fields.BigIntField(null=True)
    reason = fields.CharField(max_length=32, null=True)
    error = fields.JSONField[dict[str, object]](null=True)
    stack_trace = fields.TextField(null=True)

    class Meta:
        table = "job_attempts"
        unique_together = (("job_id", "attempt"),)


class JobCount(Model):
    """How many jobs there are of one type, queue and status; kept, so that no page counts the table."""

    id = fields.BigIntField(primary_key=True)
    type = fields.CharField(max_length=255)
    queue_name = fields.CharField(max_length=64)
    status = fields.CharField(max_length=16)
    count = fields.BigIntField(default=0)

    class Meta:
        table = "job_counts"
        unique_together = (("type", "queue_name", "status"),)


class JobSpan(Model):
    """What ended within one span of time, of one type and queue; histogram bounds are 10^(i/10) ms, i = 0..80."""

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField()
    type = fields.CharField(max_length=255)
    queue_name = fields.CharField(max_length=64)
    completed = fields.IntField(default=0)
    failed = fields.IntField(default=0)
    cancelled = fields.IntField(default=0)
    retried = fields.IntField(default=0)
    duration_ms_sum = fields.BigIntField(default=0)
    histogram = fields.JSONField[dict[str, int]](default=dict)  # bucket index -> count

    class Meta:
        abstract = True


class JobMinute(JobSpan):
    """What ended within one minute; `at` is its beginning."""

    class Meta:
        table = "job_minutes"
        unique_together = (("at", "type", "queue_name"),)


class JobHour(JobSpan):
    """What ended within one hour, so that a month's statistics need not add up 43,200 minutes."""

    class Meta:
        table = "job_hours"
        unique_together = (("at", "type", "queue_name"),)


class JobDay(JobSpan):
    """What ended within one day (UTC)."""

    class Meta:
        table = "job_days"
        unique_together = (("at", "type", "queue_name"),)


class RecorderPosition(Model):
    """The one row that says up to which seq the events are in the tables."""

    id = fields.SmallIntField(primary_key=True)
    seq = fields.BigIntField(default=0)
    run_id = fields.CharField(max_length=64, null=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "recorder"


class Worker(Model):
    """What a worker process said of itself last."""

    id = fields.CharField(max_length=255, primary_key=True)
    host = fields.CharField(max_length=255)
    pid = fields.IntField()
    state = fields.CharField(max_length=16)  # running, stopped, lost
    queues = fields.JSONField[list[str]](null=True)
    slots = fields.IntField(default=0)
    busy = fields.JSONField[list[str]](default=list)
    lingering = fields.JSONField[list[str]](null=True)
    loop_lag_ms = fields.FloatField(default=0)
    cpu = fields.FloatField(default=0)
    rss_bytes = fields.BigIntField(default=0)
    version = fields.CharField(max_length=64, default="")
    started_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()
    stopped_at = fields.DatetimeField(null=True)

    class Meta:
        table = "workers"


class Task(Model):
    """A task as workers announced it: its options and the JSON Schema of its parameters."""

    name = fields.CharField(max_length=255, primary_key=True)
    queue_name = fields.CharField(max_length=64, default="default")
    options = fields.JSONField[dict[str, object]](default=dict)
    schema = fields.JSONField[dict[str, object]](default=dict)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "tasks"


class Queue(Model):
    """A queue that was ever used; the times are right to a minute."""

    name = fields.CharField(max_length=64, primary_key=True)
    seen_at = fields.DatetimeField()
    own_at = fields.DatetimeField(null=True)  # when one of our jobs came into its lane last
    observed_at = fields.DatetimeField(null=True)  # when a job of another broker was seen last

    class Meta:
        table = "queues"


class Pause(Model):
    """A queue or a task that is paused now; the key is the engine's, `q:<queue>` or `t:<task>`."""

    key = fields.CharField(max_length=257, primary_key=True)
    by = fields.CharField(max_length=255, null=True)
    reason = fields.TextField(null=True)
    at = fields.DatetimeField()
    until = fields.DatetimeField(null=True)

    class Meta:
        table = "pauses"


class User(Model):
    """A person who may sign in."""

    id = fields.UUIDField(primary_key=True)
    email = fields.CharField(max_length=255, unique=True)
    name = fields.CharField(max_length=255, default="")
    role = fields.CharField(max_length=16)
    user_id = fields.CharField(max_length=255)  # what `jobs.user_id` says of their jobs; by default the e-mail
    password_hash = fields.TextField()
    disabled_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    signed_in_at = fields.DatetimeField(null=True)

    class Meta:
        table = "users"


class Session(Model):
    """A sign-in; the token itself is not stored, only its SHA-256."""

    id = fields.UUIDField(primary_key=True)
    user_id = fields.UUIDField(db_index=True)
    kind = fields.CharField(max_length=16)  # session: a person's browser; program: rotating refresh tokens
    token_hash = fields.CharField(max_length=64, unique=True)  # of the one refresh token that is good now
    created_at = fields.DatetimeField(auto_now_add=True)
    used_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    address = fields.CharField(max_length=64, null=True)
    agent = fields.CharField(max_length=255, null=True)

    class Meta:
        table = "sessions"


class ApiToken(Model):
    """A program's token: hashed, with a role and an end date."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=255)
    role = fields.CharField(max_length=16)
    user_id = fields.CharField(max_length=255, null=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    created_by = fields.CharField(max_length=255, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    used_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_tokens"


class File(Model):
    """A file that came in or was made; its bytes lie in the store under its id."""

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=255)
    size_bytes = fields.BigIntField()
    sha256 = fields.CharField(max_length=64)
    content_type = fields.CharField(max_length=128, default="application/octet-stream")
    user_id = fields.CharField(max_length=255, null=True)
    job_id = fields.CharField(max_length=128, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "files"


class AuditEntry(Model):
    """Who did what, when, from where, and what came of it; refusals too."""

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField(auto_now_add=True, db_index=True)
    actor = fields.CharField(max_length=255, null=True)
    role = fields.CharField(max_length=16, null=True)
    action = fields.CharField(max_length=64)
    target = fields.CharField(max_length=255, null=True)
    outcome = fields.CharField(max_length=16)  # done, refused, failed
    detail = fields.JSONField[dict[str, object]](default=dict)
    address = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "audit_log"


class Operation(Model):
    """A command about many jobs, and how far it is: whichever gateway lives goes on with it."""

    id = fields.CharField(max_length=36, primary_key=True)
    action = fields.CharField(max_length=16)  # retry, cancel, delete, drain, clean
    state = fields.CharField(max_length=16)  # running, done, failed, cancelled
    by = fields.CharField(max_length=255, null=True)
    reason = fields.TextField(null=True)
    scope = fields.JSONField[dict[str, object]]()  # which jobs
    matched = fields.BigIntField(null=True)
    position = fields.JSONField[object](null=True)  # up to where it is done
    page = fields.JSONField[object](null=True)  # what is being done: named before, so that it may be repeated
    done = fields.BigIntField(default=0)
    refused = fields.JSONField[dict[str, int]](default=dict)  # code of the refusal -> count
    error = fields.TextField(null=True)
    claimed_by = fields.CharField(max_length=255, null=True)
    claimed_until = fields.DatetimeField(null=True)
    cancel_requested_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "operations"
        indexes = (Index(fields=("state", "claimed_until")), Index(fields=("created_at",)))


class Schedule(Model):
    """What runs when; those of the code are written by the scheduler's start, the others by people."""

    name = fields.CharField(max_length=64, primary_key=True)
    title = fields.CharField(max_length=255)
    task = fields.CharField(max_length=255)
    arguments = fields.JSONField[dict[str, object]](default=dict)
    queue = fields.CharField(max_length=64, null=True)  # what is null is the task's own
    priority = fields.CharField(max_length=16, null=True)
    max_attempts = fields.IntField(null=True)
    timeout_s = fields.FloatField(null=True)
    kind = fields.CharField(max_length=16)  # cron, interval, once
    cron = fields.CharField(max_length=200, null=True)
    every_s = fields.IntField(null=True)
    at = fields.DatetimeField(null=True)
    anchor = fields.DatetimeField()  # where intervals are counted from
    time_zone = fields.CharField(max_length=64, default="UTC")
    why = fields.TextField(default="")
    source = fields.CharField(max_length=16)  # code, stored
    policy = fields.CharField(max_length=16, default="once")  # of missed slots: skip, once, all
    paused = fields.JSONField[dict[str, object]](null=True)  # by, reason, at, until
    position = fields.DatetimeField()  # slots up to here are decided
    created_by = fields.CharField(max_length=255, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "schedules"


class ScheduleRun(Model):
    """One slot of a schedule: written `due` before its job is sent, so that it is sent once, however often it is tried."""

    id = fields.BigIntField(primary_key=True)
    schedule = fields.CharField(max_length=64)
    slot = fields.DatetimeField()
    state = fields.CharField(max_length=16)  # due, sent, missed
    job_id = fields.CharField(max_length=128)
    by = fields.CharField(max_length=255, null=True)  # who ran it by hand
    error = fields.TextField(null=True)  # why it could not be sent yet, or was missed
    tries = fields.IntField(default=0)
    try_at = fields.DatetimeField(null=True)  # when it is tried again
    created_at = fields.DatetimeField(auto_now_add=True)
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        table = "schedule_runs"
        unique_together = (("schedule", "slot"),)
        indexes = (Index(fields=("state", "created_at")),)
