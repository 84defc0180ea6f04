"""Export of a ledger of a million bookings by one job of a real worker process: rows per second and peak memory.

The whole job counts: reading, writing CSV, JSON and Parquet, checksums, packing, storing.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure, median
from benchmarks.recorder_drain import connect
from benchmarks.servers import folder, postgres, valkey
from benchmarks.statement_import import peak_mb
from migrations.upgrade import upgrade
from taskcast import JobBroker

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
RUNS = int(os.environ.get("BENCH_RUNS", "1"))

_ACCOUNT = """
INSERT INTO accounts (id, identity, currency, name, created_at)
VALUES (gen_random_uuid(), 'DE89370400440532013000', 'EUR', 'Giro', now()) RETURNING id
"""

_BOOKINGS = """
INSERT INTO transactions (account_id, statement_id, line, booked_on, valued_on, amount, currency, text, counterparty,
                          counterparty_account, reference, bank_category, fingerprint, source, pending, created_at)
SELECT $1, gen_random_uuid(), n, date '2000-01-01' + n / 120, date '2000-01-01' + n / 120, -(n % 9973) / 100.0, 'EUR',
       'Rechnung ' || n || ', Kundennummer ' || n % 977, 'Bäckerei ' || n % 211, 'DE02120300000000202051', 'R' || n, '',
       md5(n::text), 'statement', false, now()
FROM generate_series(1, $2::int) AS n
"""


async def one_run(redis_url: str, data_dir: Path) -> tuple[float, float]:
    """Return rows per second and the worker's peak memory in MB."""
    with postgres() as database_url:
        await upgrade(database_url)
        connection = await connect(database_url)
        await connection.execute(_BOOKINGS, await connection.fetchval(_ACCOUNT), ROWS)
        await connection.close()
        environment = {
            **os.environ,
            "TASKCAST_REDIS_URL": redis_url,
            "TASKCAST_DATABASE_URL": database_url,
            "TASKCAST_DATA_DIR": str(data_dir),
            "TMPDIR": str(data_dir),
        }
        command = "taskiq worker workers.broker:broker --receiver taskcast:JobReceiver --workers 1 --log-level WARNING"
        worker = subprocess.Popen([sys.executable, "-m", *command.split()], env=environment)
        broker = JobBroker(redis_url)
        await broker.startup()
        try:
            job = await broker.enqueue("DATA_EXPORT", queue="reports")
            done = await job.wait_result(timeout=1800)
            if done.is_err or done.return_value["rows"]["transactions"] != ROWS:
                raise RuntimeError(f"the export went wrong: {done}")
            return ROWS / done.execution_time, peak_mb(worker.pid)
        finally:
            await broker.shutdown()
            worker.terminate()
            worker.wait(30)


def run() -> list[Figure]:
    """Measure."""
    speeds, peaks = [], []
    with valkey() as url:
        for _ in range(RUNS):
            with folder() as data_dir:
                speed, peak = asyncio.run(one_run(url, data_dir))
            speeds.append(speed)
            peaks.append(peak)
    name = f"export of {ROWS:,} bookings"
    return [
        Figure(name=name, value=median(speeds), unit="rows/s", target="reported"),
        Figure(name=f"{name}, peak memory of the worker process", value=median(peaks), unit="MB", target="< 200"),
    ]
