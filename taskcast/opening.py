"""Opening in a thread what takes its time, such that nothing stays open for a caller that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar


class Closable(Protocol):
    """What is opened and closed: a file, a mailbox."""

    def close(self) -> object:
        """Let go of it."""
        ...


C = TypeVar("C", bound=Closable)


async def open_aside(open_it: Callable[[], C], undo: Callable[[C], object] = lambda opened: opened.close()) -> C:
    """Open something in a thread; what is opened for a caller that is cancelled meanwhile is closed again, or undone."""
    opening = asyncio.ensure_future(asyncio.to_thread(open_it))

    def forsaken(done: asyncio.Future[C]) -> None:
        if not done.cancelled() and done.exception() is None:
            undo(done.result())

    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(forsaken)
        raise
