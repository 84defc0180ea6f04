"""Jobs: list, one, its result; enqueue, retry, cancel, delete."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from core.control import already_final
from core.errors import Forbidden
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import CancelBody, DeleteQuery, EnqueueBody, JobsQuery, RetryBody
from core.gateway.services import Context
from core.job_now import NotRecordedYet, job_after, job_now, with_holds
from core.orders import Order
from core.permissions import Permission
from core.storage.jobs import list_jobs
from taskcast.errors import JobConflict, JobNotFound
from taskcast.states import FINAL, JobState

jobs = Endpoints("jobs")

ROOT = "/job-monitor/jobs"
CANCELS = [Permission.CANCEL_OWN_JOBS]

Row = dict[str, Any]


@jobs.add("GET", ROOT, needs=[Permission.SEE_OWN_JOBS], query=JobsQuery, answers={200: answers.JobPage})
async def list_all_jobs(context: Context, query: JobsQuery) -> Response:
    """List jobs, newest first; `sort=created_at` lists the oldest first."""
    owner = context.owner
    if owner is not None and set(query.user_id) - {owner}:
        raise Forbidden("user_id: your role sees its own jobs only; leave user_id out")
    page = await list_jobs(
        query.as_filter(owner),
        sort=query.sort,
        limit=query.limit,
        cursor=query.cursor,
    )
    items = await with_holds(context.services.engine, page.items)
    return answer_json({"items": items, "next_cursor": page.next_cursor, "total": page.total})


@jobs.add(
    "POST",
    ROOT,
    needs=[Permission.ENQUEUE],
    body=EnqueueBody,
    answers={201: answers.JobDetail, 200: answers.JobDetail},
    action="job.enqueue",
)
async def enqueue_job(context: Context, body: EnqueueBody) -> Response:
    """Enqueue a task by its name, with arguments by name.

    201 is the job as accepted; 200 is the one that stands, because it holds the same deduplication key. The arguments
    are checked against what workers announced; `force` lets an unknown name pass.
    """
    context.note(type=body.type)
    outcome, job_id = await context.services.control.enqueue(
        Order(
            task=body.type,
            arguments=body.data,
            queue=body.queue,
            priority=body.priority,
            delay_s=body.delay_s,
            run_at=body.run_at,
            max_attempts=body.max_attempts,
            timeout_s=body.timeout_s,
            dedup_key=body.dedup_key,
            rate_limit_key=body.rate_limit_key,
            user_id=body.user_id,
            metadata=body.metadata,
            force=body.force,
        ),
        by=context.identity.email,
    )
    context.target = job_id
    context.note(outcome=outcome)
    shown = await _shown(context, job_id)
    return answer_json(shown, 201 if outcome == "accepted" else 200, {"Location": f"{ROOT}/{job_id}"})


@jobs.add("GET", f"{ROOT}/{{id}}", needs=[Permission.SEE_OWN_JOBS], answers={200: answers.JobDetail}, problems=[404])
async def show_job(context: Context) -> Response:
    """Show one job with its attempts, progress, result, error and stack trace, and what you may do with it."""
    return answer_json(await _shown(context, context.path("id")))


@jobs.add("GET", f"{ROOT}/{{id}}/result", needs=[Permission.SEE_OWN_JOBS], answers={200: None}, problems=[404, 409])
async def show_result(context: Context) -> Response:
    """Answer the result alone, as JSON; 409 `not_completed` while there is none."""
    row = await visible(context, context.path("id"))
    if row["status"] != JobState.COMPLETED:
        raise JobConflict(f"the job is {row['status']}, so it has no result", code="not_completed")
    return answer_json(row["result"])


@jobs.add(
    "POST",
    f"{ROOT}/{{id}}/retry",
    needs=[Permission.RETRY],
    body=RetryBody,
    answers={202: answers.JobDetail},
    problems=[404, 409],
    action="job.retry",
)
async def retry(context: Context, body: RetryBody) -> Response:
    """Run an ended job again under its id; its attempts count on.

    `after_attempt` is the attempt you saw last, so that a double click retries once.
    """
    job_id = context.path("id")
    context.note(after_attempt=body.after_attempt, arguments=sorted(body.arguments or ()))
    await context.services.control.retry_job(
        job_id,
        after_attempt=body.after_attempt,
        arguments=body.arguments,
        delay_s=body.delay_s,
        by=context.identity.email,
    )
    return answer_json(await _shown(context, job_id), 202)


@jobs.add(
    "POST",
    f"{ROOT}/{{id}}/cancel",
    needs=CANCELS,
    body=CancelBody,
    answers={202: answers.JobDetail},
    problems=[404, 409],
    action="job.cancel",
)
async def cancel(context: Context, body: CancelBody) -> Response:
    """Cancel a job: at once while it waits, else as soon as its worker stops it."""
    return await _cancel(context, body.reason)


@jobs.add(
    "DELETE",
    f"{ROOT}/{{id}}",
    needs=CANCELS,
    query=DeleteQuery,
    answers={202: answers.JobDetail, 204: None},
    problems=[404, 409],
    action="job.delete",
)
async def delete(context: Context, query: DeleteQuery) -> Response:
    """Cancel a job that has not ended (`expect=active`), or delete one that has (`expect=final`)."""
    context.note(expect=query.expect)
    if query.expect == "active":
        return await _cancel(context, None)
    context.need(Permission.DELETE)
    await context.services.control.delete_job(context.path("id"), by=context.identity.email)
    return Response(status_code=204)


async def visible(context: Context, job_id: str) -> Row:
    """Return a job that the asker may see.

    Raises:
        JobNotFound: if there is none, or it is another's and the role sees only its own: that it exists is not told.
    """
    row = await job_now(context.services.engine, job_id)
    if row is None or (context.owner is not None and row["user_id"] != context.owner):
        raise JobNotFound(job_id)
    return row


async def _cancel(context: Context, reason: str | None) -> Response:
    job_id = context.path("id")
    try:
        row = await visible(context, job_id)
    except NotRecordedYet:
        raise already_final() from None
    if not context.may(Permission.CANCEL) and row["user_id"] != context.identity.user_id:
        raise Forbidden(f"the role {context.identity.role} may only {Permission.CANCEL_OWN_JOBS}")
    outcome = await context.services.control.cancel_job(job_id, by=context.identity.email, reason=reason)
    context.note(outcome=outcome, reason=reason)
    row = await job_after(context.services.engine, row)
    return answer_json(row | {"may": _may(context, row)}, 202)


async def _shown(context: Context, job_id: str) -> Row:
    row = await visible(context, job_id)
    return row | {"may": _may(context, row)}


def _may(context: Context, row: Row) -> dict[str, bool]:
    is_final = JobState(row["status"]) in FINAL
    own = row["user_id"] == context.identity.user_id
    cancels = context.may(Permission.CANCEL) or (own and context.may(Permission.CANCEL_OWN_JOBS))
    return {
        "retry": is_final and context.may(Permission.RETRY),
        "cancel": not is_final and cancels,
        "delete": is_final and context.may(Permission.DELETE),
    }
