"""The whole: statistics, queues, workers and the tasks they announced."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from core.control import ENGINE_S
from core.errors import NotFound
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import StatisticsQuery
from core.gateway.services import Context
from core.permissions import Permission
from core.storage import tasks, workers
from core.storage.queues import queue_rows
from core.storage.statistics import statistics

overview = Endpoints("overview")

BUCKETS = 60
WIDTHS = (60, 300, 900, 3600, 10800, 21600, 86400)


@overview.add(
    "GET",
    "/job-monitor/statistics",
    needs=[Permission.SEE_OWN_JOBS],
    query=StatisticsQuery,
    answers={200: answers.Statistics},
)
async def show_statistics(context: Context, query: StatisticsQuery) -> Response:
    """Count jobs by status, and what ended within the range, with durations; `user` gets their own."""
    bucket_s = query.bucket or width_for(query.range)
    return answer_json(await statistics(query.range, bucket_s, user_id=context.owner))


@overview.add("GET", "/job-monitor/queues", needs=[Permission.SEE_SYSTEM], answers={200: answers.Queues})
async def show_queues(context: Context) -> Response:
    """List every queue with what waits and runs in it."""
    found = await _queues(context)
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@overview.add(
    "GET",
    "/job-monitor/queues/{name}/status",
    needs=[Permission.SEE_SYSTEM],
    answers={200: answers.Queue},
    problems=[404],
)
async def show_queue(context: Context) -> Response:
    """Show one queue."""
    name = context.path("name")
    for queue in await _queues(context):
        if queue["name"] == name:
            return answer_json(queue)
    raise NotFound(f"there is no queue {name[:80]!r}; GET /job-monitor/queues lists all")


@overview.add("GET", "/job-monitor/workers", needs=[Permission.SEE_SYSTEM], answers={200: answers.Workers})
async def show_workers(_context: Context) -> Response:
    """List the workers that were heard of lately."""
    found = await workers.list_workers()
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@overview.add("GET", "/job-monitor/tasks", needs=[Permission.SEE_SYSTEM], answers={200: answers.Tasks})
async def show_tasks(_context: Context) -> Response:
    """List the tasks that workers announced, with their options and the JSON Schema of their arguments."""
    found = await tasks.list_tasks()
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


async def _queues(context: Context) -> list[dict[str, Any]]:
    return await queue_rows(await context.services.engine.queues(deadline_s=ENGINE_S))


def width_for(range_s: int) -> int:
    """Return the width of a bucket that cuts the range into about sixty."""
    return next((width for width in WIDTHS if range_s / width <= BUCKETS), WIDTHS[-1])
