"""Statistics from the kept counts, minutes and hours; no query here reads the jobs, but that of one person's own.

Shares of success and durations are of completed and failed jobs; durations come from histograms, within 13 %.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from core.storage.connection import transaction
from core.storage.histogram import Histogram, add, percentiles
from core.storage.shapes import iso
from taskcast.states import JobState

Row = dict[str, Any]

_histogram = msgspec.json.Decoder(dict[int, int])

SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EPOCH = datetime.fromtimestamp(0, UTC)
MOST_BUCKETS = 1500


class Sums:
    """What ended, added up."""

    def __init__(self) -> None:
        self.completed = self.failed = self.cancelled = self.duration_ms_sum = 0
        self.histogram: Histogram = {}

    def add_record(self, record: Any) -> None:
        """Add a row of `job_minutes`, `job_hours` or `job_days`."""
        self.completed += record["completed"]
        self.failed += record["failed"]
        self.cancelled += record["cancelled"]
        self.duration_ms_sum += record["duration_ms_sum"]
        add(self.histogram, _histogram.decode(record["histogram"]))

    def add(self, other: Sums) -> None:
        """Add other sums."""
        self.completed += other.completed
        self.failed += other.failed
        self.cancelled += other.cancelled
        self.duration_ms_sum += other.duration_ms_sum
        add(self.histogram, other.histogram)

    def ended(self) -> Row:
        """Return how many ended, by state."""
        return {"completed": self.completed, "failed": self.failed, "cancelled": self.cancelled}

    def success_rate(self) -> float | None:
        """Return the share of completed among completed and failed, or None if there are none."""
        finished = self.completed + self.failed
        return round(self.completed / finished, 4) if finished else None

    def average_ms(self) -> float | None:
        """Return the mean duration, or None if none is known."""
        timed = sum(self.histogram.values())
        return round(self.duration_ms_sum / timed, 1) if timed else None

    def durations(self) -> Row:
        """Return average and percentiles."""
        found = percentiles(self.histogram, SHARES.values())
        return {"average_ms": self.average_ms()} | dict(zip(SHARES, found, strict=True))

    def line(self, name: str) -> Row:
        """Return a row of `by_type` or `by_queue`."""
        durations = self.durations()
        return {"name": name} | self.ended() | {key: durations[key] for key in ("average_ms", "p95_ms")}


async def statistics(range_s: int, bucket_s: int, *, user_id: str | None = None) -> Row:
    """Return what ended within the last `range_s` seconds, in buckets of `bucket_s` (whole minutes), and all states.

    The range begins and ends with a whole bucket, the last of which is the running one. With `user_id` only the jobs
    of that person are counted.
    """
    bucket_s = max(60, math.ceil(bucket_s / 60) * 60, math.ceil(range_s / MOST_BUCKETS / 60) * 60)
    now = datetime.now(UTC)
    last = datetime.fromtimestamp(now.timestamp() // bucket_s * bucket_s, UTC)
    first = last - timedelta(seconds=bucket_s * (max(math.ceil(range_s / bucket_s), 1) - 1))
    async with transaction("repeatable_read", readonly=True) as lent:
        if user_id is None:
            by_status = await _by_status(lent)
            by_type, by_queue = await _by_name(lent, first, now)
            ended = await _buckets(lent, first, bucket_s)
        else:
            by_status, by_type, by_queue, ended = await _of_person(lent, user_id, first, bucket_s)
    whole = Sums()
    for sums in by_type.values():
        whole.add(sums)
    starts = [
        first + timedelta(seconds=bucket_s * i) for i in range(int((last - first).total_seconds()) // bucket_s + 1)
    ]
    return {
        "range_s": range_s,
        "bucket_s": bucket_s,
        "from": iso(first),
        "to": iso(now),
        "by_status": by_status,
        "total": sum(by_status.values()),
        "ended": whole.ended(),
        "success_rate": whole.success_rate(),
        **whole.durations(),
        "by_type": [sums.line(name) for name, sums in sorted(by_type.items())],
        "by_queue": [sums.line(name) for name, sums in sorted(by_queue.items())],
        "buckets": [{"at": iso(at)} | ended.get(at, _NOTHING) for at in starts],
    }


_NOTHING = {"completed": 0, "failed": 0, "cancelled": 0}


async def totals() -> Row:
    """Return the row `totals` of the live topic: states now, ends of the last minute and hour."""
    async with transaction("repeatable_read", readonly=True) as lent:
        by_status = await _by_status(lent)
        records = await lent.fetch(
            f"SELECT {_SUMS} FROM job_minutes WHERE at > date_trunc('minute', now()) - interval '1 hour'"  # noqa: S608
        )
        now = await lent.fetchval("SELECT now()")
    hour = Sums()
    minute = now.replace(second=0, microsecond=0)
    rest = 1 - (now - minute).total_seconds() / 60
    rates = {"completed": 0.0, "failed": 0.0}
    for record in records:
        hour.add_record(record)
        # The running minute and as much of the one before as makes sixty seconds.
        weight = 1.0 if record["at"] == minute else rest if record["at"] == minute - timedelta(minutes=1) else 0.0
        for word in rates:
            rates[word] += weight * record[word]
    return {
        "name": "totals",
        "by_status": by_status,
        "total": sum(by_status.values()),
        "ended": hour.ended(),
        "per_minute": {word: round(rate, 1) for word, rate in rates.items()},
        "success_rate": hour.success_rate(),
        **hour.durations(),
    }


async def minutes(count: int = 60) -> list[Row]:
    """Return the rows `minute:<time>` of the live topic: the last minutes, the running one last."""
    async with transaction(readonly=True) as lent:
        records = await lent.fetch(
            """
            SELECT at, coalesce(sum(completed), 0)::int8 AS completed, coalesce(sum(failed), 0)::int8 AS failed,
                coalesce(sum(cancelled), 0)::int8 AS cancelled
            FROM generate_series(date_trunc('minute', now()) - make_interval(mins => $1 - 1),
                date_trunc('minute', now()), interval '1 minute') AS minutes(at)
            LEFT JOIN job_minutes USING (at) GROUP BY at ORDER BY at
            """,
            count,
        )
    return [
        {"name": f"minute:{iso(record['at'])}", "at": iso(record["at"])} | {word: record[word] for word in _NOTHING}
        for record in records
    ]


_SUMS = "at, type, queue_name, completed, failed, cancelled, duration_ms_sum, histogram::text AS histogram"


async def _by_status(lent: Any) -> dict[str, int]:
    records = await lent.fetch("SELECT status, sum(count)::int8 AS count FROM job_counts GROUP BY status")
    found = {record["status"]: record["count"] for record in records}
    return {str(state): found.get(state, 0) for state in JobState}


async def _by_name(lent: Any, first: datetime, until: datetime) -> tuple[dict[str, Sums], dict[str, Sums]]:
    """Add up by type and by queue: whole days from the days, and what is left at both ends from hours and minutes."""
    both: defaultdict[tuple[str, str], Sums] = defaultdict(Sums)
    for table, begin, end in _spans(first, until):
        for record in await lent.fetch(f"SELECT {_SUMS} FROM {table} WHERE at >= $1 AND at < $2", begin, end):  # noqa: S608
            both[record["type"], record["queue_name"]].add_record(record)
    by_type: defaultdict[str, Sums] = defaultdict(Sums)
    by_queue: defaultdict[str, Sums] = defaultdict(Sums)
    for (job_type, queue), sums in both.items():
        by_type[job_type].add(sums)
        by_queue[queue].add(sums)
    return by_type, by_queue


def _spans(first: datetime, until: datetime) -> list[tuple[str, datetime, datetime]]:
    """Cut a time, from a whole minute on, into the fewest spans: which table holds each, its begin and its end."""
    found: list[tuple[str, datetime, datetime]] = []
    begin, end = first, until + MINUTE
    for table, size in (("job_minutes", HOUR), ("job_hours", DAY)):
        inner_begin, inner_end = -(-(begin - EPOCH) // size) * size + EPOCH, (end - EPOCH) // size * size + EPOCH
        if inner_begin >= inner_end:
            return [*found, (table, begin, end)]
        found += [(table, begin, inner_begin), (table, inner_end, end)]
        begin, end = inner_begin, inner_end
    return [*found, ("job_days", begin, end)]


async def _buckets(lent: Any, first: datetime, bucket_s: int) -> dict[datetime, Row]:
    table = "job_hours" if bucket_s % 3600 == 0 else "job_minutes"
    records = await lent.fetch(
        f"""
        SELECT date_bin(make_interval(secs => $2), at, $1) AS bucket, sum(completed)::int8 AS completed,
            sum(failed)::int8 AS failed, sum(cancelled)::int8 AS cancelled
        FROM {table} WHERE at >= $1 GROUP BY 1
        """,  # noqa: S608
        first,
        float(bucket_s),
    )
    return {record["bucket"]: {word: record[word] for word in _NOTHING} for record in records}


async def _of_person(
    lent: Any, user_id: str, first: datetime, bucket_s: int
) -> tuple[dict[str, int], dict[str, Sums], dict[str, Sums], dict[datetime, Row]]:
    counts = await lent.fetch("SELECT status, count(*) AS count FROM jobs WHERE user_id = $1 GROUP BY status", user_id)
    found = {record["status"]: record["count"] for record in counts}
    records = await lent.fetch(
        """
        SELECT type, queue_name, status, date_bin(make_interval(secs => $3), ended_at, $2) AS bucket, count(*) AS count,
            sum(duration_ms) FILTER (WHERE status <> 'cancelled') AS duration_ms_sum,
            CASE WHEN duration_ms IS NULL OR status = 'cancelled' THEN NULL WHEN duration_ms <= 1 THEN 0
                ELSE least(ceil(10 * log(duration_ms::float8) - 1e-9), 80)::int END AS index
        FROM (SELECT type, queue_name, status, duration_ms, coalesce(completed_at, failed_at, cancelled_at) AS ended_at
            FROM jobs WHERE user_id = $1) AS own
        WHERE ended_at >= $2 GROUP BY 1, 2, 3, 4, 7
        """,
        user_id,
        first,
        float(bucket_s),
    )
    by_type: defaultdict[str, Sums] = defaultdict(Sums)
    by_queue: defaultdict[str, Sums] = defaultdict(Sums)
    ended: defaultdict[datetime, Row] = defaultdict(lambda: dict(_NOTHING))
    for record in records:
        word, count = record["status"], record["count"]
        if word not in _NOTHING:
            continue
        ended[record["bucket"]][word] += count
        for sums in (by_type[record["type"]], by_queue[record["queue_name"]]):
            setattr(sums, word, getattr(sums, word) + count)
            sums.duration_ms_sum += int(record["duration_ms_sum"] or 0)
            if record["index"] is not None:
                add(sums.histogram, {record["index"]: count})
    return {str(state): found.get(state, 0) for state in JobState}, by_type, by_queue, ended
