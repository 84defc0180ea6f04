"""Upkeep of the jobs as a whole: deleting what has ended, finding what is stuck."""

from __future__ import annotations

from starlette.responses import Response

from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import CleanBody
from core.gateway.services import Context
from core.permissions import Permission

upkeep = Endpoints("jobs")


@upkeep.add(
    "POST",
    "/job-monitor/jobs/clean",
    needs=[Permission.CLEAN],
    body=CleanBody,
    answers={202: answers.Cleaned},
    action="jobs.clean",
)
async def clean_jobs(context: Context, body: CleanBody) -> Response:
    """Delete ended jobs with their logs and attempts; `count` is null while it goes on, as `operation`."""
    context.note(**body.model_dump(exclude_defaults=True, mode="json"))
    if body.dry_run:
        found = await context.services.operations.cleanable(
            older_than_s=body.older_than_s, status=body.status, queue=body.queue, type=body.type
        )
        return answer_json({"count": found, "operation": None}, 202)
    operation = await context.services.operations.clean(
        older_than_s=body.older_than_s,
        status=body.status,
        queue=body.queue,
        type=body.type,
        by=context.identity.email,
        limit=body.limit,
    )
    context.note(operation=operation.id, count=operation.count)
    return answer_json({"count": operation.count, "operation": operation.id}, 202)


@upkeep.add(
    "POST",
    "/job-monitor/jobs/check-stuck",
    needs=[Permission.CHECK_STUCK],
    answers={200: answers.StuckReport},
    action="jobs.check_stuck",
)
async def check_stuck(context: Context) -> Response:
    """Look for jobs that do not move although they should, and put right what can be."""
    checked = await context.services.stuck.check()
    context.note(checked=checked.checked, found=len(checked.found))
    return answer_json(checked)
