"""Single-use websocket tickets, kept on the queue server for 30 seconds under their hash.

Any gateway process may be asked for a ticket and any other be shown it; GETDEL makes sure that only one accepts it.
"""

from __future__ import annotations

import msgspec
import redis.asyncio
import redis.exceptions

from core.auth_tokens import digest, new_ticket
from taskcast.errors import EngineUnavailable
from taskcast.names import Names

TICKET_S = 30
LONGEST_TICKET = 128


class Tickets:
    """Makes tickets that stand for a value of bytes, once."""

    def __init__(self, redis_client: redis.asyncio.Redis, names: Names) -> None:
        self._redis = redis_client
        self._names = names

    async def make(self, value: msgspec.Struct) -> str:
        """Return a new ticket for `value`.

        Raises:
            EngineUnavailable: if the queue server cannot be reached.
        """
        ticket = new_ticket()
        try:
            await self._redis.set(self._names.ticket(digest(ticket)), msgspec.json.encode(value), ex=TICKET_S)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            raise EngineUnavailable from error
        return ticket

    async def use(self, ticket: str) -> bytes | None:
        """Return what the ticket stands for, as JSON, and make it worthless; None if it is unknown, used or too old.

        Raises:
            EngineUnavailable: if the queue server cannot be reached.
        """
        if not ticket or len(ticket) > LONGEST_TICKET:
            return None
        try:
            value = await self._redis.getdel(self._names.ticket(digest(ticket)))
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as error:
            raise EngineUnavailable from error
        return value.encode() if isinstance(value, str) else value
