"""All workers that were heard of lately."""

from __future__ import annotations

from ui.components.element import el
from ui.components.tables import WorkerCards
from ui.page import Page


def workers(page: Page) -> None:
    """Build the page."""
    with el("div", "scroll"):
        WorkerCards(page, page.workers).draw()
