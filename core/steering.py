"""What can be done to queues and tasks: pause and resume. Who may is asked before, by the caller.

What is done to many jobs, drain and clean among it, is in `operations`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from core.orders import ENGINE_S
from core.storage.pauses import list_pauses
from taskcast.engine.engine import Engine


class Steering:
    """The commands, on the engine and the tables of one installation."""

    def __init__(self, *, engine: Engine) -> None:
        self._engine = engine

    async def pause(
        self,
        *,
        queue: str | None = None,
        task: str | None = None,
        by: str,
        reason: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Pause a queue or a task; where it is paused already, change reason and end."""
        until_ms = None if until is None else int(until.timestamp() * 1000)
        await self._engine.pause(queue=queue, task=task, by=by, reason=reason, until_ms=until_ms, deadline_s=ENGINE_S)

    async def resume(
        self, *, queue: str | None = None, task: str | None = None, by: str, reason: str | None = None
    ) -> None:
        """Let a queue or a task go on."""
        if await self._engine.resume(queue=queue, task=task, by=by, reason=reason, deadline_s=ENGINE_S):
            return
        # A pause that the queue server forgot may stand in the tables, from where it would be put back.
        key = f"q:{queue}" if queue is not None else f"t:{task}"
        if key in await list_pauses():
            data = {"queue": queue, "task": task, "by": by, "reason": reason, "until": None}
            await self._engine.tell([("queue.resumed", b"", msgspec.json.encode(data))], deadline_s=ENGINE_S)
