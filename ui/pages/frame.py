"""What is around every page: navigation, head, account, panel, toasts; and which page the URL names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from nicegui import ui

from ui.components.element import BASE, QUEUES, ROOT, SCHEDULES, TASKS, WORKERS, el, encode, icon
from ui.components.frame_parts import (
    ConfirmDialog,
    ConnectionPill,
    NavBar,
    Panel,
    PausedPill,
    SearchBox,
    ThemeButton,
    Toasts,
    UserMenu,
)
from ui.components.job import JobDetail
from ui.components.operations import OperationCards
from ui.ids import clean_id
from ui.page import Page
from ui.pages.missing import failed, missing

logger = logging.getLogger(__name__)

PAGES = (
    {"key": "overview", "path": BASE, "label": "Overview", "icon": "layout-dashboard"},
    {"key": "jobs", "path": f"{BASE}/list", "label": "Jobs", "icon": "list-checks"},
    {"key": "queues", "path": QUEUES, "label": "Queues", "icon": "layers"},
    {"key": "tasks", "path": TASKS, "label": "Tasks", "icon": "square-function"},
    {"key": "schedules", "path": SCHEDULES, "label": "Schedules", "icon": "calendar-clock"},
    {"key": "workers", "path": WORKERS, "label": "Workers", "icon": "server"},
)
SYSTEM = frozenset({"queues", "tasks", "schedules", "workers"})
BESIDE = frozenset({"tasks"})
"""Pages that a phone reaches from the page before them, because its bar has no room."""

MOST_KEYS = 60
SLIDE_S = 0.4
"""The panel is emptied when it has slid out of sight."""


class Pages(ui.sub_pages):
    """The page within the frame, with our words for what goes wrong."""

    def _render_404(self) -> None:
        missing()

    def _render_error(self, error: Exception) -> None:
        logger.error("a page could not be built", exc_info=error)
        failed()


class Frame:
    """Built once per tab; the page within changes."""

    def __init__(self, page: Page, routes: dict[str, Callable[..., None]]) -> None:
        self.page = page
        page.frame = self
        self._panel_job: str | None = None
        self._unwatch = page.upstream.watch_link(lambda _: self.pill.draw())
        pages = [each for each in PAGES if each["key"] not in SYSTEM or page.session.sees_system]
        router = page.browser.sub_pages_router
        path = router.current_path
        el("a", "skip", "Skip to the content", href="#content")
        with el("div", "shell"):
            with el("aside", "side"):
                with el("a", "brand", href=BASE):
                    with el("span", "logo"):
                        icon("zap")
                    el("span", "", "Taskcast")
                self.nav = NavBar(page, pages, bar=False, on=_place(path)["path"])
                UserMenu(page, bar=False)
            with el("div", "main"):
                with el("header", "top"):
                    with el("span", "logo only-m"):
                        icon("zap")
                    self.title = el("h1", "", _title(path))
                    self.pill = ConnectionPill(page)
                    if page.session.sees_system:
                        PausedPill(page)
                    SearchBox(page).hear("go", self._search)
                    ThemeButton(page)
                self.content = el("main", "main", id="content", tabindex="-1").style("flex: 1")
                with self.content:
                    Pages(routes, root_path=ROOT, data={"page": page})
            few = [each for each in pages if each["key"] not in BESIDE]
            with NavBar(page, few, bar=True, on=_place(path)["path"]) as self.bar:
                UserMenu(page, bar=True)
        with Panel(page) as self.panel:
            self.inside = el("div", "panel-in")
        self.panel.hear("close", lambda _: self._clear_panel())
        if page.session.may_steer:
            page.cards = cards = OperationCards(page)
            cards.hear("cancel", lambda operation: page.commands.cancel_operation(str(operation)))
            cards.hear("close", lambda operation: cards.close(str(operation)))
        page.toasts = Toasts(page)
        page.dialog = ConfirmDialog(page)
        page.dialog.hear("answer", page.answered)
        page.dialog.hear("preview", page.previewed)
        router.on_path_changed(self._navigated)
        if job := _job_of(path):
            self.open_job(job)

    def open_job(self, job_id: str) -> None:
        """Show a job in the panel."""
        job = clean_id(job_id)
        if job is None:
            return
        if job != self._panel_job:
            self._panel_job = job
            self.inside.clear()
            view = self.page.job(job)
            with self.inside:
                detail = JobDetail(self.page, view, wide=False)
            detail.hear("act", lambda what: self.page.commands.steer(str(what), view.row))
            self.page.browser.outbox.enqueue_update(self.inside)
            if view.drawn:
                detail.draw()
            self.panel._props["initial"] = encode({"job": job})
        self.panel.send("patch", {"job": job})

    def close(self) -> None:
        """Let go of what lives longer than the tab."""
        self._unwatch()

    def _clear_panel(self) -> None:
        self._panel_job = None
        self.panel._props.pop("initial", None)
        asyncio.get_running_loop().call_later(SLIDE_S, self._empty_panel)

    def _empty_panel(self) -> None:
        if self._panel_job is None and not self.page.browser.is_deleted:
            self.inside.clear()

    def _search(self, args: Any) -> None:
        if not isinstance(args, dict):
            return
        if job := clean_id(args.get("job")):
            self.page.open_job(job)
        elif words := str(args.get("q") or "")[:300]:
            self.page.go(f"{BASE}/list?q={quote(words)}")

    def _navigated(self, path: str) -> None:
        place = encode({"on": _place(path)["path"]})
        for nav in (self.nav, self.bar):
            nav._props["initial"] = place
            nav.run_method("patch", place)
        self.title._text = _title(path)
        self.title.update()
        ui.page_title(f"{_title(path)} · Taskcast")
        if self.page.on_path is not None:
            self.page.on_path(path)
        job = _job_of(path)
        if job:
            self.open_job(job)
        elif self._panel_job:
            self.panel.send("patch", {"job": None})
            self._clear_panel()


def query_of(path: str) -> dict[str, Any]:
    """Return a path's query with lists for keys that come more than once; nothing of one with too many keys."""
    found: dict[str, Any] = {}
    try:
        pairs = parse_qsl(urlsplit(path).query, max_num_fields=MOST_KEYS)
    except ValueError:
        return found
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _place(path: str) -> dict[str, str]:
    only = urlsplit(path).path.rstrip("/") or BASE
    if only.startswith(f"{BASE}/job/"):
        return PAGES[1]
    if only.startswith(f"{QUEUES}/"):
        return PAGES[2]
    return next((page for page in PAGES if page["path"] == only), {"path": "", "label": "Not found"})


def _title(path: str) -> str:
    only = urlsplit(path).path
    if only.startswith(f"{BASE}/job/"):
        return "Job"
    return "Queue" if only.startswith(f"{QUEUES}/") else _place(path)["label"]


def _job_of(path: str) -> str | None:
    return clean_id(query_of(path).get("job"))
