"""The schedules in code: what runs when, and why at that hour. Tasks are named by string; their code is the workers'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from taskcast.states import Priority

_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(?:\*|(?P<first>[0-9]{1,2})(?:-(?P<last>[0-9]{1,2}))?)(?:/(?P<step>[0-9]{1,2}))?")
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
        queue, priority, max_attempts, timeout_s: the task's own options, which the scheduler has no code to ask for.
    """

    name: str
    title: str
    cron: str
    task: str
    why: str
    time_zone: str = "UTC"
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    queue: str = "default"
    priority: Priority = Priority.NORMAL
    max_attempts: int = 1
    timeout_s: float | None = 3600.0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > 64:
            raise ValueError(f"name: {self.name!r} must be lower case letters, digits and hyphens, 64 at most")
        ZoneInfo(self.time_zone)
        if not _is_cron(self.cron):
            raise ValueError(f"cron: {self.cron!r} of {self.name!r} must have five fields such as `0 4 1 * *`")


def _is_cron(cron: str) -> bool:
    """Tell whether every part of a cron line is a number of its field, a range or a step; Taskiq's parser lets 99 pass."""
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        return False
    for written, (least, most) in zip(fields, _FIELDS, strict=True):
        for part in written.split(","):
            match = _PART.fullmatch(part)
            if match is None:
                return False
            first, last, step = match["first"], match["last"], match["step"]
            if first and not least <= int(first) <= int(last or first) <= most:
                return False
            if step and not 1 <= int(step) <= most:
                return False
    return True


SCHEDULES = (
    Schedule(
        name="cache-cleanup",
        title="Cache cleanup",
        cron="0 * * * *",
        task="CACHE_CLEANUP",
        why="hourly, as what it frees is memory of the queue server, which must never fill up",
        queue="maintenance",
        priority=Priority.LOW,
        max_attempts=3,
        timeout_s=900.0,
    ),
)
