"""What can be done to jobs: enqueue by name, cancel, retry by hand, delete. Who may is asked before, by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from core import messages, orders
from core.arguments import problems_of
from core.job_now import job_now
from core.limits import limits_of_row
from core.orders import ENGINE_S, Order, limits_asked, milliseconds, wrong_arguments
from core.secrets import MessageCipher
from core.storage import deletion, tasks
from core.storage.jobs import job_message
from taskcast.engine import wire
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.errors import JobConflict, JobNotFound
from taskcast.ids import FOREIGN_ID
from taskcast.states import FINAL, JobState, Priority

Row = dict[str, Any]


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
        return await orders.enqueue(self._engine, order, by=by)

    async def cancel_job(
        self, job_id: str, *, by: str, reason: str | None, token: str | None = None
    ) -> Literal["cancelled", "requested"]:
        """Cancel a job that waits at once, or ask its worker to stop it; the same token cancels once.

        Raises:
            JobNotFound: if there is none.
            JobConflict: `already_final`; `forgotten` while the queue server does not know a job that has not ended; or
                `observed_only` if another broker runs it.
        """
        if not FOREIGN_ID.fullmatch(job_id):
            raise JobNotFound(job_id)
        outcome = await self._engine.cancel(job_id, by=by, reason=reason, token=token, deadline_s=ENGINE_S)
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
                limits = limits_asked(task, messages.by_name(message, parameter_names(task)), "arguments")
        job = NewJob(
            id=job_id,
            task=row["type"],
            queue=row["queue"],
            priority=int(Priority.parse(row["priority"])),
            message=message,
            data=data,
            user_id=row["user_id"],
            delay_ms=milliseconds(delay_s or None),
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
            delay_ms=milliseconds(delay_s) or 0,
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
            raise wrong_arguments(wrong, "arguments", task["name"])
    message = messages.edited(message, arguments, names)
    return message, messages.shown(messages.by_name(message, names))


def parameter_names(task: Row | None) -> list[str] | None:
    """Return the names of a task's positions in order, as announced; None if nobody announced them."""
    return None if task is None else task["schema"].get("x-positions")


def _epoch_ms(at: datetime | str) -> int:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return int(moment.astimezone(UTC).timestamp() * 1000)
