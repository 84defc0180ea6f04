"""Waiting for facts, never for time.

Time in which the machine stood still does not count: a look counts for no more than `LOOK_S`, however long it took.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.5
"""Longer than any look takes on a machine that has time for it."""


async def eventually(fact: Callable[[], T | Awaitable[T]], timeout: float = 20.0, every: float = 0.02) -> T:
    """Return the first truthy value of `fact`, asked again and again; fail with its last value after `timeout` seconds."""
    left = timeout
    while True:
        began = time.monotonic()
        found = fact()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if left < 0:
            raise AssertionError(f"not true within {timeout} s; the last value was {value!r}")
        await asyncio.sleep(every)
        left -= min(time.monotonic() - began, every + LOOK_S)


def eventually_sync(fact: Callable[[], T], timeout: float = 20.0, every: float = 0.02) -> T:
    """Do the same where there is no event loop."""
    left = timeout
    while True:
        began = time.monotonic()
        if value := fact():
            return value
        if left < 0:
            raise AssertionError(f"not true within {timeout} s; the last value was {value!r}")
        time.sleep(every)
        left -= min(time.monotonic() - began, every + LOOK_S)
