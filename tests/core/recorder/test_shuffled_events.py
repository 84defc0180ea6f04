"""Whatever happens to events before the recorder, a row is at a moment that truly was."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from core.recorder.apply import _pieces
from core.recorder.fold import Fold
from core.recorder.recorder import Recorder
from core.storage.connection import connection
from taskcast.engine.engine import Engine
from taskcast.feed import Batch, Item
from taskcast.names import Names
from tests.core.recorder.history import BEGINNING, History
from tests.waiting import eventually


def lived(seed: int, steps: int = 60) -> History:
    history = History()
    history.live(steps, 4, random.Random(seed))
    return history


def delivered(batches: list[Batch], chance: random.Random, *, drop: bool) -> list[Batch]:
    kept = [batch for batch in batches if not drop or chance.random() > 0.3]
    repeated = [batch for batch in kept for _ in range(chance.choice((1, 1, 2)))]
    chance.shuffle(repeated)
    return repeated


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 8), drop=st.booleans())
def test_a_row_made_of_shuffled_repeated_and_dropped_events_is_at_a_moment_that_was(
    seed: int, size: int, drop: bool
) -> None:
    history, chance = lived(seed), random.Random(seed)
    table = Fold()
    for batch in delivered(history.batches(size), chance, drop=drop):
        for row in table.rows.values():
            row.stored, row.touch = True, 0
        for piece in _pieces([batch], 0, None, Counter())[0]:
            table.hear(piece.event)

    moments = history.moments
    for job, row in table.rows.items():
        assert moments[job, row.seq] == (row.status, row.attempts)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 20))
def test_ordered_events_come_to_the_truth_however_they_are_cut(seed: int, size: int) -> None:
    history = lived(seed)
    table = Fold()
    for batch in history.batches(size):
        for line_batch in (batch, batch):  # each twice
            for piece in _pieces([line_batch], 0, None, Counter())[0]:
                table.hear(piece.event)

    assert {job: (row.status, row.attempts) for job, row in table.rows.items()} == history.truth
    assert not table.changes.counted["refused"]


class HandFeed:
    """A feed that tells what the test says."""

    def __init__(self, items: list[Item]) -> None:
        self._items = items

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def __aiter__(self) -> AsyncIterator[Item]:
        for item in self._items:
            yield item


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 10), at_once=st.booleans())
async def test_the_table_equals_the_truth_as_long_as_the_stream_holds_it(
    database: str, redis: Redis, redis_url: str, prefix: str, seed: int, size: int, at_once: bool
) -> None:
    history, chance, names = lived(seed), random.Random(seed), Names(f"{prefix}-{seed}-{size}-{at_once}")
    batches = history.batches(size, prev=BEGINNING)
    await redis.delete(names.events, names.seq)
    for batch in batches:
        await redis.xadd(names.events, {"p": str(batch.prev), "e": b"\n".join(batch.lines)}, id=f"{batch.last}-0")
    await redis.set(names.seq, history.seq)
    async with connection() as lent:
        await lent.execute("TRUNCATE jobs, job_logs, job_attempts, job_counts, job_minutes, job_hours, job_days")
        await lent.execute("UPDATE recorder SET seq = $1", BEGINNING)
    told: list[Item] = [*delivered(batches, chance, drop=True), batches[-1]]

    async with Engine.connect(redis_url, names.prefix) as engine:
        recorder = Recorder(
            engine=engine,
            redis_url=redis_url,
            cipher=None,
            open_feed=lambda _: HandFeed(told),
            gap_s=0 if at_once else 0.01,
        )
        async with recorder:
            await eventually(lambda: recorder.position >= history.seq)

    async with connection() as lent:
        rows = await lent.fetch("SELECT id, status, attempts FROM jobs")
        lines = await lent.fetchval("SELECT count(*) FROM job_logs")
        counts = await lent.fetch(
            "SELECT status, sum(count)::int AS n FROM job_counts GROUP BY status HAVING sum(count) > 0"
        )
        ended = await lent.fetchval("SELECT coalesce(sum(completed + failed + cancelled), 0) FROM job_minutes")
    assert {row["id"]: (row["status"], row["attempts"]) for row in rows} == history.truth
    assert lines == len({(one.job, one.attempt, one.line) for one in history.told if b"job.logged" in one.line})
    assert {row["status"]: row["n"] for row in counts} == Counter(state for state, _ in history.truth.values())
    assert ended == sum(
        one.line.count(b'"state":"' + end) for one in history.told for end in (b"completed", b"failed", b"cancelled")
    )
    await redis.delete(names.events, names.seq)
