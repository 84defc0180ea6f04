"""A module with a broker and a task at its top, as users write them, for tests of child processes."""

from __future__ import annotations

from taskcast import JobBroker
from tests.taskcast import process_tasks

broker = JobBroker("redis://localhost:1", prefix="process-app")

tell_a_secret = broker.task(task_name="tell_a_secret", executor="process")(process_tasks.tell_a_secret)


@broker.task(task_name="decorated", executor="process")
def decorated() -> bool:
    return broker.is_worker_process
