"""A job for a child process, as the event loop sees it: a future that can be stopped, and the ear for what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from taskcast.children.wire import Begin, Dropped, Line, Raised, Returned, Told
from taskcast.context import JobContext
from taskcast.failures import RaisedInChild
from taskcast.reports import JobReports, LogLine
from taskcast.threads import SlotFuture
from taskcast.values import Encoded

if TYPE_CHECKING:
    from taskcast.children.link import ChildLink
    from taskcast.children.pool import ChildPool


class ChildCall(SlotFuture):
    """A job for a child; to cancel it is to stop the job, and the end comes when that has stopped.

    Args:
        begin: what the child is told.
        job: the attempt's context in the worker.
        on_begun: called when the function begins.
        pool: where it waits for a child.

    Attributes:
        begun: whether the function has begun.
        tries: how many children it was given to.
        link: the child it was given to.
    """

    def __init__(self, begin: Begin, job: JobContext, *, on_begun: Callable[[], None], pool: ChildPool) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.begin, self.job = begin, job
        self.begun = False
        self.tries = 0
        self.link: ChildLink | None = None
        self._on_begun, self._pool = on_begun, pool

    def cancel(self, msg: object = None) -> bool:
        """Ask the job to stop, then kill it; one that has no child yet is cancelled at once."""
        if self.done():
            return False
        if self.link is None:
            self._pool.withdraw(self)
            self.cancel_now()
        else:
            self.link.stop(self.job._stop)
        return True

    def cancel_now(self) -> None:
        """Be cancelled: the job's code does not run any more."""
        super().cancel()
        self.leave(None, None)

    def begins(self) -> None:
        """Note that the function begins."""
        self.begun = True
        self._on_begun()

    def ends(self, outcome: Returned | Raised) -> None:
        """Take what the function returned or raised."""
        if isinstance(outcome, Returned):
            self.leave(Encoded(outcome.result), None)
        else:
            self.leave(None, RaisedInChild.told(outcome))

    def hear(self, told: Line | Told | Dropped) -> None:
        """Put what the job tells into the attempt's buffer."""
        reports = self._reports()
        if reports is None:
            return
        if isinstance(told, Told):
            reports.keep_progress(told.values, told.at_ms)
        elif isinstance(told, Dropped):
            reports.drop(told.count)
        elif reports.is_full:
            reports.drop(1)
        else:
            reports.keep(LogLine(told.level, told.text, told.fields, told.trace, told.at_ms))

    @property
    def is_full(self) -> bool:
        """Whether the next line would be dropped."""
        reports = self._reports()
        return reports is not None and reports.is_full

    def _reports(self) -> JobReports | None:
        reports = self.job._reports or self.job._opened()
        return reports if isinstance(reports, JobReports) else None
