"""Jobs asked for by their task's name: checked against what workers announced, with the task's own options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from core import messages
from core.arguments import problems_of
from core.errors import InvalidInput
from core.limits import LimitFields, limits_of_task
from core.storage import tasks
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.ids import new_id
from taskcast.states import Priority

ENGINE_S = 4.0
"""How long a command repeats itself while the queue server is away: a restart is waited for, an outage is told."""
MOST_NAMES = 50
"""How many known task names the refusal of an unknown one lists."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job somebody asks for by its task's name; what is None is the task's own.

    Attributes:
        job_id: the id it is to have, so that asking twice makes one job; a new one if None.
        force: enqueue it even if no worker has announced the task.
    """

    task: str
    arguments: Mapping[str, Any]
    job_id: str | None = None
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


async def check(order: Order) -> Row | None:
    """Return the task of an order as workers announced it, None for an unknown one that is forced.

    Raises:
        InvalidInput: `unknown_task` if no worker has announced the task, with those that were; or if the arguments do
            not fit the task's parameters.
    """
    task = await tasks.get_task(order.task)
    if task is None and not order.force:
        raise await _unknown_task(order.task)
    if task is not None:
        wrong = problems_of(order.arguments, task["schema"])
        if wrong:
            raise wrong_arguments(wrong, "data", task["name"])
    return task


async def enqueue(engine: Engine, order: Order, *, by: str) -> tuple[Literal["accepted", "duplicate"], str]:
    """Enqueue a job; return what became of it and the id of the job that stands.

    Raises:
        InvalidInput: as `check` says.
        MessageTooLarge, EngineFull, EngineUnavailable: as the engine says.
    """
    task = await check(order)
    options = task["options"] if task else {}
    job_id = order.job_id or new_id()
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
        delay_ms=milliseconds(order.delay_s),
        max_attempts=order.max_attempts or int(options.get("max_attempts") or 1),
        timeout_s=timeout_s,
        max_deliveries=int(options.get("max_deliveries") or 3),
        deduplication_key=order.dedup_key,
        rate_limit_key=order.rate_limit_key,
        metadata=dict(order.metadata),
        by=by,
        **limits_asked(task, order.arguments, "data"),
        keep_message=bool(options.get("keep_message", True)),
    )
    accepted = (await engine.enqueue([job], deadline_s=ENGINE_S))[0]
    return ("duplicate" if accepted.outcome == "duplicate" else "accepted"), accepted.stands


def limits_asked(task: Row | None, arguments: Mapping[str, Any], field_name: str) -> LimitFields:
    """Return the limits of a task for these arguments.

    Raises:
        InvalidInput: naming `field_name` if the arguments lack what a limit's key is made of.
    """
    if task is None:
        return LimitFields()
    try:
        return limits_of_task(task, arguments)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{field_name}: {error}", fields={field_name: str(error)}) from None


def wrong_arguments(wrong: Mapping[str, str], field_name: str, task: str) -> InvalidInput:
    """Return the refusal of arguments, by field."""
    fields = {f"{field_name}.{name}" if name != "data" else field_name: text for name, text in wrong.items()}
    first = "; ".join(f"{name} {text}" for name, text in list(fields.items())[:3])
    return InvalidInput(f"the arguments do not fit {task}: {first}", fields=fields)


def milliseconds(seconds: float | None) -> int | None:
    """Return seconds as whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


async def _unknown_task(name: str) -> InvalidInput:
    known = sorted(task["name"] for task in await tasks.list_tasks())
    listed = ", ".join(known[:MOST_NAMES]) or "none yet"
    return InvalidInput(
        f"no worker has announced a task {name[:100]!r}; known are: {listed}",
        code="unknown_task",
        fields={"type": f"is not known; use one of: {listed}; or send force=true if its worker starts later"},
    )
