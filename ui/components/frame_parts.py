"""The parts of the frame: navigation, pills of connection and pauses, search, account, toasts, question, panel."""

from __future__ import annotations

from typing import Any

from ui.components.element import BASE, QUEUES, TASKS, LiveElement, encode
from ui.queues import pause_of


class NavBar(LiveElement, component="nav_bar.js"):
    """Links to the pages that exist, with how many things each holds."""

    def __init__(self, page: Any, items: list[dict[str, str]], *, bar: bool, on: str) -> None:
        super().__init__(page)
        self._tables: list[Any] = (
            [] if bar else [page.statistics, page.queues, page.workers] if page.session.sees_system else []
        )
        for table in self._tables:
            table.attach(self)
        self._props.update(items=items, bar=bar, initial=encode({"on": on, "counts": self._counts()}))

    def draw(self) -> None:
        """Send the counts."""
        if self._tables:
            self.send_if_changed({"counts": self._counts()})

    def _counts(self) -> dict[str, str]:
        if not self._tables:
            return {}
        statistics, queues, workers = self._tables
        jobs = sum((statistics.totals.get("by_status") or {}).values())
        alive = sum(1 for row in workers.rows.values() if row.get("state") == "running")
        found = {"jobs": jobs, "queues": len(queues.rows), "workers": alive}
        return {key: f"{count:,}" for key, count in found.items() if count}

    def _handle_delete(self) -> None:
        for table in self._tables:
            table.detach(self)
        super()._handle_delete()


class ConnectionPill(LiveElement, component="connection_pill.js"):
    """Says whether what is on the screen is live."""

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self._props["initial"] = page.upstream.link

    def draw(self) -> None:
        """Tell the state of the gateway; that of this page the browser knows."""
        if self.is_here:
            self.run_method("patch", self.page.upstream.link)


class PausedPill(LiveElement, component="paused_pill.js"):
    """Says that something is paused, and tells all lists in the browser what."""

    def __init__(self, page: Any) -> None:
        super().__init__(page, page.queues)
        self._tasks = page.tasks
        self._tasks.attach(self)
        self._queues = page.queues
        self._props.update(base=QUEUES, tasks=TASKS, initial=encode(self._paused()))

    def draw(self) -> None:
        """Send what is paused."""
        self.send_if_changed(self._paused())

    def _paused(self) -> dict[str, Any]:
        return {
            kind: {row["name"]: pause for row in table.sorted if (pause := pause_of(row))}
            for kind, table in (("queues", self._queues), ("tasks", self._tasks))
        }

    def _handle_delete(self) -> None:
        self._tasks.detach(self)
        super()._handle_delete()


class SearchBox(LiveElement, component="search_box.js"):
    """Search from anywhere."""


class UserMenu(LiveElement, component="user_menu.js"):
    """Who is signed in, theme, sign out."""

    def __init__(self, page: Any, *, bar: bool) -> None:
        super().__init__(page)
        session = page.session
        self._props.update(
            name=session.name, email=str(session.user.get("email") or ""), role=session.role.capitalize(), bar=bar
        )
        self._props["sign-out"] = "/admin/sign-out"


class ThemeButton(LiveElement, component="theme_button.js"):
    """Light or dark."""


class Toasts(LiveElement, component="toasts.js"):
    """Short news about what the person did."""


class ConfirmDialog(LiveElement, component="confirm_dialog.js"):
    """One question at a time; emits `answer` with the question's token and what was filled in."""

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self._props["base"] = BASE


class Panel(LiveElement, component="panel.js"):
    """The slide-over with one job."""
