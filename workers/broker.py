"""The door of worker processes, with every built-in job declared: `taskiq worker workers.broker:broker ...`."""

from __future__ import annotations

from workers import tasks
from workers.app import broker, file_store, settings

__all__ = ["broker", "file_store", "tasks"]

broker.queues = settings.served_queues(broker.options_of(name).queue for name in broker.get_all_tasks())
