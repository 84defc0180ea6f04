"""The door of worker processes, with every built-in job declared: `taskiq worker workers.broker:broker ...`."""

from __future__ import annotations

from workers import tasks
from workers.app import broker, file_store

__all__ = ["broker", "file_store", "tasks"]

# Programs of your own may run beside these workers: their jobs are not for us, and would only be handed back.
broker.queues = sorted({broker.options_of(name).queue for name in broker.get_all_tasks()})
