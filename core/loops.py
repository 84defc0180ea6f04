"""What everything long-lived in the recorder's process is: a task that does its step again and again, until stopped.

A step that fails is told and done again after a pause that doubles; so no loop ends by an error.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import ClassVar, Self

from taskcast.ending import end

SETTLED_S = 30.0
"""A step that lasted so long before it failed begins again after the first pause."""


class Loop:
    """Calls `_step` for ever between `start` and `stop`; the step itself waits until there is something to do."""

    name: ClassVar[str]
    away: ClassVar[tuple[type[Exception], ...]] = ()
    """What a server raises that cannot be reached: told in one line, once until a step has succeeded."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 3.0

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._logger = logging.getLogger(type(self).__module__)

    async def start(self) -> None:
        """Begin; starting twice is fine."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name=self.name)

    async def stop(self) -> None:
        """Stop; stopping twice is fine."""
        await end(self._task)
        self._task = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _step(self) -> None:
        raise NotImplementedError

    async def _loop(self) -> None:
        pause, told = 0.0, False
        while True:
            began = time.monotonic()
            try:
                await self._step()
                pause, told = 0.0, False
                continue
            except self.away as error:
                if not told:
                    self._logger.warning("a server is away; the %s waits", self.name, extra={"error": str(error)})
                told = True
            except Exception:
                self._logger.exception("the %s failed and begins again", self.name)
            if time.monotonic() - began > SETTLED_S:
                pause, told = 0.0, False
            pause = min(pause * 2 or self.first_pause_s, self.longest_pause_s)
            await asyncio.sleep(jittered(pause))


def jittered(seconds: float) -> float:
    """Return about as many seconds, so that loops which began together do not stay together."""
    return seconds * random.uniform(0.7, 1.3)
