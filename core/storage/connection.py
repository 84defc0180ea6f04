"""The process's one connection pool to PostgreSQL: opened at its door, used by every query.

Tortoise owns the pool; `connection()` and `transaction()` lend asyncpg's own connections to the queries that need
`COPY`, arrays or an isolation level.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient

from core.storage.address import normal_url
from migrations.settings import tortoise_config
from taskcast.errors import ConfigurationError

__all__ = ["DatabaseAway", "connected", "connection", "normal_url", "transaction"]

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

DatabaseAway = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.InternalClientError,
)
"""What asyncpg raises while PostgreSQL is away, starting, stopping or full: worth trying again."""


class _Open:
    """The pool of this process, and how many doors have opened it."""

    client: BaseDBAsyncClient | None = None
    url = ""
    doors = 0


@asynccontextmanager
async def connected(url: str, *, pool_size: int = 10) -> AsyncIterator[None]:
    """Keep this process connected to the database at `url` until left; entering it again shares the pool.

    The pool connects when it is first used, and again after the server was away.

    Raises:
        ConfigurationError: if the URL is none, or the process is connected to another database.
    """
    url = normal_url(url)
    if _Open.doors and url != _Open.url:
        raise ConfigurationError("this process is connected to another database already; use one at a time")
    if not _Open.doors:
        await Tortoise.init(config=tortoise_config(url, pool_size=pool_size), _enable_global_fallback=True)
        _Open.client, _Open.url = Tortoise.get_connection("default"), url
    _Open.doors += 1
    try:
        yield
    finally:
        _Open.doors -= 1
        if not _Open.doors:
            _Open.client = None
            await Tortoise.close_connections()


@asynccontextmanager
async def connection() -> AsyncIterator[Any]:
    """Lend one asyncpg connection of the pool.

    Raises:
        ConfigurationError: outside of `connected()`.
    """
    if _Open.client is None:
        raise ConfigurationError("this process is not connected to a database; use `async with connected(url)`")
    async with _Open.client.acquire_connection() as lent:
        yield lent


@asynccontextmanager
async def transaction(isolation: Isolation = "read_committed", *, readonly: bool = False) -> AsyncIterator[Any]:
    """Lend one asyncpg connection inside a transaction, rolled back if the block raises."""
    async with connection() as lent, lent.transaction(isolation=isolation, readonly=readonly):
        yield lent
