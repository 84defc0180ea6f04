"""Export of a ledger of a million bookings by one job of a real worker process: rows per second and peak memory.

The whole job counts: reading, writing CSV, JSON and Parquet, checksums, packing, storing.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.one_job import measure, run_job
from benchmarks.recorder_drain import connect
from benchmarks.servers import postgres
from migrations.upgrade import upgrade

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
        servers = {"redis_url": redis_url, "database_url": database_url, "data_dir": data_dir}
        done, peak = await run_job("DATA_EXPORT", queue="reports", **servers)
    if done.is_err or done.return_value["rows"]["transactions"] != ROWS:
        raise RuntimeError(f"the export went wrong: {done}")
    return ROWS / done.execution_time, peak


def run() -> list[Figure]:
    """Measure."""
    name = f"export of {ROWS:,} bookings"
    return measure(name, one_run, runs=RUNS, unit="rows/s", target="reported", memory_target="< 200")
