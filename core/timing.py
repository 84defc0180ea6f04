"""When a schedule is due: cron in a time zone, an interval, or once. Slots are UTC; nothing here knows of tables.

Cron is Debian's, both nights of daylight saving included: what falls into the hour that is skipped is due right after it,
what falls into the hour that comes twice is due once, but for lines whose minute or hour is a star, which go by the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from core.errors import InvalidInput

LEAST_INTERVAL_S = 5
REMEMBERED = 4096
"""For so many timings the next slots are remembered."""
LONGEST_INTERVAL_S = 366 * 86400
CRON_FIELDS = 5

Kind = Literal["cron", "interval", "once"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The slots of one schedule.

    Attributes:
        kind: which of the others counts.
        cron: minute, hour, day of month, month, day of week, in `time_zone`.
        every_s: seconds between slots, counted from `anchor`.
        at: the only slot.
    """

    kind: Kind
    cron: str | None = None
    every_s: int | None = None
    at: datetime | None = None
    time_zone: str = "UTC"
    anchor: datetime = datetime(2024, 1, 1, tzinfo=UTC)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the slots after a moment, each once, in their order.

        Raises:
            InvalidInput: if the cron line or the time zone cannot be read, or cannot any more.
        """
        if self.kind == "once":
            if self.at is not None and self.at > moment:
                yield self.at.astimezone(UTC)
        elif self.kind == "interval":
            every = timedelta(seconds=self.every_s or LEAST_INTERVAL_S)
            slot = self.anchor + ((moment - self.anchor) // every + 1) * every
            while True:
                yield slot
                slot += every
        else:
            yield from self._cron_after(moment)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the slots after one moment and up to another."""
        for slot in self.after(after):
            if slot > until:
                return
            yield slot

    def next_runs(self, after: datetime, count: int = 5) -> list[datetime]:
        """Return the next slots after a moment; asking again before the first of them has come costs nothing."""
        since, slots = _remembered.get(self, (after, []))
        if len(slots) < count or not since <= after < slots[0]:
            slots = list(islice(self.after(after), count))
            if len(_remembered) >= REMEMBERED:
                _remembered.clear()
            _remembered[self] = after, slots
        return slots[:count]

    def _cron_after(self, moment: datetime) -> Iterator[datetime]:
        cron, zone = self.cron or "", _zone(self.time_zone)
        check_cron(cron)
        if any(field.startswith("*") for field in cron.split()[:2]):
            yield from _by_the_clock(cron, zone, moment)
            return
        last = moment
        for local in CronSim(cron, moment.astimezone(zone)):
            slot = local.astimezone(UTC)
            # In the hour that comes twice a fixed time is found again, and two in the skipped one fall together.
            if slot > last:
                yield slot
                last = slot


_remembered: dict[Timing, tuple[datetime, list[datetime]]] = {}


def _by_the_clock(cron: str, zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    """Yield each minute after a moment whose time on the wall fits, one stretch without a change of the clock at a time.

    CronSim counts hours over a change, and where that is half an hour (Lord Howe Island) it passes by what comes first.
    """
    begin, before = moment, moment
    while True:
        end = next(each for each in _stretches(zone, begin.astimezone(UTC).year) if each > begin)
        offset = begin.astimezone(zone).utcoffset() or timedelta(0)
        for local in CronSim(cron, before.astimezone(timezone(offset))):
            slot = local.astimezone(UTC)
            if slot >= end:
                break
            yield slot
        else:
            return
        begin, before = end, end - timedelta(seconds=1)


@lru_cache(1024)
def _stretches(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Return when a year's stretches of one offset end: at each change of the clock, and with the year."""
    ends, begin, last = [], datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while begin < last:
        # No zone changes twice in a week.
        end = min(begin + timedelta(days=7), last)
        if _offset(zone, begin) != _offset(zone, end):
            low, high = begin, end
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if _offset(zone, middle) == _offset(zone, begin) else (low, middle)
            ends.append(high)
        begin = end
    return (*(each for each in ends if each < last), last)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def timing_of(
    *,
    cron: str | None = None,
    every_s: int | None = None,
    at: datetime | None = None,
    time_zone: str = "UTC",
    anchor: datetime | None = None,
) -> Timing:
    """Return the timing that was asked for.

    Raises:
        InvalidInput: naming the field that is wrong, and what to write.
    """
    given = [name for name, value in (("cron", cron), ("every_s", every_s), ("at", at)) if value is not None]
    if len(given) != 1:
        what = "more than one is given" if given else "none is given"
        raise _wrong(given[0] if given else "cron", f"{what}; give one of cron, every_s and at")
    _zone(time_zone)
    if cron is not None:
        check_cron(cron)
        timing = Timing(kind="cron", cron=" ".join(cron.split()), time_zone=time_zone)
        if not timing.next_runs(datetime.now(UTC), 1):
            raise _wrong("cron", f"{cron!r} never comes; look at its day and month")
        return timing
    start = (anchor or datetime.now(UTC)).replace(microsecond=0)
    if every_s is not None:
        if not LEAST_INTERVAL_S <= every_s <= LONGEST_INTERVAL_S:
            raise _wrong("every_s", f"must be {LEAST_INTERVAL_S} s to a year; for a job at a time of the day use cron")
        return Timing(kind="interval", every_s=every_s, time_zone=time_zone, anchor=start)
    if at is not None and at <= datetime.now(UTC):
        raise _wrong("at", f"{at.isoformat()} is over; give a time that lies ahead")
    return Timing(kind="once", at=at, time_zone=time_zone)


def check_cron(cron: str) -> None:
    """Return if a cron line can be read.

    Raises:
        InvalidInput: saying which of its five fields is wrong.
    """
    if len(cron.split()) != CRON_FIELDS or len(cron) > 200:
        raise _wrong(
            "cron", f"{cron[:60]!r} has not five fields (minute, hour, day, month, weekday) such as `0 4 1 * *`"
        )
    try:
        CronSim(cron, datetime.now(UTC))
    except CronSimError as error:
        raise _wrong(
            "cron", f"{cron[:60]!r}: {str(error).replace('Bad', 'wrong')}; write one such as `0 4 1 * *`"
        ) from None


@lru_cache(1)
def _zones() -> frozenset[str]:
    """Return the names of all time zones but those that mean something else on another host."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _zone(name: str) -> ZoneInfo:
    if name not in _zones():
        raise _wrong("time_zone", f"{name[:60]!r} is no time zone; write one such as Europe/Berlin or UTC")
    return ZoneInfo(name)


def _wrong(field: str, told: str) -> InvalidInput:
    return InvalidInput(f"{field}: {told}", fields={field: told})
