"""One attempt under way in this worker, and the end it came to. Data and small rules; nothing here talks to a server."""

from __future__ import annotations

import asyncio
import time
from typing import Literal

from taskcast.context import JobContext, Stop
from taskcast.engine.jobs import End, EndState, Held, Taken
from taskcast.reports import Item, first_line
from taskcast.threads import SlotFuture

BATCH_S = 0.02


class Running:
    """An attempt that this worker owns, from the take until its end is accepted.

    Attributes:
        context: what the job sees of itself; it also carries the request to stop.
        task: the asyncio task that runs it.
        call: the end of its function in a thread or a child process, if it is a sync one.
        entered: whether the task has begun; before that a request to stop is only noted.
        settled: whether its end is decided; nothing stops it any more.
        deadline: when its time is up, by `time.monotonic()`; infinite without a timeout.
    """

    __slots__ = ("began", "call", "context", "deadline", "entered", "key", "settled", "taken", "task")

    def __init__(self, taken: Taken, context: JobContext) -> None:
        self.taken = taken
        self.key: Held = (taken.job, taken.attempt)
        self.context = context
        self.task: asyncio.Task[None] | None = None
        self.call: SlotFuture | None = None
        self.entered = False
        self.settled = False
        self.begins()

    def begins(self) -> None:
        """Start the clock of its timeout and duration."""
        self.began = time.monotonic()
        self.deadline = float("inf") if self.taken.timeout_s is None else self.began + self.taken.timeout_s

    def waits(self) -> None:
        """Stop the clock until it begins: it waits for a process to run in."""
        self.deadline = float("inf")

    @property
    def stop(self) -> Stop | None:
        """Why it is to stop, None if it is not."""
        return self.context._stop

    def ask(self, stop: Stop) -> bool:
        """Ask it to stop; return whether this is news to it."""
        if self.settled or (self.stop is not None and stop.kind != "lost"):
            return False
        self.context._stop = stop
        if self.entered and self.task is not None:
            self.task.cancel()
        return True


EndingKind = Literal["completed", "failed", "cancelled", "retrying", "released"]


class Ending:
    """How an attempt ended here, until the server has accepted it."""

    __slots__ = ("at", "data", "delay_ms", "kind", "lines", "result", "running", "tries", "uncounted")

    def __init__(
        self,
        running: Running,
        kind: EndingKind,
        data: bytes = b"{}",
        *,
        delay_ms: int = 0,
        result: bytes | None = None,
        uncounted: bool = False,
    ) -> None:
        self.running, self.kind, self.data = running, kind, data
        self.delay_ms, self.result, self.uncounted = delay_ms, result, uncounted
        self.lines: list[Item] = running.context._close()
        self.at = time.monotonic()
        self.tries = 0

    def as_end(self, now: float) -> End:
        """Return what goes to the engine."""
        job, attempt = self.running.key
        state: EndState = self.kind  # type: ignore[assignment]
        lines = self.lines
        return End(
            job=job,
            attempt=attempt,
            state=state,
            data=self.data,
            delay_ms=self.delay_ms,
            ended_ago_ms=_ago_ms(now - self.at),
            lines=lines,
            first_line=first_line(lines) if lines else 1,
            counted=not self.uncounted,
            result=self.result,
            result_key=self.running.context.task_id,
        )


def _ago_ms(seconds: float) -> int:
    """Return how long an end has waited, in milliseconds; what every end waits for its batch is not worth telling."""
    return int(seconds * 1000) if seconds >= BATCH_S else 0
