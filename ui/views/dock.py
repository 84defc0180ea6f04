"""The log lines of all running jobs together, for the dock of the overview."""

from __future__ import annotations

import asyncio
from collections import deque

from taskcast import events as ev
from taskcast.client import EventMessage, GatewayError, Message, Snapshot, Subscription
from ui.upstream import Upstream
from ui.views.job import Line, event_line, log_line
from ui.views.jobs import JobsView
from ui.views.view import View, part_with

MOST_FOLLOWED = 12
LONG_ENOUGH_S = 0.7
"""A job is followed once it has run this long; shorter ones come and go too fast to be read."""
KEPT_LINES = 1000
OUT_OF_ORDER_MS = 500
"""Lines older than the last by more than this are the tail of a job just begun to be followed; they are sorted in."""


class DockView(View):
    """Follows the log of the newest running jobs."""

    topic = "logs of running jobs"

    def __init__(self, upstream: Upstream, running: JobsView) -> None:
        super().__init__(upstream)
        self.lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self._running = running
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._new: list[Line] = []
        self._is_mixed = False
        self._running.attach(self)

    @property
    def followed(self) -> int:
        """How many jobs' logs are followed now."""
        return len(self._followed)

    async def stop(self) -> None:
        """Stop following."""
        self._running.detach(self)
        for task in self._followed.values():
            task.cancel()
        self._followed.clear()
        await super().stop()

    def patch(self, *_: object) -> None:
        """Hear from the running jobs that one came or went."""

    def flush(self) -> None:
        """Send the new lines."""
        # Lines of several jobs come in turn; what is sent together is sent in order.
        lines, self._new = sorted(self._new, key=lambda line: line[1] or 0), []
        mixed, self._is_mixed = self._is_mixed, False
        for element in self.elements:
            if mixed:
                element.draw()
            else:
                element.append(lines)

    async def subscribe(self) -> Subscription:
        """Have no subscription of its own."""
        raise NotImplementedError

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(LONG_ENOUGH_S)
            running = {job for job, row in self._running.rows.items() if row.get("status") == "running"}
            for job in [job for job, task in self._followed.items() if job not in running or task.done()]:
                self._followed.pop(job).cancel()
            newest = sorted(running - self._followed.keys(), reverse=True)
            for job in newest[: max(0, MOST_FOLLOWED - len(self._followed))]:
                self._followed[job] = asyncio.create_task(self._follow(job), name=f"log of {job}")

    async def _follow(self, job: str) -> None:
        subscription: Subscription | None = None
        try:
            live = await self.upstream.live()
            subscription = await live.subscribe(f"job:{job}", tail=20)
            async for batch in subscription.batches():
                self._take(job, batch)
        except GatewayError:
            return  # the list of running jobs says when to try again
        finally:
            if subscription is not None:
                await part_with(subscription)

    def _take(self, job: str, batch: list[Message]) -> None:
        lines: list[Line] = []
        for message in batch:
            if isinstance(message, EventMessage) and isinstance(message.event, ev.JobLogged):
                lines.append(event_line(message.event))
            elif isinstance(message, Snapshot):
                lines.extend(log_line(row) for row in message.logs)
        name = str(self._running.rows.get(job, {}).get("type") or "")
        known = {line[0] for line in self.lines}
        for line in lines:
            line[0], line[6] = f"{job}:{line[0]}", name
        fresh = [line for line in lines if line[0] not in known]
        if not fresh:
            return
        late = bool(self.lines) and (fresh[0][1] or 0) < (self.lines[-1][1] or 0) - OUT_OF_ORDER_MS
        self.lines.extend(fresh)
        self._new.extend(fresh)
        if late:
            self.lines = deque(sorted(self.lines, key=lambda line: line[1] or 0), maxlen=KEPT_LINES)
            self._is_mixed = True
        self.changed()
