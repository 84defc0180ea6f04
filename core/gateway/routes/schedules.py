"""Schedules: list, make, change, pause, delete, run now, and what a cron line would come to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response

from core import orders
from core.errors import Conflict, NotFound
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import ScheduleBody, ScheduleChanges, SchedulePause, When
from core.gateway.services import Context
from core.messages import new_message
from core.permissions import Permission
from core.storage import schedules as stored
from core.storage.shapes import iso
from core.timing import Timing, timing_of
from taskcast.engine.jobs import MESSAGE_MAX_BYTES
from taskcast.errors import MessageTooLarge
from taskcast.ids import new_id
from taskcast.states import Priority

schedules = Endpoints("schedules")

ROOT = "/job-monitor/schedules"
ID_BYTES = 128
TIMES = ("cron", "every_s", "at")
IN_CODE = (
    "this schedule is in the code, which wins at the next deploy; change schedules/table.py (it can be paused here)"
)

Row = dict[str, Any]


@schedules.add("GET", ROOT, needs=[Permission.SEE_SYSTEM], answers={200: answers.Schedules})
async def show_schedules(context: Context) -> Response:
    """List every schedule with its next runs and what came of the last ones; what is due next comes first."""
    found = await stored.list_schedules()
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@schedules.add("POST", f"{ROOT}/preview", needs=[Permission.SEE_SYSTEM], body=When, answers={200: answers.NextRuns})
async def preview_schedule(context: Context, body: When) -> Response:
    """Say when something would run next."""
    when = _timing(body.model_dump(), time_zone=body.time_zone)
    return answer_json({"next_runs": [iso(slot) for slot in when.next_runs(datetime.now(UTC))]})


@schedules.add("GET", f"{ROOT}/{{id}}", needs=[Permission.SEE_SYSTEM], answers={200: answers.Schedule}, problems=[404])
async def show_schedule(context: Context) -> Response:
    """Show one schedule."""
    return answer_json(await _schedule(context.path("id")))


@schedules.add(
    "POST",
    ROOT,
    needs=[Permission.CONTROL_SCHEDULES],
    body=ScheduleBody,
    answers={201: answers.Schedule},
    problems=[409],
    action="schedule.create",
)
async def create_schedule(context: Context, body: ScheduleBody) -> Response:
    """Make a schedule; it counts from now on."""
    fields = body.model_dump(exclude={"force", "id"}) | {"name": body.id or _named(body.title or body.task)}
    when = _timing(fields, time_zone=body.time_zone)
    context.target = fields["name"]
    await _check_order(fields, force=body.force)
    by = context.identity.email
    fields |= {"title": body.title or body.task, "source": "stored", "priority": _word(body.priority)}
    if not await stored.add(fields, when, by=by):
        raise Conflict(f"there is a schedule {fields['name']!r} already; give another id", code="schedule_exists")
    await _tell(context, "schedule.changed", fields["name"])
    return answer_json(await _schedule(fields["name"]), 201)


@schedules.add(
    "PATCH",
    f"{ROOT}/{{id}}",
    needs=[Permission.CONTROL_SCHEDULES],
    body=ScheduleChanges,
    answers={200: answers.Schedule},
    problems=[404, 409],
    action="schedule.change",
)
async def change_schedule(context: Context, body: ScheduleChanges) -> Response:
    """Change a schedule, pause it (`paused: {reason, until}`) or let it go on (`paused: null`).

    One of the code can be paused only. Changed times count from now on.
    """
    name, by = context.path("id"), context.identity.email
    row = await _schedule(name)
    times = {"cron": row["cron"], "every_s": row["every_s"], "at": _moment(row["at"]), "time_zone": row["time_zone"]}
    kept = Timing(kind=row["kind"], **times)
    changes = body.model_dump(exclude_unset=True, exclude={"paused", "force"})
    context.note(**body.model_dump(exclude_unset=True, mode="json"))
    if changes:
        if row["source"] == "code":
            raise Conflict(IN_CODE, code="schedule_in_code")
        fields = _changed(row, changes)
        # What is over cannot be asked for, but may be kept.
        when = _timing(fields, time_zone=fields["time_zone"]) if changes.keys() & {*TIMES, "time_zone"} else kept
        await _check_order(fields, force=body.force)
        await stored.add(fields, when, by=row["created_by"] or by, replace=True)
    if "paused" in body.model_fields_set:
        context.action = "schedule.pause" if body.paused else "schedule.resume"
        await stored.set_pause(name, _pause(body.paused, by))
    await _tell(context, "schedule.changed", name)
    return answer_json(await _schedule(name))


@schedules.add(
    "DELETE",
    f"{ROOT}/{{id}}",
    needs=[Permission.CONTROL_SCHEDULES],
    answers={204: None},
    problems=[404, 409],
    action="schedule.delete",
)
async def delete_schedule(context: Context) -> Response:
    """Delete a schedule; the jobs it made stay."""
    row = await _schedule(context.path("id"))
    if row["source"] == "code":
        raise Conflict(IN_CODE, code="schedule_in_code")
    await stored.remove(row["id"])
    await _tell(context, "schedule.changed", row["id"])
    return Response(status_code=204)


@schedules.add(
    "POST",
    f"{ROOT}/{{id}}/run",
    needs=[Permission.CONTROL_SCHEDULES],
    answers={202: answers.ScheduleRan},
    problems=[404, 413, 422],
    action="schedule.run",
)
async def run_schedule(context: Context) -> Response:
    """Run a schedule's job now, paused or not; its slots stay as they are."""
    row, by = await _schedule(context.path("id")), context.identity.email
    job_id = f"{row['id']}:{new_id()}"
    order = orders.Order(
        task=row["task"],
        arguments=row["arguments"],
        job_id=job_id,
        queue=row["queue"],
        priority=Priority[row["priority"]] if row["priority"] else None,
        max_attempts=row["max_attempts"],
        timeout_s=row["timeout_s"],
        metadata={"schedule": row["id"]},
        force=True,
    )
    await orders.enqueue(context.services.engine, order, by=by)
    # Should we die before this, the job runs all the same; only this list does not show it.
    await stored.add_run(row["id"], datetime.now(UTC), job_id, by=by)
    context.note(job=job_id)
    await _tell(context, "schedule.fired", row["id"], job=job_id)
    return answer_json({"job": job_id}, 202)


async def _schedule(name: str) -> Row:
    row = await stored.get_schedule(name)
    if row is None:
        raise NotFound(f"there is no schedule {name[:80]!r}; GET {ROOT} lists all")
    return row


def _timing(fields: Row, *, time_zone: str) -> Timing:
    return timing_of(
        cron=fields.get("cron"), every_s=fields.get("every_s"), at=_moment(fields.get("at")), time_zone=time_zone
    )


def _moment(at: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def _changed(row: Row, changes: Row) -> Row:
    """Return a schedule's fields with some changed; another kind of time takes the place of the one before."""
    fields = row | {"name": row["id"]} | changes
    if given := [name for name in TIMES if changes.get(name) is not None]:
        fields |= {name: changes[name] if name in given else None for name in TIMES}
    return fields | {"priority": _word(fields["priority"])}


async def _check_order(fields: Row, *, force: bool) -> None:
    task, arguments = fields["task"], fields["arguments"] or {}
    await orders.check(orders.Order(task=task, arguments=arguments, force=force))
    if len(new_message("", task, arguments)) > MESSAGE_MAX_BYTES - ID_BYTES:
        raise MessageTooLarge


def _pause(pause: SchedulePause | None, by: str) -> Row | None:
    if pause is None:
        return None
    return {"by": by, "reason": pause.reason, "at": iso(datetime.now(UTC)), "until": iso(pause.until)}


def _named(text: str) -> str:
    """Return an id made of a title: `Monthly report (EUR)` becomes `monthly-report-eur`."""
    name = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64].strip("-")
    return name or f"schedule-{new_id()[-12:]}"


def _word(priority: Priority | str | None) -> str | None:
    return priority.name if isinstance(priority, Priority) else priority


async def _tell(context: Context, kind: str, name: str, **more: str) -> None:
    data = {"schedule": name, "by": context.identity.email, **more}
    await context.services.engine.tell([(kind, b"", msgspec.json.encode(data))], deadline_s=orders.ENGINE_S)
