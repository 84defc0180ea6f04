"""The overview's numbers and its chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ui.components.element import QUEUES, LiveElement
from ui.queues import queue_row
from ui.views.table import StatisticsView, TableView


class StatTile(LiveElement, component="stat_tile.js"):
    """One number of the statistics with its course; `look` returns text, hint and points."""

    def __init__(
        self,
        page: Any,
        view: StatisticsView,
        *,
        label: str,
        icon: str,
        tone: str,
        look: Callable[[StatisticsView], dict[str, Any]],
        unit: str = "",
    ) -> None:
        super().__init__(page, view)
        self._statistics = view
        self._look = look
        self._props.update(label=label, icon=icon, tone=tone, unit=unit)

    def draw(self) -> None:
        """Send the number once it is known."""
        if self._statistics.totals:
            self.send_if_changed(self._look(self._statistics))


class Throughput(LiveElement, component="throughput.js"):
    """Bars of ended jobs; what range they span is decided by the page."""

    def __init__(self, page: Any, view: StatisticsView) -> None:
        super().__init__(page, view)
        self._statistics = view
        self.longer: dict[str, Any] | None = None
        self.on_minute: Callable[[], None] | None = None
        self._turned = 0

    def draw(self) -> None:
        """Send the buckets: the live minutes, or those of a longer range as read from REST."""
        if self.longer is None:
            self.send_if_changed({
                "every": 60,
                "loaded": self._statistics.is_loaded,
                "buckets": [_bucket(row) for row in self._statistics.minutes],
                "problem": self._statistics.error,
            })  # fmt: skip
            return
        self.send_if_changed(self.longer)
        if self._turned != self._statistics.minutes_turned:
            self._turned = self._statistics.minutes_turned
            if self.on_minute:
                self.on_minute()

    def show(self, every: int, buckets: list[dict[str, Any]]) -> None:
        """Show a longer range."""
        self.longer = {"every": every, "loaded": True, "buckets": [_bucket(row) for row in buckets]}
        self.draw()


class QueueList(LiveElement, component="queue_list.js"):
    """The card of queues; emits `act` with what to do and the queue's name."""

    def __init__(self, page: Any, view: TableView) -> None:
        super().__init__(page, view)
        self._table = view
        self._props.update(base=QUEUES, may=page.session.may_steer)

    def draw(self) -> None:
        """Send the queues."""
        rows = [queue_row(row) for row in self._table.sorted]
        rows.sort(key=lambda row: (-row["running"], -row["waiting"], row["name"]))
        self.send_if_changed({"loaded": self._table.is_loaded, "queues": rows})


def _bucket(row: dict[str, Any]) -> list[Any]:
    from ui.model import millis

    return [millis(row.get("at")) or 0, row.get("completed") or 0, row.get("failed") or 0, row.get("cancelled") or 0]
