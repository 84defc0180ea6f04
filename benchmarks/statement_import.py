"""Import of one CSV statement of 200,000 lines by one job of a real worker process: lines per second and peak memory.

The whole job counts: reading, detecting, categorising by twenty rules, writing. Each run has a fresh database and worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from benchmarks.figures import Figure
from benchmarks.one_job import measure, run_job
from benchmarks.recorder_drain import connect
from benchmarks.servers import postgres
from core.storage.connection import connected
from core.storage.files import open_store, save_upload
from migrations.upgrade import upgrade
from taskcast.ids import new_id

LINES = int(os.environ.get("BENCH_LINES", "200000"))
RUNS = 3
RULES = 20
SHOPS = ("Bäckerei Sommer", "Supermarkt Nord", "Stadtwerke", "Bahn AG", "Kino am Markt", "Apotheke", "Tankstelle West")


def statement() -> Iterator[bytes]:
    """Yield a statement of one account, in the code page and with the quotes that German banks use."""
    yield 'IBAN;DE89370400440532013000\n\n"Buchungstag";"Wertstellung";"Empfänger";"Verwendungszweck";"Betrag (EUR)"\n'.encode(
        "cp1252"
    )
    for start in range(0, LINES, 1000):
        yield "".join(map(_line, range(start, min(start + 1000, LINES)))).encode("cp1252")


def _line(number: int) -> str:
    day = f"{number % 28 + 1:02d}.{number // 28 % 12 + 1:02d}.{2000 + number // 10_000}"
    return f'"{day}";"{day}";"{SHOPS[number % 7]}";"Rechnung {number} vom {day}, Kundennummer {number % 977}";"-{number % 997},{number % 100:02d}"\n'


async def one_run(redis_url: str, data_dir: Path) -> tuple[float, float]:
    """Return lines per second and the worker's peak memory in MB."""
    with postgres() as database_url:
        await upgrade(database_url)
        await _add_rules(database_url)
        async with connected(database_url):
            stored = await save_upload(open_store(None, data_dir), b"".join(statement()), name="bank.csv")
        servers = {"redis_url": redis_url, "database_url": database_url, "data_dir": data_dir}
        done, peak = await run_job("TRANSACTION_IMPORT", queue="imports", file=stored.id, **servers)
    if done.is_err or done.return_value["imported"] != LINES:
        raise RuntimeError(f"the import went wrong: {done}")
    return LINES / done.execution_time, peak


async def _add_rules(database_url: str) -> None:
    connection = await connect(database_url)
    category = UUID(new_id())
    await connection.execute(
        "INSERT INTO categories (id, key, name, kind, created_at) VALUES ($1, 'all', 'All', 'expense', now())", category
    )
    await connection.executemany(
        """INSERT INTO category_rules (id, category_id, position, field, match, pattern, sign, created_at)
           VALUES ($1, $2, 100, 'any', 'contains', $3, 0, now())""",
        [(UUID(new_id()), category, f"shop {number}") for number in range(RULES)],
    )
    await connection.close()


def run() -> list[Figure]:
    """Measure several times."""
    name = f"import of {LINES:,} lines"
    return measure(name, one_run, runs=RUNS, unit="lines/s", target=">= 5,000", memory_target="< 150")
