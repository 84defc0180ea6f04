"""A scheduler in a process of its own that goes by the test's clock, and may kill itself at a point of its work."""

from __future__ import annotations

import asyncio
import os
import signal
from ctypes import c_double
from datetime import UTC, datetime
from typing import NoReturn

from core import orders
from core.storage import schedules as stored
from core.storage.connection import connected
from schedules import firing
from taskcast.engine.engine import Engine

POINTS = {
    "nothing is written": (stored, "decide"),
    "it is due": (orders, "enqueue"),
    "it is enqueued": (stored, "mark"),
    "it is sent": (firing.Firing, "_tell_all"),
}
"""What is true of the slot that is being sent when the process dies."""


def run(redis_url: str, database_url: str, prefix: str, clock: c_double, dies_when: str | None) -> None:
    """Fire what is due by the clock until killed."""
    firing.LONGEST_WAIT_S = 0.05
    if dies_when is not None:
        where, what = POINTS[dies_when]
        setattr(where, what, _die if what != "_tell_all" else _die_if_told)
    asyncio.run(_fire(redis_url, database_url, prefix, clock))


async def _fire(redis_url: str, database_url: str, prefix: str, clock: c_double) -> None:
    async def now() -> datetime:
        return datetime.fromtimestamp(clock.value, UTC)

    async with connected(database_url, pool_size=2), Engine.connect(redis_url, prefix) as engine:
        await firing.fire(firing.Firing(engine, clock=now))


async def _die(*_: object, **__: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


async def _die_if_told(firing: firing.Firing) -> None:
    if firing._untold:
        await _die()
