"""Waiting for facts, never for time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(fact: Callable[[], T | Awaitable[T]], timeout: float = 20.0, every: float = 0.02) -> T:
    """Return the first truthy value of `fact`, asked again and again; fail with its last value after `timeout` seconds."""
    until = time.monotonic() + timeout
    while True:
        found = fact()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not true within {timeout} s; the last value was {value!r}")
        await asyncio.sleep(every)


def eventually_sync(fact: Callable[[], T], timeout: float = 20.0, every: float = 0.02) -> T:
    """Do the same where there is no event loop."""
    until = time.monotonic() + timeout
    while not (value := fact()):
        if time.monotonic() > until:
            raise AssertionError(f"not true within {timeout} s; the last value was {value!r}")
        time.sleep(every)
    return value
