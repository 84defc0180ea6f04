"""The list of jobs: filtered, live at its top, older pages on demand."""

from __future__ import annotations

from typing import Any

from ui.components.element import BASE, el
from ui.components.jobs import FilterBar, JobTable, UploadButton
from ui.page import Page
from ui.pages.frame import query_of
from ui.pages.parts import check_button, matching_button
from ui.views.jobs import DEAD, Filter, JobsView

EMPTY = {"icon": "inbox", "title": "No jobs yet", "text": "The first job that is enqueued appears here by itself."}
NO_DEAD = {
    "icon": "archive-x",
    "title": "No dead letters",
    "text": "A job comes here when it fails for another reason than an error of its own: its worker was lost, it took too long, or nobody could run it.",
}
NO_MATCH = {"icon": "search", "title": "No job matches", "text": "Take a filter away, or search for other words."}


def jobs(page: Page) -> None:
    """Build the page."""
    JobList(page)


class JobList:
    """The page with the view its filter names now."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.filter = Filter.of(query_of(page.browser.sub_pages_router.current_path))
        with el("div", "scroll"):
            with FilterBar(page, self._values()) as self._bar:
                if page.session.may_steer:
                    check_button(page, brief=True)
                    matching_button(page, lambda: self.filter.wanted)
                    upload = UploadButton(page, most_bytes=page.settings.upload_max_bytes)
                    upload.hear("done", self._uploaded)
                    upload.hear("failed", lambda text: page.toast("bad", str(text)))
            self._bar.hear("change", self._changed)
            with el("section", "card", aria_label="Jobs"):
                self._place = el("div")
            self._show()
        page.on_path = self._path
        if page.session.sees_system:
            page.statistics.spawn(self._read_types(), "types of jobs")

    def _show(self) -> None:
        view = self.page.jobs(self.filter)
        self._place.clear()
        with self._place:
            table = JobTable(self.page, view, label="Jobs", empty=self._empty, as_list=True)
        table.hear("open", lambda job: self.page.open_job(str(job)))
        table.hear("act", lambda args: self.page.commands.steer(str(args[0]), view.rows.get(str(args[1]))))
        table.hear("again", lambda _: self.page.act(view.search_again))
        table.hear("more", lambda _: self._more(view, table))
        if view.is_loaded:
            view.flush()
            table.draw()

    @property
    def _empty(self) -> dict[str, str]:
        if self.filter == Filter():
            return EMPTY
        return NO_DEAD if self.filter == Filter.of({"view": DEAD}) else NO_MATCH

    async def _more(self, view: JobsView, table: JobTable) -> None:
        if not await self.page.act(view.more):
            table.draw()

    def _changed(self, values: Any) -> None:
        chosen = Filter.of(values if isinstance(values, dict) else {})
        if chosen != self.filter:
            self.filter = chosen
            self._show()

    def _path(self, path: str) -> None:
        if self._bar.is_deleted or not path.startswith(f"{BASE}/list"):
            return
        chosen = Filter.of(query_of(path))
        if chosen != self.filter:
            self.filter = chosen
            self._bar.choose(self._values())
            self._show()

    def _uploaded(self, job: Any) -> None:
        self.page.toast("ok", "The statement was received and its import has begun.")
        self.page.open_job(str(job))

    def _values(self) -> dict[str, Any]:
        chosen = self.filter
        return {**chosen.lists, "q": chosen.q, "dead": chosen.dead, "final_reason": list(chosen.final_reason)}

    async def _read_types(self) -> None:
        self._bar.types = sorted({str(task.get("name")) for task in await self.page.upstream.client.tasks()})
        self._bar.draw()
