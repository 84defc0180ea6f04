"""Queues: list, one, and what can be done to it."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from core.errors import NotFound
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import QueueControlBody
from core.gateway.services import Context
from core.permissions import Permission
from core.storage.operations import Operation
from core.storage.queues import list_queues

queues = Endpoints("queues")

ROOT = "/job-monitor/queues"

Row = dict[str, Any]


@queues.add("GET", ROOT, needs=[Permission.SEE_SYSTEM], answers={200: answers.Queues})
async def show_queues(context: Context) -> Response:
    """List every queue with what waits and runs in it."""
    found = await list_queues(context.services.engine)
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@queues.add(
    "GET", f"{ROOT}/{{name}}/status", needs=[Permission.SEE_SYSTEM], answers={200: answers.Queue}, problems=[404]
)
async def show_queue(context: Context) -> Response:
    """Show one queue."""
    return answer_json(await _queue(context))


@queues.add(
    "POST",
    f"{ROOT}/{{name}}/control",
    needs=[Permission.CONTROL_QUEUES],
    body=QueueControlBody,
    answers={202: answers.QueueControlled},
    problems=[404],
    action="queue.control",
)
async def control_queue(context: Context, body: QueueControlBody) -> Response:
    """Pause a queue or let it go on, cancel what waits in it (`drain`), delete what has ended (`clean`, admin).

    `count` is null while a drain or a clean goes on; `GET /job-monitor/operations/{operation}` says how far it is.
    """
    context.action = f"queue.{body.action}"
    if body.action == "clean":
        context.need(Permission.CLEAN)
    context.note(**body.model_dump(exclude_none=True, exclude={"action"}, mode="json"))
    name = (await _queue(context))["name"]
    steering, operations, by = context.services.steering, context.services.operations, context.identity.email
    operation: Operation | None = None
    if body.action == "pause":
        await steering.pause(queue=name, by=by, reason=body.reason, until=body.until)
    elif body.action == "resume":
        await steering.resume(queue=name, by=by, reason=body.reason)
    elif body.action == "drain":
        operation = await operations.drain(name, by=by, reason=body.reason)
    else:
        operation = await operations.clean(
            older_than_s=body.older_than_s or 0, status=body.status or (), queue=name, by=by
        )
    count = None
    if operation is not None:
        count = operation.count
        context.note(operation=operation.id, count=count)
    shown = {"queue": await _queue(context), "count": count, "operation": operation and operation.id}
    return answer_json(shown, 202)


async def _queue(context: Context) -> Row:
    name = context.path("name")
    for queue in await list_queues(context.services.engine):
        if queue["name"] == name:
            return queue
    raise NotFound(f"there is no queue {name[:80]!r}; GET {ROOT} lists all")
