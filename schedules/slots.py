"""Slots: the minutes at which a schedule is due. A slot's job has an id made of both, so that it runs once, however often it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pycron

from schedules.table import Schedule

MINUTE = timedelta(minutes=1)


def slot_job_id(schedule: Schedule, slot: datetime) -> str:
    """Return the id of the job of one slot, such as `cache-cleanup:2026-11-24T10:00Z`."""
    return f"{schedule.name}:{slot.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def latest_slot(schedule: Schedule, now: datetime, within: timedelta) -> datetime | None:
    """Return the last minute up to `now`, no further back than `within`, at which the schedule is due; else None."""
    zone = ZoneInfo(schedule.time_zone)
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    oldest = now - within
    while minute >= oldest:
        if pycron.is_now(schedule.cron, minute.astimezone(zone)):
            return minute
        minute -= MINUTE
    return None
