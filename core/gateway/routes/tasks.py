"""Tasks as workers announced them, and what can be done to one."""

from __future__ import annotations

from starlette.responses import Response

from core.errors import NotFound
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import PauseBody
from core.gateway.services import Context
from core.orders import ENGINE_S
from core.permissions import Permission
from core.storage.pauses import shown
from core.storage.tasks import get_task, task_rows

tasks = Endpoints("tasks")

ROOT = "/job-monitor/tasks"


@tasks.add("GET", ROOT, needs=[Permission.SEE_SYSTEM], answers={200: answers.Tasks})
async def show_tasks(context: Context) -> Response:
    """List the tasks that workers announced, with their options and the JSON Schema of their arguments."""
    found = await task_rows(context.services.engine)
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@tasks.add(
    "POST",
    f"{ROOT}/{{name:path}}/control",  # a task may have slashes in its name
    needs=[Permission.CONTROL_QUEUES],
    body=PauseBody,
    answers={202: answers.Task},
    problems=[404],
    action="task.control",
)
async def control_task(context: Context, body: PauseBody) -> Response:
    """Pause the jobs of a task in all queues, or let them go on; those that run are left alone."""
    name = context.path("name")
    context.action = f"task.{body.action}"
    context.note(**body.model_dump(exclude_none=True, exclude={"action"}, mode="json"))
    task = await get_task(name)
    if task is None:
        raise NotFound(f"no worker has announced a task {name[:80]!r}; GET {ROOT} lists all")
    steering, by = context.services.steering, context.identity.email
    if body.action == "pause":
        await steering.pause(task=name, by=by, reason=body.reason, until=body.until)
    else:
        await steering.resume(task=name, by=by, reason=body.reason)
    paused = await context.services.engine.paused(deadline_s=ENGINE_S)
    return answer_json(task | {"paused": shown(paused.get(f"t:{name}"))}, 202)
