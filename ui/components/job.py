"""One job and its log."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ui.components.element import BASE, LiveElement
from ui.model import Row
from ui.views.dock import DockView
from ui.views.job import JobView, Line
from ui.views.jobs import now_ms


class LogView(LiveElement, component="log_view.js"):
    """A virtual list of log lines."""

    def __init__(self, page: Any, *, bar: bool, label: str, quiet: str, wide: bool = False, download: str = "") -> None:
        super().__init__(page)
        self._props.update(bar=bar, wide=wide, label=label, quiet=quiet)
        if download:
            self._props["download"] = download

    def say(self, quiet: str) -> None:
        """Say why there are no lines."""
        self.send_if_changed(quiet, "say")

    def lines(self, lines: list[Line], *, reset: bool, earlier: bool = False) -> None:
        """Send new lines, or all of them."""
        if reset:
            self.send("reset", {"lines": lines, "earlier": earlier})
        elif lines:
            self.send("append", lines)


class DockLog(LogView, component="log_view.js"):
    """The log of all running jobs."""

    def __init__(self, page: Any, view: DockView) -> None:
        super().__init__(
            page, bar=False, wide=True, label="Log of running jobs", quiet="Waiting for log lines of running jobs…"
        )
        self._view = self._dock = view
        view.attach(self)

    def draw(self) -> None:
        """Send all lines that are kept."""
        self.lines(list(self._dock.lines), reset=True)

    def append(self, lines: list[Line]) -> None:
        """Send new lines."""
        self.lines(lines, reset=False)


class JobDetail(LiveElement, component="job_view.js"):
    """Everything about one job; holds its log viewer."""

    def __init__(self, page: Any, view: JobView, *, wide: bool) -> None:
        super().__init__(page, view)
        self._job = view
        path = quote(view.job_id, safe="~:")
        self._props.update(id=view.job_id, url=f"{BASE}/job/{path}", base=BASE, wide=wide, may=page.may)
        with self:
            self.log = LogView(
                page, bar=True, label="Job log", quiet=view.empty_log, download=f"/admin/export/{path}"
            ).classes("p-log")
        self.log.hear("all", lambda _: page.act(view.read_all))

    def draw(self) -> None:
        """Send all of it."""
        self.send("patch", {"now": now_ms(), **self._job.drawn})
        self.log.lines(list(self._job.lines), reset=True, earlier=self._job.has_earlier)
        self.log.say(self._job.empty_log)

    def draw_job(self, change: Row, lines: list[Line], reset: bool) -> None:
        """Send the parts that changed and new lines."""
        if change:
            self.send("patch", change)
        self.log.lines(lines, reset=reset, earlier=self._job.has_earlier)
        self.log.say(self._job.empty_log)
