"""The schedules in code: what runs when, and why at that hour. Tasks are named by string; their code is the workers'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from core.timing import Timing, timing_of
from taskcast.states import Priority

Policy = Literal["skip", "once", "all"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One line of the cron table.

    Attributes:
        name: lower case with hyphens; a slot's job id begins with it.
        title: as people call it.
        cron: minute, hour, day of month, month, day of week (0 is Sunday), in `time_zone`.
        task: the task's name.
        why: the reason for this hour.
        policy: what becomes of slots that no scheduler was there for: `skip` them, run `once`, or run `all`.
        queue, priority, max_attempts, timeout_s: the task's own options, for while no worker has announced it.
    """

    name: str
    title: str
    cron: str
    task: str
    why: str
    time_zone: str = "UTC"
    policy: Policy = "once"
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    queue: str = "default"
    priority: Priority = Priority.NORMAL
    max_attempts: int = 1
    timeout_s: float | None = 3600.0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > 64:
            raise ValueError(f"name: {self.name!r} must be lower case letters, digits and hyphens, 64 at most")
        self.timing()

    def timing(self) -> Timing:
        """Return when it is due.

        Raises:
            InvalidInput: if the cron line or the time zone is wrong.
        """
        return timing_of(cron=self.cron, time_zone=self.time_zone)


SCHEDULES = (
    Schedule(
        name="backup-verification",
        title="Backup verification",
        cron="0 0 * * *",
        task="BACKUP_VERIFICATION",
        why="at midnight, so that a day is whole in one dump, and before the night's other jobs write",
        queue="maintenance",
        priority=Priority.LOW,
        max_attempts=3,
        timeout_s=7200.0,
    ),
    Schedule(
        name="clean-old-jobs",
        title="Clean old jobs",
        cron="0 0 * * *",
        task="CLEAN_OLD_JOBS",
        why="at midnight, when a day has become old, and nobody looks at its jobs",
        queue="maintenance",
        priority=Priority.LOW,
        max_attempts=5,
        timeout_s=3600.0,
    ),
    Schedule(
        name="daily-budget-refresh",
        title="Daily budget refresh",
        cron="0 1 * * *",
        task="BUDGET_REFRESH",
        why="after midnight, as budgets go by whole days, and before anybody looks at them",
        queue="books",
        max_attempts=5,
        timeout_s=900.0,
    ),
    Schedule(
        name="daily-email-sync",
        title="Daily email sync",
        cron="0 2 * * *",
        task="EMAIL_SYNC",
        why="at night, when mail servers have time, and after the day's last notices of the banks have come",
        queue="mail",
        max_attempts=5,
        timeout_s=1800.0,
    ),
    Schedule(
        name="weekly-insights",
        title="Weekly insights",
        cron="0 3 * * 0",
        task="INSIGHTS_GENERATION",
        why="on Sunday, when the week is whole, and after the night's mail was read",
        queue="books",
        priority=Priority.LOW,
        max_attempts=5,
        timeout_s=1800.0,
    ),
    Schedule(
        name="monthly-reports",
        title="Monthly reports",
        cron="0 4 1 * *",
        task="REPORT_GENERATION",
        why="on the first, as late in the night as it may be, so that the last day's bookings are in",
        arguments=MappingProxyType({"period": "previous"}),
        queue="reports",
        max_attempts=5,
        timeout_s=1800.0,
    ),
    Schedule(
        name="notification-digest",
        title="Notification digest",
        cron="0 8 * * *",
        task="NOTIFICATION_DIGEST",
        why="in the morning, when people read their mail, and all of the night's jobs have told what they found",
        queue="mail",
        max_attempts=5,
        timeout_s=900.0,
    ),
    Schedule(
        name="cache-cleanup",
        title="Cache cleanup",
        cron="0 * * * *",
        task="CACHE_CLEANUP",
        why="hourly, as what it frees is memory of the queue server, which must never fill up",
        policy="skip",
        queue="maintenance",
        priority=Priority.LOW,
        max_attempts=3,
        timeout_s=900.0,
    ),
    Schedule(
        name="stuck-jobs-check",
        title="Stuck jobs check",
        cron="*/10 * * * *",
        task="STUCK_CHECK",
        why="every ten minutes, as a second look: the recorder looks each half minute, unless it is stuck itself",
        policy="skip",
        queue="maintenance",
        priority=Priority.HIGH,
        max_attempts=5,
        timeout_s=300.0,
    ),
)
