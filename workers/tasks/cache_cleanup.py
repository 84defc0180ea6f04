"""CACHE_CLEANUP: frees what the application keeps for a while and nobody needs any more."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from pydantic import Field
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway
from core.storage.files import FileStore, StoreUnavailable, sweep
from taskcast import JobContext, Priority
from taskcast.engine.calls import connect
from taskcast.errors import ConfigurationError
from taskcast.names import Names
from workers.app import broker, file_store, settings
from workers.arguments import checked
from workers.cache import Cleanup, clean_cache
from workers.words import counted

CacheAway = (RedisConnectionError, RedisTimeoutError)

Cache = tuple[Redis, Names]
"""A client of the server that holds the cache, and the names of its keys."""


async def open_cache() -> AsyncGenerator[Cache, None]:
    """Lend the cache to one job."""
    names = Names(settings.prefix)
    async with connect(settings.need_redis_url(), names, socket_timeout=10) as server:
        yield server, names


@broker.task(
    task_name="CACHE_CLEANUP",
    queue="maintenance",
    priority=Priority.LOW,
    max_attempts=3,
    backoff_s=10,
    retry_on=(*DatabaseAway, DBConnectionError, StoreUnavailable, *CacheAway),
    never_retry_on=(ConfigurationError,),
    timeout_s=900,
)
@checked
async def cache_cleanup(
    idle_hours: Annotated[float, Field(ge=0)] = 24.0,
    job: JobContext = TaskiqDepends(),
    store: FileStore = TaskiqDepends(file_store),
    cache: Cache = TaskiqDepends(open_cache),
) -> dict[str, Any]:
    """Remove kept results and cache entries that have expired or were not used for a day, and cut-off uploads.

    Args:
        idle_hours: entries without an expiry go when nobody has read them for so long.
        job: the running job.
        store: where uploads lie.
        cache: where the cache lies.
    """
    server, names = cache
    done = Cleanup()
    job.progress(0, step="Looking", completed=0, total=2, message="asks how many keys there are")
    async for done in clean_cache(server, names, idle_s=idle_hours * 3600):
        job.progress(
            min(89.0, 90 * done.steps / max(1, done.steps_expected)),
            step="Looking",
            completed=0,
            total=2,
            message=f"{done.looked:,} entries looked at, {done.removed:,} removed",
        )
        await job.checkpoint()
    job.progress(90, step="Sweeping", completed=1, total=2, message="uploads that were cut off")
    files, file_bytes = await sweep(store)
    freed = done.bytes + file_bytes
    summary = f"{done.removed:,} of {counted(done.looked, 'entry', 'entries')} and {counted(files, 'file')} removed"
    job.progress(100, step="Sweeping", completed=2, total=2, message=summary)
    job.log(summary, freed_bytes=freed)
    return {
        "summary": summary,
        "figures": [
            {"label": "Looked at", "value": f"{done.looked:,}", "unit": "entries", "tone": None},
            {"label": "Removed", "value": f"{done.removed:,}", "unit": "entries", "tone": None},
            {"label": "Cut-off uploads", "value": f"{files:,}", "unit": "files", "tone": None},
            {"label": "Freed", "value": f"{freed / 1000:,.1f}", "unit": "KB", "tone": "good" if freed else None},
        ],
        "looked": done.looked,
        "removed": done.removed,
        "freed_bytes": done.bytes,
        "files_removed": files,
        "file_bytes_freed": file_bytes,
    }
