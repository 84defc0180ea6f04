"""TRANSACTION_IMPORT: a bank's statement file becomes transactions in the ledger."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import Field
from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway
from core.storage.files import FileNotStored, FileStore, StoreUnavailable, open_file
from taskcast import JobContext, Priority
from workers.app import broker, file_store
from workers.arguments import checked
from workers.finance.entries import StatementUnreadable
from workers.finance.importer import StatementImport


@broker.task(
    task_name="TRANSACTION_IMPORT",
    queue="imports",
    priority=Priority.NORMAL,
    max_attempts=5,
    backoff="exponential",
    backoff_s=2,
    retry_on=(*DatabaseAway, DBConnectionError, StoreUnavailable),
    never_retry_on=(StatementUnreadable, FileNotStored),
    timeout_s=1800,
)
@checked
async def transaction_import(
    file: str,
    *,
    account: str | None = None,
    currency: str | None = None,
    date_order: str | None = None,
    mapping: str | dict[str, Any] | None = None,
    save_mapping_as: str | None = None,
    pace_lines_per_s: Annotated[float | None, Field(gt=0)] = None,
    job: JobContext = TaskiqDepends(),
    store: FileStore = TaskiqDepends(file_store),
) -> dict[str, Any]:
    """Import a statement in CSV, OFX, QFX, MT940 or CAMT; the contents tell which, and how they are written.

    Args:
        file: id of the file, as its upload answered it.
        account: IBAN or name of the account, for files that do not say theirs.
        currency: ISO 4217 code, for files that do not say theirs.
        date_order: `dmy`, `mdy` or `ymd`, for CSV whose dates do not tell; `serial` for a spreadsheet's numbers of days.
        mapping: for CSV, the name of a stored mapping, or one as docs/jobs.md has it; none needs to be given where the columns
            have names that banks use, or a stored mapping has the file's header.
        save_mapping_as: store how this CSV was read under this name; files with its header are read so from then on.
        pace_lines_per_s: read no faster than this, as if the bank delivered over a slow line; for demonstrations.
        job: the running job.
        store: where the file's bytes lie.
    """
    stored, opened = await open_file(store, file)
    try:
        statement = StatementImport(
            stored=stored,
            file=opened,
            job=job,
            account=account,
            currency=currency,
            date_order=date_order,
            mapping=mapping,
            save_mapping_as=save_mapping_as,
            pace_lines_per_s=pace_lines_per_s,
        )
        return await statement.run()
    finally:
        await asyncio.to_thread(opened.close)
