"""Clients whose connections look for the owner of our keys at every connect, and end when it is not the owner any more.

Nothing is repeated here, and no redirection is followed half-way: the caller's next call finds the new owner.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from redis.asyncio import connection as asynchronous
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MasterDownError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from taskcast.engine.address import Address, Node
from taskcast.engine.owner import Owner
from taskcast.names import Names

ASK_TIMEOUT_S = 1.0
"""How long one node may take to say where the owner is; then the next is asked."""

NOT_HERE = (AskError, ReadOnlyError, MasterDownError, ClusterDownError, TryAgainError)
"""What a server answers that is not, or not now, the one to write our keys; a MovedError is an AskError."""


def client(address: Address, names: Names, **options: Any) -> redis.asyncio.Redis:
    """Return an asyncio client of the one server that may write the keys of `names`."""
    pool = redis.asyncio.ConnectionPool(**_pool_options(address, names, _AsyncTls if address.tls else _Async, options))
    return redis.asyncio.Redis.from_pool(pool)


def sync_client(address: Address, names: Names, **options: Any) -> redis.Redis:
    """Return a client for a thread."""
    pool = redis.ConnectionPool(**_pool_options(address, names, _SyncTls if address.tls else _Sync, options))
    return redis.Redis.from_pool(pool)


def _pool_options(address: Address, names: Names, connection_class: Any, options: dict[str, Any]) -> dict[str, Any]:
    host, port = address.nodes[0]
    return {
        "connection_class": connection_class,
        "host": host,
        "port": port,
        "retry": Retry(NoBackoff(), 0),
        **options,
        **address.options,
        "owner": Owner(address, names),
    }


def _asking(owner: Owner, node: Node) -> dict[str, Any]:
    timeouts = {"socket_timeout": ASK_TIMEOUT_S, "socket_connect_timeout": ASK_TIMEOUT_S}
    return {**owner.address.asking, **timeouts, "host": node[0], "port": node[1], "protocol": 2, "db": 0}


class _Async(asynchronous.Connection):
    """Asks for the server whenever it connects, and ends when that is not the one any more."""

    def __init__(self, *, owner: Owner, **options: Any) -> None:
        self._owner = owner
        if owner.address.kind == "sentinel":
            options["redis_connect_func"] = self._greet
        super().__init__(**options)

    async def _connect(self) -> None:
        self.host, self.port = await self._find()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def _find(self) -> Node:
        owner, last = self._owner, None
        kind = asynchronous.SSLConnection if owner.address.tls else asynchronous.Connection
        for node in owner.nodes():
            asked: Any = kind(**_asking(owner, node), retry=AsyncRetry(NoBackoff(), 0))
            try:
                await asked.connect()
                await asked.send_command(*owner.question)
                found = owner.answer(node, await asked.read_response())
            except (RedisError, OSError) as error:
                if isinstance(error, AuthenticationError | AuthorizationError):
                    raise
                last = error
                continue
            finally:
                await asked.disconnect(nowait=True)
            if found is not None:
                owner.knows(node)
                return found
        raise owner.unknown(last)

    async def _greet(self, _: object) -> None:
        await self.on_connect()
        await self.send_command("ROLE")
        self._owner.check_role(await self.read_response())

    def refusal(self, reply: Any) -> RedisConnectionError | None:
        """Return what callers understand of a reply that says "not here"; None for all others."""
        if isinstance(reply, NOT_HERE):
            return self._owner.refused((self.host, self.port), reply)
        return None

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except NOT_HERE as error:
            await self.disconnect(nowait=True)
            raise self._owner.refused((self.host, self.port), error) from error


class _AsyncTls(_Async, asynchronous.SSLConnection):
    """The same, encrypted."""


class _Sync(redis.Connection):
    """Does the same for a thread."""

    def __init__(self, *, owner: Owner, **options: Any) -> None:
        self._owner = owner
        if owner.address.kind == "sentinel":
            options["redis_connect_func"] = self._greet
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        self.host, self.port = self._find()
        return super()._connect()  # type: ignore[no-untyped-call]

    def _find(self) -> Node:
        owner, last = self._owner, None
        kind = redis.SSLConnection if owner.address.tls else redis.Connection
        for node in owner.nodes():
            asked: Any = kind(**_asking(owner, node), retry=Retry(NoBackoff(), 0))
            try:
                asked.connect()
                asked.send_command(*owner.question)
                found = owner.answer(node, asked.read_response())
            except (RedisError, OSError) as error:
                if isinstance(error, AuthenticationError | AuthorizationError):
                    raise
                last = error
                continue
            finally:
                asked.disconnect()
            if found is not None:
                owner.knows(node)
                return found
        raise owner.unknown(last)

    def _greet(self, _: object) -> None:
        self.on_connect()  # type: ignore[no-untyped-call]
        self.send_command("ROLE")  # type: ignore[no-untyped-call]
        self._owner.check_role(self.read_response())

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except NOT_HERE as error:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise self._owner.refused((self.host, self.port), error) from error


class _SyncTls(_Sync, redis.SSLConnection):
    """The same, encrypted."""
