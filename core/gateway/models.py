"""What the routes take, as pydantic models: REST's edge. Unknown fields are refused; messages say what to do."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from core.permissions import Role
from core.storage.filters import JobFilter
from taskcast.states import FinalReason, JobState, Priority
from taskcast.values import encode

METADATA_BYTES = 16 * 1024
LONGEST_DELAY_S = 10 * 366 * 86400


def _storable(value: Any) -> Any:
    """Refuse what JSON text can say and PostgreSQL or JSON elsewhere cannot: U+0000, NaN, the infinities."""
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("holds the character U+0000; leave it out")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds NaN or an infinity, which JSON does not know; use null or a text")
    if isinstance(value, dict):
        for key, item in value.items():
            _storable(key)
            _storable(item)
    elif isinstance(value, list):
        for item in value:
            _storable(item)
    return value


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(encode(value)) > METADATA_BYTES:
        raise ValueError(f"is larger than {METADATA_BYTES} bytes as JSON; put large things into a file and its id here")
    return value


def _time(value: Any) -> Any:
    """Take a date for its first moment, and a time without a zone for UTC."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be an ISO 8601 time such as 2026-10-31T12:00:00Z") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        try:
            return at.astimezone(UTC)
        except OverflowError:
            raise ValueError("is out of the calendar; the years 1 to 9999 are known") from None
    raise ValueError("must be an ISO 8601 time such as 2026-10-31T12:00:00Z")


def _email(value: str) -> str:
    name, _, host = value.strip().partition("@")
    if not name or not host or "@" in host or any(character.isspace() for character in value.strip()):
        raise ValueError("must be an e-mail address such as ada@example.com")
    return value.strip().casefold()


Time = Annotated[AwareDatetime, BeforeValidator(_time)]
Text = Annotated[str, AfterValidator(_storable)]
Json = Annotated[Any, AfterValidator(_storable)]
Object = Annotated[dict[str, Any], AfterValidator(_storable)]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable), AfterValidator(_small)]
Email = Annotated[str, Field(max_length=255), AfterValidator(_storable), AfterValidator(_email)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
PriorityName = Annotated[
    Priority, BeforeValidator(Priority.parse), WithJsonSchema({"type": "string", "enum": list(Priority.__members__)})
]
Key = Annotated[Text, Field(min_length=1, max_length=255)]
QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{1,64}$")]


class Asked(BaseModel):
    """What every request model has in common."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class JobsWanted(Asked):
    """Which jobs; several values of one key are ORed, keys are ANDed."""

    status: list[JobState] = Field([], description="States; repeat the key or join with commas.")
    type: list[Text] = Field([], description="Task names.", max_length=100)
    queue: list[Text] = Field([], description="Queue names.", max_length=100)
    user_id: list[Text] = Field([], description="Whose jobs; `user` sees only their own.", max_length=100)
    priority: list[PriorityName] = Field([], description="LOW, NORMAL, HIGH, CRITICAL.")
    final_reason: list[FinalReason] = Field(
        [], description="Why failed jobs were given up; all but `error` are dead letters."
    )
    worker: Text | None = Field(None, description="The worker that had the job last.")
    since: Time | None = Field(None, alias="from", description="Created at this time or later.")
    until: Time | None = Field(None, alias="to", description="Created before this time.")
    q: Annotated[Text, Field(max_length=500)] | None = Field(None, description="Words, or the beginning of an id.")

    def as_filter(self, owner: str | None = None) -> JobFilter:
        """Return the filter of the tables; of the jobs of `owner` alone, if it is given."""
        return JobFilter(
            status=[str(state) for state in self.status],
            type=self.type,
            queue=self.queue,
            user_id=self.user_id if owner is None else [owner],
            priority=[int(priority) for priority in self.priority],
            final_reason=[str(reason) for reason in self.final_reason],
            worker=self.worker,
            since=self.since,
            until=self.until,
            q=self.q,
        )


class JobsQuery(JobsWanted):
    """Which jobs, in which order, and how many."""

    sort: Text = Field("-created_at", description="-created_at or created_at.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[Text, Field(max_length=500)] | None = Field(None, description="`next_cursor` of the page before.")


class EnqueueBody(Asked):
    """A job to be run: a task's name and its arguments by name; options left out are the task's."""

    type: Key = Field(description="The task's name.")
    data: Object = Field(default_factory=dict, description="The arguments, by name.")
    queue: QueueName | None = None
    priority: PriorityName | None = None
    delay_s: float | None = Field(None, ge=0, le=LONGEST_DELAY_S, allow_inf_nan=False)
    run_at: Time | None = None
    max_attempts: int | None = Field(None, ge=1, le=1000)
    timeout_s: float | None = Field(None, gt=0, le=LONGEST_DELAY_S, allow_inf_nan=False)
    dedup_key: Key | None = None
    rate_limit_key: Key | None = None
    user_id: Key | None = None
    metadata: Metadata = Field(default_factory=dict)
    force: bool = Field(False, description="Enqueue although no worker has announced the task.")

    @model_validator(mode="after")
    def _one_time(self) -> EnqueueBody:
        if self.delay_s is not None and self.run_at is not None:
            raise ValueError("delay_s and run_at: give one of them, not both")
        if self.run_at is not None and not 0 <= self.run_at.timestamp() <= time.time() + LONGEST_DELAY_S:
            raise ValueError("run_at: must be between 1970 and ten years from now")
        return self


class RetryBody(Asked):
    """A retry by hand of a job that has ended."""

    after_attempt: int = Field(
        ge=0, le=2**31 - 1, description="The attempt you saw last; another one meanwhile is 409 `changed`."
    )
    arguments: Object | None = Field(None, description="Arguments to change, merged by name.")
    delay_s: float = Field(0, ge=0, le=LONGEST_DELAY_S, allow_inf_nan=False)


class CancelBody(Asked):
    """Why a job is cancelled."""

    reason: Annotated[Text, Field(max_length=1000)] | None = None


class DeleteQuery(Asked):
    """What the caller saw: `active` cancels, `final` deletes; otherwise by now is 409."""

    expect: Literal["active", "final"]


FinalState = Literal["completed", "failed", "cancelled"]
Reason = Annotated[Text, Field(max_length=1000)]
Age = Annotated[float, Field(ge=0, le=LONGEST_DELAY_S, allow_inf_nan=False)]


class PauseBody(Asked):
    """To pause a task, or let it go on."""

    action: Literal["pause", "resume"]
    reason: Reason | None = None
    until: Time | None = Field(None, description="When a pause ends by itself.")

    @model_validator(mode="after")
    def _until_fits(self) -> PauseBody:
        _check_until(self.action, self.until)
        return self


class QueueControlBody(Asked):
    """To steer a queue; `drain` cancels what waits in it, `clean` deletes what has ended (admin)."""

    action: Literal["pause", "resume", "drain", "clean"]
    reason: Reason | None = None
    until: Time | None = Field(None, description="When a pause ends by itself.")
    older_than_s: Age | None = Field(None, description="Of clean: seconds since the end; 0 means all.")
    status: list[FinalState] | None = Field(None, description="Of clean: which final states; by default all.")

    @model_validator(mode="after")
    def _fits(self) -> QueueControlBody:
        _check_until(self.action, self.until)
        if self.action == "clean" and self.older_than_s is None:
            raise ValueError("older_than_s: is missing; clean needs it, 0 deletes all that has ended")
        if self.action != "clean" and self.older_than_s is not None:
            raise ValueError("older_than_s: belongs to clean alone; leave it out")
        if self.action != "clean" and self.status is not None:
            raise ValueError("status: belongs to clean alone; leave it out")
        return self


class CleanBody(Asked):
    """Which ended jobs to delete."""

    older_than_s: Age = Field(description="Seconds since the end; 0 means all.")
    status: list[FinalState] = Field([], description="Which final states; by default all.")
    queue: Key | None = None
    type: Key | None = Field(None, description="The task's name.")
    limit: int | None = Field(
        None, ge=1, le=100_000, description="Delete so many at most, the oldest; call again for more."
    )
    dry_run: bool = Field(False, description="Only count what would be deleted.")


class BulkBody(Asked):
    """What to do to many jobs: to those with these ids, or to all that match a filter."""

    action: Literal["retry", "cancel", "delete"]
    ids: Annotated[list[Key], Field(min_length=1, max_length=1000)] | None = Field(None, description="1,000 at most.")
    filter: JobsWanted | None = Field(
        None, description="As of the list of jobs; without `status`: retry takes failed jobs, the others all they can."
    )
    reason: Reason | None = Field(None, description="Of cancel.")
    dry_run: bool = Field(False, description="Only count.")

    @model_validator(mode="after")
    def _fits(self) -> BulkBody:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("filter: give either a filter or ids; an empty filter means all jobs")
        if self.reason is not None and self.action != "cancel":
            raise ValueError("reason: belongs to cancel alone; leave it out")
        return self


class When(Asked):
    """When a schedule is due: one of `cron`, `every_s` and `at`."""

    cron: Annotated[Text, Field(max_length=200)] | None = Field(
        None, description="Minute, hour, day of month, month, day of week, such as `0 4 1 * *`."
    )
    every_s: int | None = Field(None, description="Seconds between runs.")
    at: Time | None = Field(None, description="The only run.")
    time_zone: Annotated[Text, Field(max_length=64)] = Field("UTC", description="Of cron; such as Europe/Berlin.")


Policy = Literal["skip", "once", "all"]


class ScheduleBody(When):
    """A schedule to be made."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)] | None = Field(
        None, description="Lower case letters, digits and hyphens; made of the title or task if left out."
    )
    title: Annotated[Text, Field(max_length=255)] | None = None
    task: Key = Field(description="The task's name.")
    arguments: Object = Field(default_factory=dict, description="Arguments by name.")
    why: Annotated[Text, Field(max_length=2000)] = Field(
        "", description="The reason for it, for those who see it later."
    )
    policy: Policy = Field("once", description="Of slots that were missed: skip them, run once, or run all.")
    queue: QueueName | None = None
    priority: PriorityName | None = None
    max_attempts: int | None = Field(None, ge=1, le=1000)
    timeout_s: float | None = Field(None, gt=0, le=LONGEST_DELAY_S, allow_inf_nan=False)
    force: bool = Field(False, description="Make it even if no worker has announced the task.")


class SchedulePause(Asked):
    """A pause of a schedule."""

    reason: Reason | None = None
    until: Time | None = Field(None, description="When it ends by itself.")

    @model_validator(mode="after")
    def _until_fits(self) -> SchedulePause:
        _check_until("pause", self.until)
        return self


class ScheduleChanges(Asked):
    """What is to change; what is left out stays. `paused: null` lets it go on."""

    title: Annotated[Text, Field(max_length=255)] | None = None
    task: Key | None = None
    arguments: Object | None = None
    cron: Annotated[Text, Field(max_length=200)] | None = None
    every_s: int | None = None
    at: Time | None = None
    time_zone: Annotated[Text, Field(max_length=64)] | None = None
    why: Annotated[Text, Field(max_length=2000)] | None = None
    policy: Policy | None = None
    queue: QueueName | None = None
    priority: PriorityName | None = None
    max_attempts: int | None = Field(None, ge=1, le=1000)
    timeout_s: float | None = Field(None, gt=0, le=LONGEST_DELAY_S, allow_inf_nan=False)
    paused: SchedulePause | None = None
    force: bool = False

    @model_validator(mode="after")
    def _what_must_be_there(self) -> ScheduleChanges:
        for name in ("title", "task", "time_zone", "policy"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name}: cannot be null; leave it out to keep what there is")
        return self


def _check_until(action: str, until: datetime | None) -> None:
    if until is None:
        return
    if action != "pause":
        raise ValueError("until: belongs to pause alone; leave it out")
    if not time.time() < until.timestamp() < time.time() + LONGEST_DELAY_S:
        raise ValueError("until: must lie ahead, within ten years")


class LogsQuery(Asked):
    """Which log lines, from where on."""

    attempt: int | None = Field(None, ge=0, le=2**31 - 1)
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(None, description="This level and above.")
    q: Annotated[Text, Field(max_length=500)] | None = Field(None, description="Words in the message.")
    after: Annotated[Text, Field(max_length=200)] | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(200, ge=1, le=1000)


class ExportQuery(Asked):
    """A file of all log lines."""

    format: Literal["ndjson", "txt", "csv"] = "ndjson"
    attempt: int | None = Field(None, ge=0, le=2**31 - 1)
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = None


class StatisticsQuery(Asked):
    """The time to look at and the width of its pieces, in seconds."""

    range: int = Field(3600, ge=60, le=366 * 86400, description="Seconds back from now.")
    bucket: int | None = Field(None, ge=60, le=31 * 86400, description="Seconds per bucket; at most 1500 buckets.")

    @model_validator(mode="after")
    def _fits(self) -> StatisticsQuery:
        if self.bucket is not None and self.range / self.bucket > 1500:
            raise ValueError("bucket: makes more than 1500 buckets; make it wider or the range shorter")
        return self


class LoginBody(Asked):
    """A sign-in: `session` for a person's browser, `program` for one that keeps rotating refresh tokens."""

    email: Annotated[Text, Field(min_length=1, max_length=255)]
    password: Password
    kind: Literal["session", "program"] = "session"


class RefreshBody(Asked):
    """A refresh token."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=4096)]


class UserBody(Asked):
    """A new person."""

    email: Email
    password: Password
    name: Annotated[Text, Field(max_length=255)] = ""
    role: Role
    user_id: Key | None = Field(None, description="What `user_id` says of their jobs; by default the e-mail address.")


class UserChanges(Asked):
    """What to change of a person; a new password, role or a disabling ends their sessions."""

    password: Password | None = None
    name: Annotated[Text, Field(max_length=255)] | None = None
    role: Role | None = None
    user_id: Key | None = None
    disabled: bool | None = None


class TokenBody(Asked):
    """A new API token."""

    name: Key
    role: Role
    user_id: Key | None = Field(None, description="Whose jobs a token of role `user` sees.")
    expires_in_days: float | None = Field(None, gt=0, le=3660, allow_inf_nan=False, description="Without it: no end.")

    @model_validator(mode="after")
    def _has_jobs(self) -> TokenBody:
        if self.role == "user" and self.user_id is None:
            raise ValueError("user_id: a token of role user needs one; give the user_id whose jobs it may see")
        return self


class AuditQuery(Asked):
    """Which page of the audit log."""

    limit: int = Field(100, ge=1, le=500)
    cursor: int | None = Field(None, ge=1, le=2**63 - 1, description="`next_cursor` of the page before.")
