"""All queues and what waits in them."""

from __future__ import annotations

from ui.components.element import QUEUES, el
from ui.components.tables import QueueTable
from ui.page import Page
from ui.pages.parts import check_button, queues_or_tasks


def queues(page: Page) -> None:
    """Build the page."""
    with el("div", "scroll"):
        with el("div", "tools"):
            queues_or_tasks(QUEUES)
            el("p", "hide-m", page.why["steer"] or "A paused queue accepts jobs and keeps them until it goes on.")
            check_button(page)
        table = QueueTable(page, page.queues)
        table.hear("act", lambda args: page.commands.steer_queue(str(args[0]), str(args[1])))
        table.draw()
