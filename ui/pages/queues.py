"""All queues and what waits in them."""

from __future__ import annotations

from ui.components.element import el
from ui.components.tables import QueueTable
from ui.page import Page


def queues(page: Page) -> None:
    """Build the page."""
    with el("div", "scroll"):
        QueueTable(page, page.queues).draw()
