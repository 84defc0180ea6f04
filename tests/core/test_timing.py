"""Cron lines over every night the clock is changed, held against a walk through all minutes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.timing import Timing, timing_of

MINUTE = timedelta(minutes=1)
NIGHTS = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # by half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 4, 4, 14, tzinfo=UTC)),  # at a quarter to three
    ("Pacific/Chatham", datetime(2026, 9, 26, 14, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC)),  # at midnight
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # never
]
MINUTES = {"*": range(60), "*/5": range(0, 60, 5), "*/30": range(0, 60, 30), "10": [10], "0,45": [0, 45]}
HOURS = {"*": range(24), "*/2": range(0, 24, 2), "0": [0], "2": [2], "3": [3], "5": [5], "1-3": [1, 2, 3]}


def fits(wall: datetime, minute: str, hour: str) -> bool:
    return wall.minute in MINUTES[minute] and wall.hour in HOURS[hour]


def by_the_clock(minute: str, hour: str, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Every minute whose time on the wall fits."""
    minutes = [begin + MINUTE * each for each in range(1, (end - begin) // MINUTE + 1)]
    return [each for each in minutes if fits(each.astimezone(zone), minute, hour)]


def by_the_day(minute: str, hour: str, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Every time on the wall once: at its first coming, or after the gap that it falls into."""
    wall, found = begin.astimezone(zone).replace(tzinfo=None) - timedelta(hours=3), set()
    for _ in range((end - begin) // MINUTE + 360):
        wall += MINUTE
        if fits(wall, minute, hour):
            there = wall
            while there.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != there:
                there += MINUTE
            found.add(there.replace(tzinfo=zone).astimezone(UTC))
    return sorted(each for each in found if begin < each <= end)


@pytest.mark.parametrize(("zone", "change"), NIGHTS, ids=lambda each: str(each)[:19])
def test_slots_over_a_change_of_the_clock_are_those_of_a_walk_through_its_minutes(zone: str, change: datetime) -> None:
    begin, end = change - timedelta(hours=5), change + timedelta(hours=6)

    for minute in MINUTES:
        for hour in HOURS:
            walk = by_the_clock if "*" in minute[:1] + hour[:1] else by_the_day
            timing = Timing(kind="cron", cron=f"{minute} {hour} * * *", time_zone=zone)
            assert list(timing.between(begin, end)) == walk(minute, hour, ZoneInfo(zone), begin, end), timing.cron


def test_the_next_slots_are_the_same_whoever_asked_before() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    timing = Timing(kind="cron", cron="*/10 * * * *")

    for moment in (noon, noon + MINUTE, noon + 10 * MINUTE, noon - MINUTE, noon + 25 * MINUTE):
        for count in (1, 3):
            fresh = list(timing.between(moment, moment + timedelta(hours=1)))[:count]
            assert timing.next_runs(moment, count) == fresh


@pytest.mark.parametrize("cron", ["0 0 31 2 *", "*/5 * 30 2 *", "0 0 31 4,6 *"])
def test_a_day_that_never_comes_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"^cron: "):
        timing_of(cron=cron)


def test_a_rare_day_is_found_years_ahead() -> None:
    timing = timing_of(cron="*/20 0 * 2 SUN#5", time_zone="Europe/Berlin")

    assert timing.next_runs(datetime(2026, 2, 1, tzinfo=UTC), 1) == [datetime(2032, 2, 28, 23, tzinfo=UTC)]
