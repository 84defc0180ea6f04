"""Import of one CSV statement of 200,000 lines by one job of a real worker process: lines per second and peak memory.

The whole job counts: reading, detecting, categorising by twenty rules, writing. Each run has a fresh database and worker.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil

from benchmarks.figures import Figure, median
from benchmarks.recorder_drain import connect
from benchmarks.servers import folder, postgres, valkey
from core.storage.connection import connected
from core.storage.files import open_store, save_upload
from migrations.upgrade import upgrade
from taskcast import JobBroker
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
        environment = {
            **os.environ,
            "TASKCAST_REDIS_URL": redis_url,
            "TASKCAST_DATABASE_URL": database_url,
            "TASKCAST_DATA_DIR": str(data_dir),
        }
        command = "taskiq worker workers.broker:broker --receiver taskcast:JobReceiver --workers 1 --log-level WARNING"
        worker = subprocess.Popen([sys.executable, "-m", *command.split()], env=environment)
        broker = JobBroker(redis_url)
        await broker.startup()
        try:
            job = await broker.enqueue("TRANSACTION_IMPORT", kwargs={"file": stored.id}, queue="imports")
            done = await job.wait_result(timeout=300)
            if done.is_err or done.return_value["imported"] != LINES:
                raise RuntimeError(f"the import went wrong: {done}")
            return LINES / done.execution_time, peak_mb(worker.pid)
        finally:
            await broker.shutdown()
            worker.terminate()
            worker.wait(30)


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


def peak_mb(pid: int) -> float:
    """Return the largest peak of the worker's processes, as the kernel counted it."""
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    peaks = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{each}/status").read_text()) for each in pids]
    return max(int(peak[1]) for peak in peaks if peak) / 1024


def run() -> list[Figure]:
    """Measure several times."""
    speeds, peaks = [], []
    with valkey() as url:
        for _ in range(RUNS):
            with folder() as data_dir:
                speed, peak = asyncio.run(one_run(url, data_dir))
            speeds.append(speed)
            peaks.append(peak)
    name = f"import of {LINES:,} lines"
    return [
        Figure(name=name, value=median(speeds), unit="lines/s", target=">= 5,000"),
        Figure(name=f"{name}, peak memory of the worker process", value=median(peaks), unit="MB", target="< 150"),
    ]
