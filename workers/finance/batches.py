"""Reads a blocking iterator in a thread, in batches, so that the event loop stays free."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import TypeVar

T = TypeVar("T")


async def in_thread(items: Iterator[T], size: int) -> AsyncIterator[list[T]]:
    """Yield what a blocking iterator gives, up to `size` items at a time, read in a thread."""
    while batch := await asyncio.to_thread(lambda: list(itertools.islice(items, size))):
        yield batch


async def ahead(items: Iterator[T], size: int) -> AsyncGenerator[list[T]]:
    """Yield batches as `in_thread` does, and read the next one while the last is in the caller's hands."""

    def take() -> list[T]:
        return list(itertools.islice(items, size))

    reading = asyncio.create_task(asyncio.to_thread(take), name="read-statement")
    try:
        while batch := await reading:
            reading = asyncio.create_task(asyncio.to_thread(take), name="read-statement")
            yield batch
    finally:
        # A thread cannot be stopped: it ends with its batch, or when the caller closes the file.
        reading.cancel()
