"""Events stored per second by the recorder, with every index, beside a bare `COPY` of the rows that came of them.

The events are made by the engine itself: jobs that are queued, started, report three times, log twice and complete.
"""

from __future__ import annotations

import asyncio
import time

from benchmarks.figures import Figure, median
from benchmarks.recorder_drain import connect, drain_into
from benchmarks.servers import postgres, valkey
from migrations.upgrade import upgrade
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End, NewJob, Report
from taskcast.ids import new_id

JOBS = 12_000
EVENTS_A_JOB = 8
RUNS = 3
TABLES = ("jobs", "job_logs", "job_attempts")


async def _make_events(url: str) -> None:
    worker, batch = "bench-worker", 100
    async with Engine.connect(url) as engine:
        await engine.register(worker, lease_ms=600_000, info=b'{"worker":"bench-worker","host":"bench","pid":1}')
        for start in range(0, JOBS, batch):
            jobs = [
                NewJob(id=new_id(), task=f"task_{n % 7}", queue=f"queue_{n % 3}", message=b'{"task_name":"x"}' * 8, data={"number": n, "file": "june.csv"})
                for n in range(start, start + batch)
            ]  # fmt: skip
            await engine.enqueue(jobs)
            number = start // batch + 1
            taken = await engine.take(
                worker, batch, number=number, known=number - 1, held=None, queues=None, started=b'{"worker":"bench-worker","host":"bench","pid":1}'
            )  # fmt: skip
            reports = [
                Report(
                    job=job.job,
                    attempt=job.attempt,
                    items=[
                        ("progressed", b'{"percentage":10,"current_step":"Reading","message":"100 lines"}'),
                        ("logged", b'{"line":1,"level":"INFO","message":"reading june.csv, 4711 lines"}'),
                        ("progressed", b'{"percentage":50,"current_step":"Importing","message":"2000 lines"}'),
                        (
                            "logged",
                            b'{"line":2,"level":"WARNING","message":"line 17 skipped: the amount is no number"}',
                        ),
                        ("progressed", b'{"percentage":100,"current_step":"Done","message":"4711 lines"}'),
                    ],
                )
                for job in taken.jobs
            ]
            await engine.report(worker, reports)
            ends = [
                End(
                    job=job.job,
                    attempt=job.attempt,
                    state="completed",
                    data=b'{"duration_ms":12,"result":{"imported":4711}}',
                )
                for job in taken.jobs
            ]
            await engine.finish(worker, ends)


async def _copy_seconds(database_url: str) -> float:
    """Return how long `COPY` takes for the same rows, into tables of the same columns without an index.

    The search columns are left out: they are computed, and asyncpg has no binary form of them.
    """
    connection = await connect(database_url)
    total = 0.0
    for table in TABLES:
        await connection.execute(f"CREATE TABLE bare_{table} AS SELECT * FROM {table} LIMIT 0")
        columns = [row["attname"] for row in await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND atttypid <> 'tsvector'::regtype ORDER BY attnum", f"bare_{table}"
        )]  # fmt: skip
        rows = [tuple(row) for row in await connection.fetch(f"SELECT {', '.join(columns)} FROM {table}")]
        began = time.perf_counter()
        await connection.copy_records_to_table(f"bare_{table}", records=rows, columns=columns)
        total += time.perf_counter() - began
    await connection.close()
    return total


async def _measure() -> tuple[float, float]:
    with valkey() as redis_url, postgres() as database_url:
        await upgrade(database_url)
        await _make_events(redis_url)
        stored = await drain_into(redis_url, database_url)
        copied = await _copy_seconds(database_url)
    events = JOBS * EVENTS_A_JOB
    return events / stored, events / copied


def run() -> list[Figure]:
    """Measure on fresh servers each time."""
    runs = [asyncio.run(_measure()) for _ in range(RUNS)]
    stored, copied = (median(values) for values in zip(*runs, strict=True))
    return [
        Figure(name="recorder, events stored per second", value=stored, unit="events/s", target=">= 10,000", against=f"COPY of the rows that came of them: {copied:.0f} events/s", ratio=stored / copied)
    ]  # fmt: skip
