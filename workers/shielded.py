"""Work that is over when its caller goes on, also when the caller is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_its_end(work: Coroutine[Any, Any, T], *, stop: Callable[[], None] = lambda: None) -> T:
    """Await work that must not be left half-way; a caller that is cancelled meanwhile waits for its end, then stops.

    For what is over in a moment, or ends soon after `stop` was called: a thread that writes to a file which the caller closes
    or deletes, a row that says what has just been done elsewhere.

    Example:
        await to_its_end(asyncio.to_thread(file.write, data))
    """
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # nobody's any more; asyncio would complain that it was not looked at
        raise
