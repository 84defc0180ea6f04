"""One queue: how it stands, what runs and what waits in it, and the commands for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from ui.components.element import BASE, QUEUES, el, icon
from ui.components.jobs import JobTable
from ui.components.tables import QueueHead
from ui.page import Page
from ui.views.jobs import Filter

RUNNING = {
    "icon": "inbox",
    "title": "Nothing runs here",
    "text": "Jobs of this queue appear by themselves as soon as a worker takes one.",
}
WAITING = {"icon": "inbox", "title": "Nothing waits here", "text": "New jobs of this queue appear by themselves."}


def queue(page: Page, name: str) -> None:
    """Build the page."""
    name = unquote(name)
    with el("div", "scroll"):
        with el("a", "mini back", href=QUEUES).style("margin: -4px 0 8px -7px"):
            icon("arrow-left")
            el("span", "", "All queues")
        head = QueueHead(page, page.queues, name)
        head.hear("act", lambda what: page.commands.steer_queue(str(what), name))
        head.draw()
        with el("div", "stack"):
            _jobs(page, name, "Running now", ("running",), RUNNING, as_list=False)
            _jobs(page, name, "Waiting", ("queued", "retrying", "scheduled"), WAITING, as_list=True)


def _jobs(page: Page, name: str, title: str, states: tuple[str, ...], empty: dict[str, str], *, as_list: bool) -> None:
    chosen = Filter.of({"queue": name, "status": states})
    view = page.jobs(chosen)
    with el("section", "card", aria_label=title):
        with el("div", "card-h"):
            el("h2", "", title)
            if as_list:
                el("span", "sub", "newest first")
            with el("a", "mini", href=f"{BASE}/list?{chosen.query}"):
                el("span", "", "Open as a list")
                icon("chevron-right")
        table = JobTable(page, view, label=title, empty=empty, as_list=as_list)
    table.hear("open", lambda job: page.open_job(str(job)))
    table.hear("act", lambda args: page.commands.steer(str(args[0]), view.rows.get(str(args[1]))))

    async def more(_: Any) -> None:
        if not await page.act(view.more):
            table.draw()

    table.hear("more", more)
    if view.is_loaded:
        view.flush()
        table.draw()
