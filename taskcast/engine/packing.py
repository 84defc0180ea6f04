"""Writes commands with hiredis: redis-py's asyncio connection packs in Python, which takes a sixth of a busy worker.

And it says of a lost connection that it is lost, whatever event loop runs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError


def use_hiredis(client: Redis) -> Redis:
    """Let the connections of `client` pack their commands with hiredis; returns the client."""
    pool = client.connection_pool
    base: Any = pool.connection_class
    pool.connection_class = _packing(base)
    return client


@cache
def _packing(connection_class: Any) -> Any:
    class PackingConnection(connection_class):  # type: ignore[misc]
        """A connection as before, but for how commands are written."""

        def pack_command(self, *args: Any) -> list[bytes]:
            name = args[0]
            if (b" " if isinstance(name, bytes) else " ") not in name:  # redis-py splits "CONFIG GET"
                try:
                    return [pack_command(args)]
                except TypeError:
                    pass  # an argument that only redis-py can encode, or that it refuses in its own words
            packed: list[bytes] = super().pack_command(*args)
            return packed

        async def send_packed_command(self, *args: Any, **options: Any) -> None:
            try:
                await super().send_packed_command(*args, **options)
            except RuntimeError as error:  # uvloop's word for a connection that is closed already
                raise RedisConnectionError(f"the connection was lost: {error}") from None

    PackingConnection.__name__ = connection_class.__name__
    return PackingConnection
