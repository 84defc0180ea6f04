"""What can be done to jobs: enqueue by name, cancel, retry by hand, delete. Who may is asked before, by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from core import messages
from core.arguments import problems_of
from core.errors import InvalidInput
from core.job_now import job_now
from core.limits import LimitFields, limits_of_row, limits_of_task
from core.secrets import MessageCipher
from core.storage import deletion, tasks
from core.storage.jobs import job_message
from taskcast.engine import wire
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.errors import JobConflict, JobNotFound
from taskcast.ids import FOREIGN_ID, new_id
from taskcast.states import FINAL, JobState, Priority

ENGINE_S = 4.0
"""How long a command repeats itself while the queue server is away: a restart is waited for, an outage is told."""
MOST_NAMES = 50
"""How many known task names the refusal of an unknown one lists."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job somebody asks for by its task's name; what is None is the task's own."""

    task: str
    arguments: Mapping[str, Any]
    queue: str | None = None
    priority: Priority | None = None
    delay_s: float | None = None
    run_at: datetime | None = None
    max_attempts: int | None = None
    timeout_s: float | None = None
    dedup_key: str | None = None
    rate_limit_key: str | None = None
    user_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False


class Control:
    """The commands, on the engine and the tables of one installation."""

    def __init__(self, *, engine: Engine, cipher: MessageCipher) -> None:
        self._engine = engine
        self._cipher = cipher

    async def enqueue(self, order: Order, *, by: str) -> tuple[Literal["accepted", "duplicate"], str]:
        """Enqueue a job; return what became of it and the id of the job that stands.

        Raises:
            InvalidInput: `unknown_task` if no worker has announced the task, with those that were; or if the
                arguments do not fit the task's parameters.
            MessageTooLarge, EngineFull, EngineUnavailable: as the engine says.
        """
        task = await tasks.get_task(order.task)
        if task is None and not order.force:
            raise await _unknown_task(order.task)
        if task is not None:
            wrong = problems_of(order.arguments, task["schema"])
            if wrong:
                raise _wrong_arguments(wrong, "data", task["name"])
        options = task["options"] if task else {}
        job_id = new_id()
        timeout_s = order.timeout_s if order.timeout_s is not None else options.get("timeout_s", 3600.0)
        job = NewJob(
            id=job_id,
            task=order.task,
            queue=order.queue or str(options.get("queue") or "default"),
            priority=int(order.priority or Priority.parse(options.get("priority") or Priority.NORMAL)),
            message=messages.new_message(job_id, order.task, order.arguments),
            data=messages.shown(order.arguments),
            user_id=order.user_id,
            run_at_ms=int(order.run_at.timestamp() * 1000) if order.run_at else None,
            delay_ms=_milliseconds(order.delay_s),
            max_attempts=order.max_attempts or int(options.get("max_attempts") or 1),
            timeout_s=timeout_s,
            max_deliveries=int(options.get("max_deliveries") or 3),
            deduplication_key=order.dedup_key,
            rate_limit_key=order.rate_limit_key,
            metadata=dict(order.metadata),
            by=by,
            **_limits(task, order.arguments, "data"),
            keep_message=bool(options.get("keep_message", True)),
        )
        accepted = (await self._engine.enqueue([job], deadline_s=ENGINE_S))[0]
        return ("duplicate" if accepted.outcome == "duplicate" else "accepted"), accepted.stands

    async def cancel_job(self, job_id: str, *, by: str, reason: str | None) -> Literal["cancelled", "requested"]:
        """Cancel a job that waits at once, or ask its worker to stop it.

        Raises:
            JobNotFound: if there is none.
            JobConflict: `already_final`; `forgotten` while the queue server does not know a job that has not ended; or
                `observed_only` if another broker runs it.
        """
        if not FOREIGN_ID.fullmatch(job_id):
            raise JobNotFound(job_id)
        outcome = await self._engine.cancel(job_id, by=by, reason=reason, deadline_s=ENGINE_S)
        if outcome in {"cancelled", "requested"}:
            return outcome
        if outcome == "observed":
            raise JobConflict("another broker runs this job; it is only observed here", code="observed_only")
        if outcome == "unknown":
            row = await job_now(self._engine, job_id)
            if row is None:
                raise JobNotFound(job_id)
            if JobState(row["status"]) not in FINAL:
                raise JobConflict(
                    "the queue server does not know this job; it is put back within five minutes, cancel it then",
                    code="forgotten",
                )
        raise already_final()

    async def retry_job(
        self, job_id: str, *, after_attempt: int, arguments: Mapping[str, Any] | None, delay_s: float, by: str
    ) -> None:
        """Run an ended job again under its old id, with some arguments changed by name if wanted.

        Raises:
            JobNotFound: if there is none.
            JobConflict: `unfinished`; `changed` if another attempt than `after_attempt` was the last; `duplicate` if
                another unfinished job holds its deduplication key; `message_gone` if its message was not kept.
            InvalidInput: if the arguments do not fit.
            EngineUnavailable: if the queue server cannot be reached.
        """
        row = await job_now(self._engine, job_id, surely=True)
        if row is None:
            raise JobNotFound(job_id)
        if JobState(row["status"]) not in FINAL:
            raise JobConflict("the job has not ended yet; cancel it first or wait", code="unfinished")
        if row["attempt"] != after_attempt:
            raise JobConflict(
                f"the job was retried meanwhile: its last attempt is {row['attempt']}, not {after_attempt}",
                code="changed",
            )
        stored = await job_message(job_id)
        if stored is None:
            raise JobConflict(
                "the job's message was not kept, so it cannot run again; enqueue a new job", code="message_gone"
            )
        message, data, limits = self._cipher.decrypt(job_id, stored), row["data"], limits_of_row(row["limits"])
        task = await tasks.get_task(row["type"])
        if arguments:
            message, data = _edited(message, arguments, task)
            if task is not None:
                limits = _limits(task, messages.by_name(message, parameter_names(task)), "arguments")
        job = NewJob(
            id=job_id,
            task=row["type"],
            queue=row["queue"],
            priority=int(Priority.parse(row["priority"])),
            message=message,
            data=data,
            user_id=row["user_id"],
            delay_ms=_milliseconds(delay_s or None),
            created_at_ms=_epoch_ms(row["created_at"]),
            max_attempts=row["max_attempts"],
            timeout_s=row["timeout_s"],
            max_deliveries=row["max_deliveries"],
            deduplication_key=row["deduplication_key"],
            rate_limit_key=row["rate_limit_key"],
            metadata=row["metadata"] or {},
            by=by,
            **limits,
        )
        outcome = await self._engine.retry(
            job,
            after_attempt=after_attempt,
            attempts_so_far=row["attempt"],
            delay_ms=_milliseconds(delay_s) or 0,
            was=row["status"],
            deadline_s=ENGINE_S,
        )
        if outcome != "accepted":
            raise JobConflict(_REFUSED_RETRIES[outcome], code=outcome)

    async def delete_job(self, job_id: str, *, by: str) -> None:
        """Delete an ended job with its logs and attempts, and tell `job.deleted`.

        Raises:
            JobNotFound: if there is none.
            JobConflict: `not_final` if it has not ended.
            EngineUnavailable: if the queue server cannot be reached.
        """
        row = await job_now(self._engine, job_id, surely=True)
        if row is None:
            raise JobNotFound(job_id)
        if JobState(row["status"]) not in FINAL:
            raise JobConflict("the job has not ended; cancel it with expect=active", code="not_final")
        # The event is the command: the recorder deletes the row when it comes to it, in order, even if we die here.
        head = wire.head(job_id, row["type"], row["queue"], row["user_id"])
        await self._engine.tell([("job.deleted", head, msgspec.json.encode({"by": by}))], deadline_s=ENGINE_S)
        # Done here too, so that whoever deleted it does not see it again.
        await deletion.delete_jobs([job_id])


_REFUSED_RETRIES = {
    "unfinished": "the job has not ended yet; cancel it first or wait",
    "changed": "the job was retried meanwhile; look at it again",
    "duplicate": "another unfinished job holds its deduplication key; wait until that has ended",
}


def already_final() -> JobConflict:
    """Return the refusal to cancel what has ended."""
    return JobConflict("the job has ended already", code="already_final")


def _edited(message: bytes, arguments: Mapping[str, Any], task: Row | None) -> tuple[bytes, Any]:
    names = parameter_names(task)
    if task is not None:
        known = messages.by_name(message, names) | dict(arguments)
        wrong = {
            name: text for name, text in problems_of(known, task["schema"]).items() if name.split(".")[0] in arguments
        }
        if wrong:
            raise _wrong_arguments(wrong, "arguments", task["name"])
    message = messages.edited(message, arguments, names)
    return message, messages.shown(messages.by_name(message, names))


def _limits(task: Row | None, arguments: Mapping[str, Any], field_name: str) -> LimitFields:
    if task is None:
        return LimitFields()
    try:
        return limits_of_task(task, arguments)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{field_name}: {error}", fields={field_name: str(error)}) from None


def parameter_names(task: Row | None) -> list[str] | None:
    """Return the names of a task's positions in order, as announced; None if nobody announced them."""
    return None if task is None else task["schema"].get("x-positions")


async def _unknown_task(name: str) -> InvalidInput:
    known = sorted(task["name"] for task in await tasks.list_tasks())
    listed = ", ".join(known[:MOST_NAMES]) or "none yet"
    return InvalidInput(
        f"no worker has announced a task {name[:100]!r}; known are: {listed}",
        code="unknown_task",
        fields={"type": f"is not known; use one of: {listed}; or send force=true if its worker starts later"},
    )


def _wrong_arguments(wrong: Mapping[str, str], field_name: str, task: str) -> InvalidInput:
    fields = {f"{field_name}.{name}" if name != "data" else field_name: text for name, text in wrong.items()}
    first = "; ".join(f"{name} {text}" for name, text in list(fields.items())[:3])
    return InvalidInput(f"the arguments do not fit {task}: {first}", fields=fields)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _epoch_ms(at: datetime | str) -> int:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return int(moment.astimezone(UTC).timestamp() * 1000)
