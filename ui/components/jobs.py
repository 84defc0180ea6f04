"""The live table of jobs, its filters, and the button that makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ui.components.element import LiveElement, encode
from ui.model import Row
from ui.views.jobs import JobsView, now_ms


class JobTable(LiveElement, component="job_table.js"):
    """Rows of a view; those in the browser's sight are sent ten times a second, the others half as often."""

    def __init__(self, page: Any, view: JobsView, *, label: str, empty: dict[str, str], as_list: bool) -> None:
        super().__init__(page, view)
        self._jobs = view
        self._in_sight: frozenset[str] | None = None
        self._later: dict[str, Row] = {}
        self._told: Row = {}
        self.on_count: Callable[[int], None] | None = None
        self._props.update(list=as_list, dead=view.filter.dead, label=label, empty=empty, may=page.may)
        self.hear("seen", self._seen)

    def draw(self) -> None:
        """Send the whole."""
        self._later.clear()
        self._told = self._facts()
        if self.on_count:
            self.on_count(len(self._jobs.drawn))
        self.send("reset", {"now": now_ms(), "set": self._jobs.drawn, **self._told})

    def patch(self, changes: dict[str, Row], gone: list[str]) -> None:
        """Send changed fields and the ids of rows that are gone."""
        if not self.is_here:
            return
        if self._in_sight is not None and self.page.upstream.ticker.turn % 2:
            for job, change in list(changes.items()):
                if job not in self._in_sight and "type" not in change and "status" not in change:
                    self._later.setdefault(job, {}).update(change)
                    changes = {key: value for key, value in changes.items() if key != job}
        elif self._later:
            later, self._later = self._later, {}
            changes = {**later, **{job: {**later.get(job, {}), **change} for job, change in changes.items()}}
        message: Row = {}
        if changes:
            message["set"] = changes
        if gone:
            message["del"] = gone
        facts = self._facts()
        if facts != self._told:
            message |= facts
            self._told = facts
        if message:
            self.send("patch", message)
        if self.on_count:
            self.on_count(len(self._jobs.drawn))
        if self._later:
            self._jobs.changed()

    def _facts(self) -> Row:
        view = self._jobs
        return {
            "loaded": view.is_loaded,
            "problem": view.error or "",
            "total": view.total,
            "hasMore": view.has_more,
            "unseen": view.unseen if view.filter.q else 0,
        }

    def _seen(self, jobs: Any) -> None:
        self._in_sight = frozenset(str(job) for job in jobs[:500]) if isinstance(jobs, list) else None


class FilterBar(LiveElement, component="filter_bar.js"):
    """The filters of the list, with how many jobs each state has."""

    def __init__(self, page: Any, chosen: Row) -> None:
        super().__init__(page, page.statistics)
        self._queues = page.queues
        self._queues.attach(self)
        self.types: list[str] = []
        self._props["initial"] = encode({"filter": chosen, **self._known()})

    def draw(self) -> None:
        """Send counts and names."""
        self.send_if_changed(self._known())

    def choose(self, chosen: Row) -> None:
        """Show another filter."""
        self.send("patch", {"filter": chosen})

    def _known(self) -> Row:
        counts = self.page.statistics.totals.get("by_status") or {}
        return {"counts": counts, "queues": [row.get("name") for row in self._queues.sorted], "types": self.types}

    def _handle_delete(self) -> None:
        self._queues.detach(self)
        super()._handle_delete()


class UploadButton(LiveElement, component="upload_button.js"):
    """Sends a bank statement."""

    def __init__(self, page: Any, *, most_bytes: int) -> None:
        super().__init__(page)
        self._props.update(url="/admin/upload", most=most_bytes)
