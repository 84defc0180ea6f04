"""All schedules: what runs next, how the last runs ended, and what can be done to each."""

from __future__ import annotations

from ui.components.element import el, icon
from ui.components.tables import ScheduleTable
from ui.page import Page


def schedules(page: Page) -> None:
    """Build the page."""
    with el("div", "scroll"):
        with el("div", "tools"):
            words = (
                "Each slot runs once, however many schedulers there are. Times are yours; hover for the schedule's own."
            )
            el("p", "hide-m", page.why["steer"] or words)
            with el("button", "btn primary", type="button", data_testid="new-schedule") as button:
                icon("calendar-clock")
                el("span", "", "New schedule")
            if not page.session.may_steer:
                button._props.update(disabled=True, title=page.why["steer"])
            else:
                button.on("click", lambda: page.commands.steer_schedule("create", ""), args=[])
        table = ScheduleTable(page, page.schedules)
        table.hear("act", lambda args: page.commands.steer_schedule(str(args[0]), str(args[1])))
        table.draw()
