"""Queues, tasks and workers as they stand."""

from __future__ import annotations

from typing import Any

from ui.components.element import BASE, QUEUES, LiveElement
from ui.model import millis
from ui.queues import queue_row, task_row
from ui.schedules import schedule_row
from ui.views.table import TableView


class QueueTable(LiveElement, component="queue_table.js"):
    """All queues; emits `act` with what to do and the queue's name."""

    def __init__(self, page: Any, view: TableView) -> None:
        super().__init__(page, view)
        self._table = view
        self._props.update(base=QUEUES, why=page.why["steer"])

    def draw(self) -> None:
        """Send the queues."""
        items = [queue_row(row) for row in self._table.sorted]
        self.send_if_changed({"items": items, "loaded": self._table.is_loaded, "problem": self._table.error})


class QueueHead(LiveElement, component="queue_view.js"):
    """One queue; emits `act` with what to do."""

    def __init__(self, page: Any, view: TableView, name: str) -> None:
        super().__init__(page, view)
        self._table = view
        self._name = name
        self._props.update(name=name, base=QUEUES, why=page.why)

    def draw(self) -> None:
        """Send the queue."""
        row = self._table.rows.get(self._name)
        found = queue_row(row) if row else None
        self.send_if_changed({"q": found, "loaded": self._table.is_loaded, "problem": self._table.error})


class TaskTable(LiveElement, component="task_table.js"):
    """All tasks; emits `act` with what to do and the task's name."""

    def __init__(self, page: Any, view: TableView) -> None:
        super().__init__(page, view)
        self._table = view
        self._props.update(base=BASE, queues=QUEUES, why=page.why["steer"])

    def draw(self) -> None:
        """Send the tasks."""
        items = [task_row(row) for row in self._table.sorted]
        self.send_if_changed({"items": items, "loaded": self._table.is_loaded, "problem": self._table.error})


class ScheduleTable(LiveElement, component="schedule_table.js"):
    """All schedules, those that run next first; emits `act` with what to do and the schedule's id."""

    def __init__(self, page: Any, view: TableView) -> None:
        super().__init__(page, view)
        self._table = view
        self._props.update(base=BASE, why=page.why["steer"])

    def draw(self) -> None:
        """Send the schedules."""
        items = [schedule_row(row) for row in self._table.sorted]
        items.sort(key=lambda item: (not item["next"], item["next"][:1], item["id"]))
        self.send_if_changed({"items": items, "loaded": self._table.is_loaded, "problem": self._table.error})


class WorkerCards(LiveElement, component="worker_cards.js"):
    """All workers."""

    def __init__(self, page: Any, view: TableView) -> None:
        super().__init__(page, view)
        self._table = view
        self._props["base"] = BASE

    def draw(self) -> None:
        """Send the workers, those that run first."""
        items: list[dict[str, Any]] = [
            {
                "id": str(row.get("id") or ""),
                "host": row.get("host"),
                "pid": row.get("pid"),
                "queues": row.get("queues"),
                "slots": row.get("slots") or 0,
                "busy": row.get("busy") or [],
                "lingering": row.get("lingering") or [],
                "cpu": row.get("cpu"),
                "rss": row.get("rss_bytes"),
                "lag": row.get("loop_lag_ms"),
                "started": millis(row.get("started_at")),
                "seen": millis(row.get("seen_at")),
                "stopped": millis(row.get("stopped_at")),
            }
            for row in self._table.sorted
        ]
        items.sort(key=lambda worker: (worker["stopped"] is not None, -(worker["stopped"] or 0), str(worker["id"])))
        self.send_if_changed({"items": items[:200], "loaded": self._table.is_loaded, "problem": self._table.error})
