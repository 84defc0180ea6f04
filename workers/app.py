"""The broker that the built-in jobs are declared on, and what they share: settings, the file store, the database."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import cache

from taskiq import TaskiqEvents, TaskiqState

from core.storage.connection import connected
from core.storage.files import FileStore, open_store
from taskcast import JobBroker
from workers.settings import worker_settings

settings = worker_settings()
# A missing URL is said when somebody connects, so that the tasks can be imported, listed and tested without a server.
broker = JobBroker(settings.redis_url or "redis://127.0.0.1:6379/0", prefix=settings.prefix)


@cache
def file_store() -> FileStore:
    """Return the store that this process's jobs read and write files in."""
    return open_store(settings.storage_url, settings.data_dir)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect(state: TaskiqState) -> None:
    """Open what the jobs share: the pool to PostgreSQL. It connects at its first use, so a start needs no database."""
    settings.need_redis_url()
    state.resources = AsyncExitStack()
    await state.resources.enter_async_context(connected(settings.need_database_url(), pool_size=20))


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def disconnect(state: TaskiqState) -> None:
    """Close it."""
    resources: AsyncExitStack | None = getattr(state, "resources", None)
    if resources is not None:
        await resources.aclose()
