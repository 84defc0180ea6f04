"""Listens for the bell (there is work) and for control messages (stop this job): the fast path to a worker.

Nothing depends on it: a worker also looks once a second, and each renewal of its lease tells what it may have missed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from taskcast.ending import end
from taskcast.names import Names

logger = logging.getLogger("taskcast.bell")

QUIET_S = 5.0
LONGEST_PAUSE_S = 5.0


class Control(msgspec.Struct, frozen=True):
    """A message of the control channel; what else it may hold is for later versions."""

    cancel: str | None = None
    attempt: int = 0
    worker: str | None = None
    by: str | None = None
    reason: str | None = None


_control = msgspec.json.Decoder(Control)


class Bell:
    """A subscription that comes back by itself.

    Args:
        redis: a client; the subscription has a connection of its own.
        names: the installation's channels.
        queues: the queues whose bell matters, None for all.
        on_bell: called when a job came into a lane.
        on_control: called with each control message.
        on_gap: called when messages may have been missed.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        names: Names,
        queues: list[str] | None,
        on_bell: Callable[[], None],
        on_control: Callable[[Control], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._redis, self._names = redis, names
        self._queues = None if queues is None else {queue.encode() for queue in queues}
        self._on_bell, self._on_control, self._on_gap = on_bell, on_control, on_gap
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.get_running_loop().create_task(self._loop(), name="taskcast-bell")

    async def stop(self) -> None:
        """End."""
        await end(self._task)
        self._task = None

    async def _loop(self) -> None:
        pause_s = 0.1
        while True:
            subscription = self._redis.pubsub()
            try:
                await subscription.subscribe(self._names.bell, self._names.control)
                self._on_gap()
                pause_s = 0.1
                await self._read(subscription)
            except (RedisError, OSError) as error:
                logger.debug("the subscription ended: %s", error)
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("the subscription ended")
            finally:
                await _close(subscription)
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _read(self, subscription: Any) -> None:
        """Read until the connection is lost; a server that does not answer a ping is lost too."""
        heard_at = time.monotonic()
        subscribed = 0
        while True:
            message = await subscription.get_message(timeout=QUIET_S)
            if message is None:
                if time.monotonic() - heard_at > 3 * QUIET_S:
                    raise ConnectionError("no answer to a ping")
                await subscription.ping()
                continue
            heard_at = time.monotonic()
            kind = message["type"]
            if kind == "subscribe":
                subscribed += 1
                if subscribed > 2:  # redis-py has reconnected in silence
                    self._on_gap()
            elif kind == "message":
                self._hear(message["channel"], message["data"])

    def _hear(self, channel: bytes, data: bytes) -> None:
        if channel == self._names.bell.encode():
            if self._queues is None or data in self._queues:
                self._on_bell()
            return
        try:
            self._on_control(_control.decode(data))
        except msgspec.DecodeError:
            logger.warning("a control message could not be read: %r", data[:200])


async def _close(subscription: Any) -> None:
    try:
        await subscription.aclose()
    except (RedisError, OSError) as error:
        logger.debug("the subscription was not closed cleanly: %s", error)
