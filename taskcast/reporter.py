"""Sends what running jobs tell, of all attempts of a worker together, in batches; `reports` has what each has told."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from taskcast.context import JobContext
from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import CancelAsked, Report
from taskcast.errors import TaskcastError
from taskcast.redaction import Redactor
from taskcast.reports import FLUSH_AT_EVENTS, ITEMS_PER_JOB, Item, JobReports, first_line

logger = logging.getLogger("taskcast.reports")  # one name for what is told and how it is sent

FLUSH_EVERY_S = 0.020
ITEMS_PER_CALL = 400
LONGEST_PAUSE_S = 2.0
CALL_DEADLINE_S = 5.0


class Reporter:
    """Sends what the jobs of one worker tell, every 20 ms or 100 events.

    Args:
        engine: where to.
        worker: the owner of the attempts.
        redactor: hides secrets.
        on_refused: called with a job and attempt that is not this worker's any more.
        on_cancel: called with a request to stop that came with an answer.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        worker: str,
        redactor: Redactor,
        on_refused: Callable[[str, int], None],
        on_cancel: Callable[[CancelAsked], None],
    ) -> None:
        self.redactor = redactor
        self.count = 0
        self.dropped = 0
        self._engine, self._worker = engine, worker
        self._on_refused, self._on_cancel = on_refused, on_cancel
        self._marked: deque[JobReports] = deque()
        self._opening = threading.Lock()
        self._told = asyncio.Event()
        self._full = asyncio.Event()
        self._loop_of: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._loop_of = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._task = self._loop_of.create_task(self._loop(), name="taskcast-reporter")

    async def stop(self) -> None:
        """End; what was not sent went with the ends of its jobs."""
        await end(self._task)
        self._task = None

    def open(self, job: JobContext) -> JobReports:
        """Return the buffer of an attempt, a new one if it has none; from any thread."""
        with self._opening:
            if job._reports is None:
                job._reports = JobReports(self, job.id, job.attempt)
            return job._reports  # type: ignore[return-value]  # made above, here or earlier

    def mark(self, reports: JobReports) -> None:
        """Note that a buffer has something; called from any thread, never raises."""
        if not reports.is_dirty:
            reports.set_dirty()
            self._marked.append(reports)
        full = self.count >= FLUSH_AT_EVENTS
        if self._told.is_set() and (not full or self._full.is_set()):
            return
        if threading.get_ident() == self._thread:
            self._ring(full)
        elif self._loop_of is not None:
            try:
                self._loop_of.call_soon_threadsafe(self._ring, full)
            except RuntimeError:  # the loop is closed: a thread has outlived its worker
                logger.debug("a report came after the end of the worker")

    def later(self, reports: JobReports, due: float) -> asyncio.TimerHandle | None:
        """Look at a buffer again at `due`, in the time of the event loop's clock."""
        if self._loop_of is None:
            return None
        return self._loop_of.call_later(max(0.0, due - time.monotonic()), reports.wake)

    def _ring(self, full: bool) -> None:
        self._told.set()
        if full:
            self._full.set()

    async def _loop(self) -> None:
        sent_at = 0.0
        pause_s = 0.0
        while True:
            await self._told.wait()
            left = sent_at + FLUSH_EVERY_S - time.monotonic()
            if left > 0 and not self._full.is_set():
                await self._wait_full(left)
            self._told.clear()
            self._full.clear()
            self.count = 0
            sent_at = time.monotonic()
            batch = self._take_marked(sent_at)
            try:
                while batch:
                    await self._send(batch)
                    batch = [reports for reports in batch if not reports.closed and reports.unsent()]
                pause_s = 0.0
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if not isinstance(error, TaskcastError | OSError):
                    logger.exception("reports could not be sent")
                for reports in batch:
                    self.mark(reports)
                pause_s = min(LONGEST_PAUSE_S, max(0.05, pause_s * 2))
                await asyncio.sleep(pause_s)

    async def _wait_full(self, seconds: float) -> None:
        """Let more gather, but not more than 100 events."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self._full.set)
        try:
            await self._full.wait()
        finally:
            timer.cancel()

    def _take_marked(self, now: float) -> list[JobReports]:
        batch = []
        for _ in range(len(self._marked)):
            reports = self._marked.popleft()
            if not reports.closed and reports.gather(now):
                batch.append(reports)
        return batch

    async def _send(self, batch: Sequence[JobReports]) -> None:
        """Send one call's worth; what fits is confirmed, the rest waits for the next call."""
        calls: list[tuple[JobReports, Report]] = []
        room = ITEMS_PER_CALL
        for reports in batch:
            items = reports.unsent()[: min(ITEMS_PER_JOB, room)]
            if not items:
                continue
            room -= len(items)
            calls.append((reports, _report(reports, items)))
            if room <= 0:
                break
        before = self._engine.reports_dropped
        answers = await self._engine.report(self._worker, [report for _, report in calls], deadline_s=CALL_DEADLINE_S)
        written = self._engine.reports_dropped == before
        for (reports, report), answer in zip(calls, answers, strict=True):
            if reports.closed:
                continue  # the end carries what this call may have been refused
            reports.confirm(len(report.items), written=written)
            if answer is False:
                self._on_refused(reports.job, reports.attempt)
            elif isinstance(answer, CancelAsked):
                self._on_cancel(answer)


async def send_rest(
    engine: Engine, worker: str, job: str, attempt: int, items: list[Item], *, keep: int = ITEMS_PER_JOB
) -> list[Item]:
    """Send a long buffer ahead of the attempt's end, until `keep` items are left, which go with the end.

    Raises:
        EngineUnavailable: if the server cannot be reached; nothing is lost, send the same again.
    """
    while len(items) > keep:
        part = items[:ITEMS_PER_JOB]
        report = Report(job=job, attempt=attempt, items=part, first_line=first_line(part))
        if (await engine.report(worker, [report], deadline_s=CALL_DEADLINE_S))[0] is False:
            return []
        del items[:ITEMS_PER_JOB]
    return items


def _report(reports: JobReports, items: list[Item]) -> Report:
    return Report(job=reports.job, attempt=reports.attempt, items=items, first_line=first_line(items))
