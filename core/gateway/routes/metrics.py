"""Numbers for Prometheus: what the queue server, the database and this gateway know; a part that is away is left out."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from core.gateway.endpoint import Endpoints
from core.gateway.exposition import CONTENT_TYPE, Exposition
from core.gateway.services import Context, Services
from core.permissions import Permission
from core.recorder_lag import recorder_lag_s
from core.storage.queues import list_queues
from core.storage.totals import ended_in_all, kept_jobs, running_operations
from core.storage.workers import list_workers

metrics = Endpoints("metrics")

PART_S = 3.0
STATES = ("running", "scheduled", "retrying", "held")

logger = logging.getLogger(__name__)


@metrics.add("GET", "/metrics", needs=[Permission.SEE_SYSTEM])
async def show_metrics(context: Context) -> Response:
    """Answer in Prometheus's text format; the scraper needs a token of a viewer."""
    page, services = Exposition(), context.services
    parts = {"database": _database, "engine": _engine, "recorder": _recorder}
    found = await asyncio.gather(*(_reached(part, page, services) for part in parts.values()))
    up = {(name,): float(reached) for name, reached in zip(parts, found, strict=True)}
    page.add("part_up", "Whether this part could be asked.", up, labels=("part",))
    hub = services.hub
    page.add("websocket_clients", "Clients of this gateway.", hub.clients)
    page.add(
        "websocket_dropped_lines_total",
        "Log lines that slow clients of this gateway were not sent; each is told as a gap.",
        hub.dropped_lines,
        kind="counter",
    )
    page.add(
        "websocket_slow_total",
        "Clients of this gateway that were closed for being too slow.",
        hub.closed_as_slow,
        kind="counter",
    )
    return Response(page.text(), media_type=CONTENT_TYPE)


async def _reached(
    part: Callable[[Exposition, Services], Awaitable[None]], page: Exposition, services: Services
) -> bool:
    try:
        async with asyncio.timeout(PART_S):
            await part(page, services)
    except Exception as error:
        logger.warning("a part of the metrics cannot be asked", extra={"error": type(error).__name__})
        return False
    return True


async def _engine(page: Exposition, services: Services) -> None:
    queues, server = await list_queues(services.engine), await services.engine.server(deadline_s=PART_S)
    waiting = {(queue["name"], word): count for queue in queues for word, count in queue["waiting"].items()}
    page.add("queue_waiting_jobs", "Jobs that wait in their lane.", waiting, labels=("queue", "priority"))
    unfinished = {(queue["name"], state): queue[state] for queue in queues for state in STATES}
    page.add("queue_jobs", "Other unfinished jobs; held: kept back.", unfinished, labels=("queue", "state"))
    for name, help_text, key in (
        ("queue_oldest_seconds", "How long the first job of a lane has waited.", "oldest_s"),
        ("queue_slots", "Slots of the live workers that serve it.", "slots"),
        ("queue_paused", "1 while it is paused.", "paused"),
    ):
        values = {(queue["name"],): _number(queue[key]) for queue in queues}
        page.add(name, help_text, values, labels=("queue",))
    page.add("engine_memory_bytes", "Memory that the queue server uses.", server.used_memory)
    page.add("engine_memory_limit_bytes", "Its maxmemory; 0: none.", server.maxmemory)


async def _database(page: Exposition, _services: Services) -> None:
    page.add(
        "attempts_ended_total",
        "Attempts by their end; retried: failed with another to follow.",
        await ended_in_all(),
        labels=("queue", "end"),
        kind="counter",
    )
    page.add("jobs", "Jobs that the database has.", await kept_jobs(), labels=("status",))
    page.add("operations", "Commands about many jobs that go on.", await running_operations())
    workers = await list_workers()
    states = Counter(worker["state"] for worker in workers)
    counted = {(state,): float(states[state]) for state in ("running", "lost", "stopped")}
    page.add("workers", "Worker processes heard of within the last hour.", counted, labels=("state",))
    running = [worker for worker in workers if worker["state"] == "running"]
    page.add("worker_slots", "Slots of the running workers.", sum(worker["slots"] for worker in running))
    page.add("worker_busy_slots", "Of these, with a job.", sum(len(worker["busy"]) for worker in running))


async def _recorder(page: Exposition, services: Services) -> None:
    lag_s = await recorder_lag_s(services.engine, deadline_s=PART_S)
    page.add("recorder_lag_seconds", "Age of the oldest event that is not in the database yet.", lag_s)


def _number(value: object) -> float | None:
    if isinstance(value, dict):
        return 1.0
    return float(value) if isinstance(value, int | float) else None
