from __future__ import annotations

import random
import statistics as exact
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recorder.apply import apply, read_position
from core.storage.histogram import LAST, add, bound, bucket, percentiles
from core.storage.queues import queue_rows
from core.storage.statistics import _spans, minutes, statistics, totals
from taskcast.engine.jobs import QueueCounts
from tests.core.recorder.history import History


@given(st.floats(0, 10**9))
def test_a_duration_lies_within_its_bucket(duration: float) -> None:
    index = bucket(duration)

    assert 0 <= index <= LAST
    assert index == LAST or duration <= bound(index) * 1.0000001
    assert index == 0 or duration > bound(index - 1) * 0.9999999


def test_percentiles_are_within_thirteen_percent() -> None:
    chance = random.Random(3)
    durations = [chance.lognormvariate(5, 1.5) for _ in range(5000)]
    histogram: dict[int, int] = {}
    for duration in durations:
        add(histogram, {bucket(duration): 1})

    found = percentiles(histogram, (0.5, 0.95, 0.99))

    cuts = exact.quantiles(durations, n=100)
    for share, known in zip(found, (cuts[49], cuts[94], cuts[98]), strict=True):
        assert share == pytest.approx(known, rel=0.13)
    assert percentiles({}, (0.5,)) == [None]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(1, 90 * 1440))  # noqa: DTZ001
def test_a_time_is_cut_into_spans_without_a_gap_or_an_overlap(begin: datetime, count: int) -> None:
    first = begin.replace(second=0, microsecond=0, tzinfo=UTC)
    until = first + timedelta(minutes=count, seconds=30)

    spans = sorted((span for span in _spans(first, until) if span[1] < span[2]), key=lambda span: span[1])

    assert spans[0][1] == first
    assert spans[-1][2] >= until
    assert all(one[2] == two[1] for one, two in pairwise(spans))
    for table, at, end in spans:
        if table != "job_minutes":
            assert (at.minute, end.minute) == (0, 0)
        if table == "job_days":
            assert (at.hour, end.hour) == (0, 0)


async def tell(ago_s: float, ends: list[tuple[str, int]], seed: str = "") -> None:
    history = History(int((time.time() - ago_s) * 1e6))
    for number, (end, duration_ms) in enumerate(ends):
        job = f"{seed}{ago_s}-{number}"
        history.queued(job)
        history.started(job)
        if end == "completed":
            history.completed(job, duration_ms=duration_ms)
        elif end == "failed":
            history.failed(job)
        else:
            history.cancelled(job)
    await apply([history.batch()], await read_position(), None, Counter())


async def test_what_ended_is_counted_by_range_type_and_bucket(database: str) -> None:
    await tell(3 * 86400, [("completed", 50)])
    await tell(5 * 3600, [("failed", 100), ("completed", 1000)])
    await tell(600, [("completed", 1000)] * 8 + [("failed", 100)] * 2 + [("cancelled", 0)])

    hour, day, week = [await statistics(*span) for span in ((3600, 60), (86400, 3600), (7 * 86400, 10800))]

    assert hour["ended"] == {"completed": 8, "failed": 2, "cancelled": 1}
    assert day["ended"] == {"completed": 9, "failed": 3, "cancelled": 1}
    assert week["ended"] == {"completed": 10, "failed": 3, "cancelled": 1}
    assert hour["success_rate"] == 0.8
    assert hour["average_ms"] == 820.0
    assert hour["p50_ms"] == pytest.approx(1000, rel=0.13)
    assert [(line["name"], line["completed"]) for line in day["by_type"]] == [("TASK", 9)]
    assert [line["name"] for line in week["by_queue"]] == ["default"]
    assert (len(hour["buckets"]), len(day["buckets"]), len(week["buckets"])) == (60, 24, 56)
    for found in (hour, day, week):
        for word in ("completed", "failed", "cancelled"):
            assert sum(part[word] for part in found["buckets"]) == found["ended"][word]
    assert week["by_status"]["completed"] == 10
    assert week["total"] == 14
    assert len(week["by_status"]) == 7


async def test_a_person_sees_the_statistics_of_their_own_jobs(database: str) -> None:
    await tell(600, [("completed", 1000)] * 3 + [("cancelled", 5)])

    own, others = await statistics(3600, 60, user_id="ada"), await statistics(3600, 60, user_id="bob")

    everything = await statistics(3600, 60)
    for key in ("ended", "by_status", "success_rate", "average_ms", "p95_ms", "by_type", "buckets"):
        assert own[key] == everything[key], key
    assert (others["total"], others["success_rate"], others["p50_ms"]) == (0, None, None)


async def test_the_live_rows_say_what_happens_now(database: str) -> None:
    await tell(1, [("completed", 10)] * 6 + [("failed", 10)])

    row, last = await totals(), (await minutes())[-2:]

    assert row["name"] == "totals"
    assert 4 <= row["per_minute"]["completed"] <= 6
    assert row["success_rate"] == pytest.approx(6 / 7, abs=0.001)
    assert sum(minute["completed"] for minute in last) == 6
    rows = await minutes()
    assert len(rows) == 60
    assert all(minute["name"] == f"minute:{minute['at']}" for minute in rows)
    assert datetime.fromisoformat(rows[0]["at"]) > datetime.now(UTC) - timedelta(minutes=61)


async def test_a_queue_joins_what_waits_with_what_is_known_of_it(database: str) -> None:
    await tell(1, [("completed", 10)] * 3)
    history = History(int(time.time() * 1e6))
    for worker, queues in (("w1", None), ("w2", ["mail"]), ("w3", ["default", "mail"])):
        info = {"worker": worker, "host": "h", "pid": 1, "queues": queues, "slots": 4}
        history.tell("worker.started", None, info)
    history.tell("worker.stopped", None, info)
    await apply([history.batch()], await read_position(), None, Counter())

    mail = QueueCounts("mail", {1: 0, 2: 5, 3: 1, 4: 0}, 2, 3, 4, 1500)
    rows = {row["name"]: row for row in await queue_rows([mail], {}, {})}

    assert list(rows) == ["default", "mail"]
    assert rows["mail"]["waiting"] == {"LOW": 0, "NORMAL": 5, "HIGH": 1, "CRITICAL": 0}
    assert (rows["mail"]["running"], rows["mail"]["scheduled"], rows["mail"]["retrying"]) == (2, 3, 4)
    assert (rows["mail"]["oldest_s"], rows["mail"]["slots"], rows["default"]["slots"]) == (1.5, 8, 4)
    assert 1.5 < rows["default"]["per_minute"] <= 3
    assert rows["default"]["paused"] is None
