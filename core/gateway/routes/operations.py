"""Commands about many jobs: begin one, see how far it is, cancel it."""

from __future__ import annotations

from starlette.responses import Response

from core.errors import NotFound
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import BulkBody, JobsWanted
from core.gateway.services import Context
from core.permissions import Permission
from core.storage import operations as table

operations = Endpoints("operations")

ROOT = "/job-monitor/operations"
MOST = 100
NEEDS = {
    "retry": Permission.RETRY,
    "cancel": Permission.CANCEL,
    "delete": Permission.DELETE,
    "drain": Permission.CONTROL_QUEUES,
    "clean": Permission.CLEAN,
}


@operations.add(
    "POST",
    "/job-monitor/jobs/bulk",
    needs=[Permission.RETRY],
    body=BulkBody,
    answers={202: answers.Bulk},
    action="jobs.bulk",
)
async def steer_jobs(context: Context, body: BulkBody) -> Response:
    """Retry, cancel or delete (admin) many jobs: those with these ids, or all that match a filter now.

    The answer comes at once; the operation goes on, also when this gateway is killed. A job that another command was
    faster with is left as it is and counted under `refused`.
    """
    context.action = f"jobs.{body.action}"
    context.need(NEEDS[body.action])
    context.note(**body.model_dump(exclude_none=True, exclude_defaults=True, exclude={"action", "ids"}, mode="json"))
    wanted = body.ids if body.ids is not None else (body.filter or JobsWanted()).as_filter()
    operation, matched = await context.services.operations.steer(
        body.action, wanted, by=context.identity.email, reason=body.reason, dry_run=body.dry_run
    )
    context.target = None if operation is None else operation.id
    context.note(matched=matched)
    return answer_json({"operation": context.target, "matched": matched}, 202)


@operations.add("GET", ROOT, needs=[Permission.SEE_SYSTEM], answers={200: answers.OperationList})
async def show_operations(context: Context) -> Response:
    """List the newest operations."""
    found = await table.list_operations(MOST)
    return answer_json({"items": found, "next_cursor": None, "total": {"at_least": len(found)}})


@operations.add(
    "GET", f"{ROOT}/{{id}}", needs=[Permission.SEE_SYSTEM], answers={200: answers.Operation}, problems=[404]
)
async def show_operation(context: Context) -> Response:
    """Show how far an operation is."""
    return answer_json(await _shown(context))


@operations.add(
    "POST",
    f"{ROOT}/{{id}}/cancel",
    needs=[Permission.SEE_SYSTEM],
    answers={202: answers.Operation},
    problems=[404, 409],
    action="operation.request_cancel",
)
async def cancel_operation(context: Context) -> Response:
    """Stop an operation before its next page, whichever gateway carries it; who may begin one like it may.

    What was done stays done. Asking again is fine until it has ended.
    """
    action = (await _shown(context))["action"]
    context.note(action=action)
    context.need(NEEDS[action])
    await context.services.operations.cancel(context.path("id"))
    return answer_json(await _shown(context), 202)


async def _shown(context: Context) -> table.Row:
    found = await table.show_operation(context.path("id"))
    if found is None:
        raise NotFound("there is no such operation; those that ended long ago are deleted")
    return found
