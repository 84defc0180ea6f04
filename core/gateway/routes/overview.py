"""The whole: statistics and workers."""

from __future__ import annotations

from starlette.responses import Response

from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import StatisticsQuery
from core.gateway.services import Context
from core.permissions import Permission
from core.storage import workers
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


@overview.add("GET", "/job-monitor/workers", needs=[Permission.SEE_SYSTEM], answers={200: answers.Workers})
async def show_workers(_context: Context) -> Response:
    """List the workers that were heard of lately."""
    found = await workers.list_workers()
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


def width_for(range_s: int) -> int:
    """Return the width of a bucket that cuts the range into about sixty."""
    return next((width for width in WIDTHS if range_s / width <= BUCKETS), WIDTHS[-1])
