"""Is the process up, and can the whole work: for supervisors, load balancers and people."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.services import Context, Services
from core.gateway.version import VERSION
from core.recorder_lag import recorder_lag_s
from core.storage.connection import connection

health = Endpoints("health")

CHECK_S = 2.0
MOST_LAG_S = 30.0
Check = dict[str, bool | str | float | None]


@health.add("GET", "/health", needs=None, answers={200: answers.Health})
async def show_health(_context: Context) -> Response:
    """Say that the process is up; asks nobody."""
    return answer_json({"status": "up", "version": VERSION})


@health.add("GET", "/ready", needs=None, answers={200: answers.Ready, 503: answers.Ready})
async def show_ready(context: Context) -> Response:
    """Check PostgreSQL, the queue server and how far the recorder is behind; 503 if one of them is not well.

    Warnings tell what works but can lose something, such as a queue server that syncs its file once a second.
    """
    services = context.services
    warnings: list[str] = []
    database, engine, recorder = await asyncio.gather(
        _timed(_database),
        _timed(lambda: _engine(services, warnings)),
        _timed(lambda: _recorder(services)),
    )
    checks = {"database": database, "engine": engine, "recorder": recorder}
    ready = all(check["ok"] for check in checks.values())
    body = {"status": "ready" if ready else "not_ready", "checks": checks, "warnings": warnings}
    return answer_json(body, 200 if ready else 503, None if ready else {"Retry-After": "2"})


async def _timed(check: Callable[[], Awaitable[str | None]]) -> Check:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_S):
            wrong = await check()
    except TimeoutError:
        wrong = f"did not answer within {CHECK_S:.0f} s"
    except Exception as error:
        # The class says what kind of trouble it is; the text could hold an address with a password.
        wrong = f"cannot be asked: {type(error).__name__}"
    return {"ok": wrong is None, "detail": wrong, "milliseconds": round((time.perf_counter() - begun) * 1000, 1)}


async def _database() -> str | None:
    async with connection() as lent:
        await lent.fetchval("SELECT 1")
    return None


async def _engine(services: Services, warnings: list[str]) -> str | None:
    server = await services.engine.server(deadline_s=CHECK_S)
    if not server.appendonly:
        warnings.append("the queue server keeps no append-only file: a restart loses accepted jobs; set appendonly yes")
    elif server.appendfsync is not None and server.appendfsync != "always":
        warnings.append(
            f"the queue server syncs its file {server.appendfsync!r}: a power cut can lose the last seconds; "
            "set appendfsync always"
        )
    if server.maxmemory and server.maxmemory_policy != "noeviction":
        warnings.append(
            f"the queue server may evict keys ({server.maxmemory_policy}) and lose jobs; set maxmemory-policy noeviction"
        )
    if server.maxmemory and server.used_memory > 0.9 * server.maxmemory:
        return "its memory is nearly full, so new jobs are refused; free memory or raise maxmemory"
    return None


async def _recorder(services: Services) -> str | None:
    waiting_s = await recorder_lag_s(services.engine, deadline_s=CHECK_S)
    return f"is {waiting_s:.0f} s behind; is the process `recorder` running?" if waiting_s > MOST_LAG_S else None
