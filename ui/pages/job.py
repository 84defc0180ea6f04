"""One job as a page of its own, to be linked and kept."""

from __future__ import annotations

from ui.components.element import BASE, el, icon
from ui.components.job import JobDetail
from ui.ids import clean_id
from ui.page import Page


def job(page: Page, job_id: str) -> None:
    """Build the page."""
    known = clean_id(job_id)
    with el("div", "scroll"):
        with el("a", "mini back", href=f"{BASE}/list").style("margin: -4px 0 10px -7px"):
            icon("arrow-left")
            el("span", "", "All jobs")
        if known is None:
            with el("div", "card empty"):
                icon("search")
                el("b", "", "This is no job id")
                el("p", "", "The link is not complete, or was changed on its way.")
            return
        view = page.job(known)
        with el("div", "jobpage"):
            detail = JobDetail(page, view, wide=True)
        detail.hear("act", lambda what: page.commands.steer(str(what), view.row))
        if view.drawn:
            detail.draw()
