"""What is shown for an address of the dashboard that names no page."""

from __future__ import annotations

from ui.components.element import BASE, el, icon


def missing() -> None:
    """Build the page."""
    with el("div", "scroll"), el("div", "card empty"):
        icon("search")
        el("b", "", "There is no such page")
        el("p", "", "The link may be old, or was not complete.")
        el("a", "btn", "To the overview", href=BASE)


def failed() -> None:
    """Say that a page could not be built; the log has why."""
    with el("div", "scroll"), el("div", "card empty"):
        icon("triangle-alert")
        el("b", "", "This page could not be shown")
        el("p", "", "The dashboard's log says why. Another page may still work.")
        el("a", "btn", "To the overview", href=BASE)
