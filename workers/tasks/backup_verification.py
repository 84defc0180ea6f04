"""BACKUP_VERIFICATION: takes a dump of the database when the newest is old, and proves that it can be restored."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway
from taskcast import JobContext, Priority
from taskcast.errors import ConfigurationError
from workers.app import broker, settings
from workers.arguments import checked
from workers.finance.steps import Steps
from workers.upkeep.backups import KEPT, BackupBroken, BackupImpossible, Backups, Dump

COLUMNS = [
    {"key": "table", "label": "Table"},
    {"key": "rows", "label": "Rows", "align": "right"},
    {"key": "outcome", "label": "Restored"},
]
SHOWN = 100


@broker.task(
    task_name="BACKUP_VERIFICATION",
    queue="maintenance",
    priority=Priority.LOW,
    max_attempts=3,
    backoff_s=30,
    retry_on=(*DatabaseAway, DBConnectionError),
    never_retry_on=(BackupBroken, BackupImpossible, ConfigurationError),
    timeout_s=7200,
    concurrency=1,
)
@checked
async def backup_verification(
    older_than_hours: Annotated[float, Field(ge=0, le=87_600)] = 24.0,
    keep: Annotated[int, Field(ge=1, le=1000)] = KEPT,
    job: JobContext = TaskiqDepends(),
) -> dict[str, Any]:
    """Take a dump if the newest is older than a day, restore it into a scratch database and compare every table.

    Args:
        older_than_hours: a newer dump than this is verified as it is; 0 takes one in any case.
        keep: so many dumps stay, the newest.
        job: the running job.
    """
    backups = Backups(settings.backup_dir.absolute(), settings.need_database_url())
    steps = Steps(job, {"Looking": 2, "Dumping": 45, "Restoring": 50, "Thinning out": 3})
    steps.tell("Looking", 0, str(settings.backup_dir))
    async with backups.alone(functools.partial(_wait, job)):
        dump = await backups.newest()
        taken = dump is None or datetime.now(UTC) - dump.taken_at > timedelta(hours=older_than_hours)
        if dump is None or taken:
            dump = await backups.take(lambda share, what: _tell(job, steps, "Dumping", share, what))
            job.log(f"{dump.path.name} holds {len(dump.tables)} tables in {dump.size_bytes:,} bytes")
        await job.checkpoint()
        try:
            await backups.verify(dump, lambda share, what: _tell(job, steps, "Restoring", share, what))
        except BackupBroken as error:
            await backups.remember(dump, error=str(error))
            job.log(str(error), "ERROR")
            raise
        await job.checkpoint()
        await backups.remember(dump, error=None)
        steps.tell("Thinning out", 0, f"{keep} dumps stay")
        gone = await backups.thin_out(keep)
        result = _result(dump, taken, gone)
    job.log(result["summary"])
    steps.end(result["summary"])
    return result


def _wait(job: JobContext) -> None:
    job.progress(message="waits for another verification to end")
    job.raise_if_stopped()


def _age(seconds: float) -> dict[str, Any]:
    value, unit = (seconds / 3600, "hours") if seconds >= 3600 else (seconds / 60, "minutes")
    return {
        "label": "Age",
        "value": f"{value:,.1f}" if unit == "hours" else f"{value:,.0f}",
        "unit": unit,
        "tone": None,
    }


def _tell(job: JobContext, steps: Steps, step: str, share: float, what: str) -> None:
    steps.tell(step, share, what)
    job.raise_if_stopped()


def _result(dump: Dump, taken: bool, gone: list[str]) -> dict[str, Any]:
    age = datetime.now(UTC) - dump.taken_at
    count = sum(table["rows"] for table in dump.tables.values())
    rows = [
        {"table": name, "rows": f"{table['rows']:,}", "outcome": "rows and checksum agree"}
        for name, table in dump.tables.items()
    ]
    return {
        "summary": f"{dump.path.name} was restored: {len(dump.tables)} tables and {count:,} rows agree",
        "figures": [
            _age(age.total_seconds()),
            {"label": "Size", "value": f"{dump.size_bytes / 1e6:,.1f}", "unit": "MB", "tone": None},
            {"label": "Tables", "value": f"{len(dump.tables):,}", "unit": "", "tone": "good"},
            {"label": "Rows", "value": f"{count:,}", "unit": "", "tone": "good"},
        ],
        "tables": [{"title": "Tables", "columns": COLUMNS, "rows": rows[:SHOWN], "total_rows": len(rows)}],
        "name": dump.path.name,
        "taken_now": taken,
        "taken_at": dump.taken_at.isoformat(),
        "size_bytes": dump.size_bytes,
        "sha256": dump.sha256,
        "deleted": gone,
    }
