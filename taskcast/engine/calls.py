"""Calling scripts: repeats what got no answer until a deadline, and speaks of errors in our own words."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from taskcast.engine.address import address_of
from taskcast.engine.following import client
from taskcast.engine.link import Link
from taskcast.engine.packing import use_hiredis
from taskcast.engine.scripts import load
from taskcast.engine.wire import Arg
from taskcast.errors import EngineFull, EngineUnavailable
from taskcast.names import Names

DEADLINE_S = 10.0
"""Seconds after which a call that got no answer is given up, unless its caller says otherwise."""
SOCKET_TIMEOUT_S = 5.0
"""A server that is silent for so long is taken for hung; scripts take milliseconds."""
PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Pauses before the repeats of a call; the last one repeats."""

GONE = (
    OSError,
    RedisConnectionError,
    RedisTimeoutError,
    ReadOnlyError,
    MasterDownError,
    ClusterDownError,
    TryAgainError,
)
# In a script's error stands the word that redis-py else makes a class of.
_LATER = re.compile(r"(^|-)(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|MISCONF|NOREPLICAS) ")
_FULL = re.compile(r"(^|-)OOM |ENGINEFULL")


def connect(url: str, names: Names | None = None, **options: Any) -> Redis:
    """Return an asyncio client whose own retries are off; it connects at first use.

    redis-py would repeat a script without telling us, and a script that ran unseen must be counted as such.

    Args:
        url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or `redis+cluster://`; see `address`.
        names: the keys it is for: on a cluster it talks to the server that has them, and to no other.
        options: redis-py's.

    Raises:
        ConfigurationError, ValueError: for a URL that cannot be.
    """
    address = address_of(url)
    options = {"retry": Retry(NoBackoff(), 0), **client_options(url), **options}
    return use_hiredis(
        Redis.from_url(url, **options) if address is None else client(address, names or Names(), **options)
    )


def client_options(url: str) -> dict[str, Any]:
    """Return what the asyncio client and the lease thread's have in common."""
    options: dict[str, Any] = {"socket_timeout": SOCKET_TIMEOUT_S, "protocol": 2, "decode_responses": False}
    if not url.startswith("unix:"):
        options |= {"socket_connect_timeout": SOCKET_TIMEOUT_S, "socket_keepalive": True}
    return options


def translate(error: Exception) -> Exception:
    """Return our exception for one of redis-py's, or the error itself."""
    text = str(error)
    if isinstance(error, OutOfMemoryError) or (isinstance(error, ResponseError) and _FULL.search(text)):
        return EngineFull()
    if is_gone(error):
        return EngineUnavailable(f"the queue server cannot be reached: {text or type(error).__name__}")
    return error


def is_gone(error: Exception) -> bool:
    """Tell whether an error means that the server is away, hung or not ready, so that a repeat may help."""
    return isinstance(error, GONE) or (isinstance(error, ResponseError) and bool(_LATER.search(str(error))))


def is_final(error: Exception) -> bool:
    """Tell whether repeating is no use: a wrong password stays wrong."""
    refused = AuthenticationError | AuthorizationError
    # redis-py wraps what goes wrong on a Unix socket's first words once more.
    return isinstance(error, refused) or isinstance(error.__cause__, refused) or not is_gone(error)


_Send = Callable[[tuple[Arg, ...], float], Awaitable[Any]]


class Caller:
    """Calls scripts and commands of one asyncio client; scripts have a connection of their own."""

    def __init__(self, redis: Redis, names: Names, *, events: bool = True) -> None:
        self._execute: Callable[..., Awaitable[Any]] = redis.execute_command
        # A client of another kind (a cluster's, a subclass) knows better how its commands are sent.
        self._link = Link(redis.connection_pool, SOCKET_TIMEOUT_S) if type(redis) is Redis else None
        self._names = names
        self._events = events

    async def aclose(self) -> None:
        """Close the connection of the scripts; the client's others are not touched."""
        if self._link is not None:
            await self._link.aclose()

    async def __call__(self, name: str, args: Sequence[Arg], deadline_s: float = DEADLINE_S) -> Any:
        """Run a script and return its reply.

        Raises:
            EngineUnavailable: no answer within `deadline_s`; the script may have run.
            EngineFull: the script was refused for want of memory; nothing was written.
        """
        script = load(name, events=self._events)
        rest = (2, self._names.events, self._names.nothing, self._names.tag, *args)
        send = self._executed if self._link is None else self._link.call
        until = asyncio.get_running_loop().time() + deadline_s
        try:
            return await self._answer(send, ("EVALSHA", script.sha, *rest), until)
        except NoScriptError:
            return await self._answer(send, ("EVAL", script.text, *rest), until)

    async def command(self, *command: Arg, deadline_s: float = DEADLINE_S) -> Any:
        """Run a plain command that may run twice without harm; raises as scripts do."""
        return await self._answer(self._executed, command, asyncio.get_running_loop().time() + deadline_s)

    async def _executed(self, command: tuple[Arg, ...], until: float) -> Any:
        async with asyncio.timeout_at(until):
            return await self._execute(*command)

    async def _answer(self, send: _Send, command: tuple[Arg, ...], until: float) -> Any:
        """Send a command until it is answered, or until the time is over."""
        loop = asyncio.get_running_loop()
        last: Exception | None = None
        for pause_s in chain(PAUSES_S, repeat(PAUSES_S[-1])):
            try:
                return await send(command, until)
            except NoScriptError:
                raise
            except (RedisError, OSError) as error:
                if is_final(error):
                    raise translate(error) from error
                if last is None or loop.time() < until:  # what went wrong says more than that time is over
                    last = error
            await asyncio.sleep(min(until - loop.time(), pause_s * random.uniform(0.8, 1.2)))
            if loop.time() >= until:
                break
        raise translate(last or RedisTimeoutError("no answer in time")) from last
