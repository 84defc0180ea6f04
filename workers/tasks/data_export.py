"""DATA_EXPORT: the ledger as a zip of CSV, JSON and Parquet, with a manifest and checksums."""

from __future__ import annotations

import asyncio
import importlib
import json
import zipfile
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway, connection, transaction
from core.storage.files import FileStore, StoredFile, StoreUnavailable, delete_file, save_upload
from taskcast import JobContext, Priority
from taskcast.ids import new_id
from taskcast.opening import open_aside
from workers.app import broker, file_store
from workers.arguments import checked
from workers.finance.exports.members import KINDS, Members, described
from workers.finance.exports.tables import TABLES, ExportTable
from workers.finance.periods import Period, PeriodWrong
from workers.finance.selection import AccountUnknown, chosen_accounts
from workers.finance.steps import Steps
from workers.scratch import scratch_folder
from workers.shielded import to_its_end
from workers.words import counted

FETCHED = 2000
PACKED_BYTES = 1024 * 1024
FORMAT_VERSION = 1
ZIP = "application/zip"
COLUMNS = [
    {"key": "table", "label": "Table"},
    {"key": "rows", "label": "Rows", "align": "right"},
    {"key": "csv", "label": "CSV, KB", "align": "right"},
    {"key": "json", "label": "JSON, KB", "align": "right"},
    {"key": "parquet", "label": "Parquet, KB", "align": "right"},
]


@broker.task(
    task_name="DATA_EXPORT",
    queue="reports",
    priority=Priority.LOW,
    max_attempts=5,
    backoff_s=5,
    retry_on=(*DatabaseAway, DBConnectionError, StoreUnavailable),
    never_retry_on=(PeriodWrong, AccountUnknown),
    timeout_s=3600,
)
@checked
async def data_export(
    period: str | None = None,
    accounts: list[str] | None = None,
    job: JobContext = TaskiqDepends(),
    store: FileStore = TaskiqDepends(file_store),
) -> dict[str, Any]:
    """Export the ledger as one archive: each table as CSV, JSON and Parquet.

    Args:
        period: such as 2026-11, 2026-Q4 or 2026, for the bookings of that time; everything if left out.
        accounts: ids, IBANs or names of accounts; all if left out.
        job: the running job.
        store: where the archive goes.
    """
    chosen = Period.of(period) if period else None
    steps = Steps(job, {"Counting": 3, "Exporting": 77, "Packing": 15, "Storing": 5})
    export = _Export(job, steps, chosen)
    # Its import takes a second; there is nothing to tidy up yet.
    await asyncio.to_thread(importlib.import_module, "pyarrow.parquet")
    with scratch_folder("the export") as folder:
        steps.tell("Counting", 0, chosen.name if chosen else "everything")
        # One snapshot: every table is as it was at the same moment, whatever is imported meanwhile.
        async with transaction("repeatable_read", readonly=True) as lent:
            wanted = await chosen_accounts(lent, accounts)
            ids = None if accounts is None else [account.id for account in wanted]
            manifest = await export.write(lent, folder, ids)
        archive = await export.pack(folder, manifest)
        stored = await export.keep(store, archive, manifest)
    result = _result(manifest, stored)
    steps.end(result["summary"])
    return result


class _Export:
    """One export of one job; its file is kept under an id made of the job's, so that a second attempt replaces it."""

    def __init__(self, job: JobContext, steps: Steps, period: Period | None) -> None:
        self._job, self._steps, self._period = job, steps, period
        self._job_id = job.id or new_id()
        self._stopped = False

    @property
    def _days(self) -> tuple[date | None, date | None]:
        return (self._period.first, self._period.last) if self._period else (None, None)

    async def write(self, lent: Any, folder: Path, ids: list[UUID] | None) -> dict[str, Any]:
        """Write the members of all tables into the folder; return the manifest."""
        arguments = (ids, *self._days)
        counts = [await lent.fetchval(table.counted, *arguments) for table in TABLES]
        total, done = sum(counts), 0
        self._job.log(f"{total:,} rows in {len(TABLES)} tables")
        tables = {}
        for table, count in zip(TABLES, counts, strict=True):
            self._steps.tell("Exporting", done / max(1, total), f"{table.name}, {count:,} rows")
            await self._job.checkpoint()
            tables[table.name] = await self._table(lent, folder, table, arguments, done, total)
            done += count
        return {
            "format": "taskcast-export",
            "version": FORMAT_VERSION,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "period": str(self._period) if self._period else None,
            "accounts": [str(each) for each in ids] if ids is not None else None,
            "csv": "UTF-8, comma, CRLF; a text that a spreadsheet could take for a formula begins with '",
            "json": "an array of objects; decimals are text",
            "tables": tables,
        }

    async def _table(  # noqa: PLR0917
        self, lent: Any, folder: Path, table: ExportTable, arguments: tuple[Any, ...], done: int, total: int
    ) -> dict[str, Any]:
        statement = await lent.prepare(table.sql)
        columns = [(column.name, KINDS[column.type.name]) for column in statement.get_attributes()]
        cursor = await statement.cursor(*arguments)
        members = await to_its_end(asyncio.to_thread(Members(folder, table.name, columns).__enter__))
        try:
            while rows := await cursor.fetch(FETCHED):
                await to_its_end(asyncio.to_thread(members.write, rows))
                self._steps.tell(
                    "Exporting", (done + members.rows) / max(1, total), f"{table.name}, {members.rows:,} rows written"
                )
                await self._job.checkpoint()
        except BaseException as error:
            # The folder goes as well; the error at hand is the one to tell.
            with suppress(OSError):
                members.__exit__(type(error), error, error.__traceback__)
            raise
        await to_its_end(asyncio.to_thread(members.__exit__, None, None, None))
        files = [await asyncio.to_thread(described, path) for path in members.paths.values()]
        return {
            "rows": members.rows,
            "columns": [{"name": name, "type": kind} for name, kind in columns],
            "files": files,
        }

    async def pack(self, folder: Path, manifest: dict[str, Any]) -> Path:
        """Put the members and the manifest into the archive and return its path."""
        sizes = {file["name"]: file["bytes"] for table in manifest["tables"].values() for file in table["files"]}
        path, whole, packed = folder / "export.zip", max(1, sum(sizes.values())), 0

        def pack() -> None:
            nonlocal packed
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
                archive.writestr("manifest.json", json.dumps(manifest, indent=2) + "\n")
                for name in sizes:
                    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
                    info.compress_type = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
                    with (folder / name).open("rb") as source, archive.open(info, "w", force_zip64=True) as out:
                        while chunk := source.read(PACKED_BYTES):
                            if self._stopped:
                                raise InterruptedError("the export is not wanted any more")
                            out.write(chunk)
                            packed += len(chunk)
                            self._steps.tell("Packing", packed / whole, f"{packed / 1e6:,.1f} of {whole / 1e6:,.1f} MB")
                            self._job.raise_if_stopped()
                    (folder / name).unlink()

        await to_its_end(asyncio.to_thread(pack), stop=self._stop)
        return path

    def _stop(self) -> None:
        self._stopped = True

    async def keep(self, store: FileStore, archive: Path, manifest: dict[str, Any]) -> StoredFile:
        """Store the archive and the export's row; a cancel leaves neither, not even those of an attempt before."""
        file_id = str(uuid5(NAMESPACE_URL, f"export/{self._job_id}"))
        name = f"export-{self._period}.zip" if self._period else "export.zip"
        self._steps.tell("Storing", 0, name)
        opened = await open_aside(lambda: archive.open("rb"))
        try:
            stored = await save_upload(store, opened, name=name, content_type=ZIP, job_id=self._job_id, file_id=file_id)
            await self._job.checkpoint()
            async with connection() as lent:
                await lent.execute(
                    """INSERT INTO exports (id, job_id, file_id, first_day, last_day, manifest, created_at)
                       VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, now())
                       ON CONFLICT (job_id) DO UPDATE SET first_day = excluded.first_day, last_day = excluded.last_day,
                           manifest = excluded.manifest""",
                    UUID(file_id), self._job_id, UUID(stored.id), *self._days, json.dumps(manifest),
                )  # fmt: skip
        except BaseException:
            with suppress(Exception):
                await asyncio.shield(self._forget(store, file_id))
            raise
        finally:
            opened.close()
        return stored

    async def _forget(self, store: FileStore, file_id: str) -> None:
        async with connection() as lent:
            await lent.execute("DELETE FROM exports WHERE job_id = $1", self._job_id)
        await delete_file(store, file_id)


def _result(manifest: dict[str, Any], stored: StoredFile) -> dict[str, Any]:
    tables = manifest["tables"]
    count = sum(table["rows"] for table in tables.values())
    rows = [
        {
            "table": name,
            "rows": f"{table['rows']:,}",
            **{file["name"].rpartition(".")[2]: f"{file['bytes'] / 1000:,.1f}" for file in table["files"]},
        }
        for name, table in tables.items()
    ]
    return {
        "summary": f"{counted(count, 'row')} of {counted(len(tables), 'table')} in {stored.size_bytes / 1e6:,.1f} MB",
        "figures": [
            {"label": "Rows", "value": f"{count:,}", "unit": "", "tone": None},
            {"label": "Archive", "value": f"{stored.size_bytes / 1e6:,.1f}", "unit": "MB", "tone": None},
        ],
        "tables": [{"title": "Contents", "columns": COLUMNS, "rows": rows, "total_rows": len(rows)}],
        "files": [
            {"id": stored.id, "name": stored.name, "size_bytes": stored.size_bytes, "content_type": stored.content_type}
        ],
        "sha256": stored.sha256,
        "rows": {name: table["rows"] for name, table in tables.items()},
    }
