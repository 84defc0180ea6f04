"""All tasks that workers announced, with their options."""

from __future__ import annotations

from ui.components.element import TASKS, el
from ui.components.tables import TaskTable
from ui.page import Page
from ui.pages.parts import queues_or_tasks


def tasks(page: Page) -> None:
    """Build the page."""
    with el("div", "scroll"):
        with el("div", "tools"):
            queues_or_tasks(TASKS)
            words = "What workers announced; a paused task's jobs are held back while other tasks of its queue go on."
            el("p", "hide-m", page.why["steer"] or words)
        table = TaskTable(page, page.tasks)
        table.hear("act", lambda args: page.commands.steer_task(str(args[0]), str(args[1])))
        table.draw()
