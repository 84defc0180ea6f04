"""Parts that several pages have."""

from __future__ import annotations

from collections.abc import Callable

from ui.components.element import QUEUES, TASKS, el, icon
from ui.model import Row
from ui.page import Page


def check_button(page: Page, *, brief: bool = False) -> None:
    """Make the button that looks for stuck jobs; a brief one shows its icon alone."""
    words = "Check for stuck jobs"
    with el("button", "btn check" if brief else "btn", type="button", title=words, data_testid="check-stuck") as button:
        icon("scan-search")
        el("span", "vh" if brief else "", words)
    if not page.session.may_steer:
        button._props.update(disabled=True, title=page.why["steer"])
        return

    async def check() -> None:
        if page.session.is_ended:
            page.leave()
            return
        await page.commands.check_stuck()

    button.on("click", check, args=[])


def matching_button(page: Page, wanted: Callable[[], Row]) -> None:
    """Make the button that does something to all jobs that match; `wanted` returns the filter."""
    words = "Do something to all jobs of this list"
    with el("button", "btn check", type="button", title=words, data_testid="matching") as button:
        icon("list-checks")
        el("span", "vh", words)

    async def ask() -> None:
        if page.session.is_ended:
            page.leave()
            return
        await page.commands.steer_matching(wanted())

    button.on("click", ask, args=[])


def queues_or_tasks(on: str) -> None:
    """Make the links between the two pages, for screens whose navigation has no room for both."""
    with el("nav", "seg only-m", aria_label="Queues or tasks"):
        for path, label, name in ((QUEUES, "Queues", "layers"), (TASKS, "Tasks", "square-function")):
            with el("a", "", href=path) as link:
                icon(name)
                el("span", "", label)
            if path == on:
                link._props["aria-current"] = "page"
