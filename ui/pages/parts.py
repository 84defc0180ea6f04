"""Parts that several pages have."""

from __future__ import annotations

from ui.components.element import QUEUES, TASKS, el, icon
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


def queues_or_tasks(on: str) -> None:
    """Make the links between the two pages, for screens whose navigation has no room for both."""
    with el("nav", "seg only-m", aria_label="Queues or tasks"):
        for path, label, name in ((QUEUES, "Queues", "layers"), (TASKS, "Tasks", "square-function")):
            with el("a", "", href=path) as link:
                icon(name)
                el("span", "", label)
            if path == on:
                link._props["aria-current"] = "page"
