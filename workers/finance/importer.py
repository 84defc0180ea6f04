"""Imports one statement file into the ledger, in one transaction: it is in there whole, or not at all.

Killed or cancelled, it leaves nothing behind, and running again gives what one undisturbed run would have given. A job that
was killed between the transaction's end and its own answers with the result it had.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO, TypeVar
from uuid import UUID

from core.storage.connection import transaction
from core.storage.files import StoredFile
from taskcast.context import JobContext
from taskcast.ids import new_id
from workers.finance import ledger
from workers.finance.csv_reader import CsvReader
from workers.finance.entries import AccountKey, BadLine, Entry, StatementUnreadable
from workers.finance.fingerprints import Fingerprints
from workers.finance.money import money

BATCH_LINES = 250
STEPS = ("Reading", "Detecting", "Importing", "Finishing")
SHARES = {"Reading": (0.0, 4.0), "Detecting": (4.0, 20.0), "Importing": (20.0, 99.0)}
SKIPPED_SHOWN = 100
SKIPPED_LOGGED = 20
LOCK_PAUSE_S = 0.2
SHOWN_S = 1.2
"""The lines of a statement are spread over so many seconds, so that its bar is seen to move, not to jump: of that many values
a job tells ten a second. A file that needs longer by itself is not held back."""
QUICK_LINES_PER_S = 12_000
"""At this rate small files go in, in less time than that."""

T = TypeVar("T")


@dataclass(slots=True)
class _Account:
    id: UUID
    key: AccountKey
    lines: int = 0
    imported: int = 0
    amount: Decimal = Decimal(0)


@dataclass(slots=True)
class _Tally:
    lines: int = 0
    skipped: list[BadLine] = field(default_factory=list)
    skipped_total: int = 0
    first_date: date | None = None
    last_date: date | None = None


class StatementImport:
    """One import of one file by one job."""

    def __init__(
        self,
        *,
        stored: StoredFile,
        file: BinaryIO,
        job: JobContext,
        account: str | None = None,
        currency: str | None = None,
        date_order: str | None = None,
        pace_lines_per_s: float | None = None,
    ) -> None:
        self._stored, self._job = stored, job
        self._reader = CsvReader(file, account=account, currency=currency, date_order=date_order)
        self._pace_lines_per_s = pace_lines_per_s
        # Outside of a job, in a test or a script, each import is one of its own.
        self._job_id = job.id or new_id()
        self._statement_id = UUID(new_id())
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._fingerprints = Fingerprints()
        self._tally = _Tally()

    async def run(self) -> dict[str, Any]:
        """Import the file and return what came of it.

        Raises:
            StatementUnreadable: if the file is no statement, or none of its lines can be read.
        """
        await self._read()
        await self._detect()
        async with transaction() as connection:
            await ledger.begin(connection)
            await self._lock(connection, f"job:{self._job_id}", "another attempt of this job")
            if (earlier := await ledger.statement_result(connection, self._job_id)) is not None:
                self._job.log("this job has imported the file before; its result stands", imported=earlier["imported"])
                return earlier
            await self._import(connection)
            result = self._result()
            self._tell("Finishing", 99.0, f"{result['imported']:,} new, {result['duplicates']:,} known")
            await ledger.add_statement(
                connection,
                statement_id=self._statement_id,
                job_id=self._job_id,
                file_id=self._stored.id,
                name=self._stored.name,
                sha256=self._stored.sha256,
                result=result,
                first_date=self._tally.first_date,
                last_date=self._tally.last_date,
            )
            await self._job.checkpoint()
        self._say_result(result)
        return result

    async def _read(self) -> None:
        size = max(1, self._stored.size_bytes)
        self._tell("Reading", 0.0, self._stored.name)
        async for done in _in_thread(self._reader.scan(), 4):
            self._share("Reading", done[-1] / size, f"{done[-1] / 1e6:,.1f} of {size / 1e6:,.1f} MB")
            await self._job.checkpoint()

    async def _detect(self) -> None:
        scanned = self._reader.scanned
        lines = max(1, scanned.lines if scanned else 1)
        self._tell("Detecting", SHARES["Detecting"][0], "delimiter, columns, decimal mark, date order")
        async for done in _in_thread(self._reader.detect(), 1):
            self._share("Detecting", done[-1] / lines, f"{done[-1]:,} of {lines:,} lines")
            await self._job.checkpoint()
        found = self._reader.format
        if found is not None:
            self._job.log(
                f"the file is {found.encoding} with {found.delimiter}, decimal {found.decimal}, dates {found.date_order}",
                columns=found.columns,
                header_line=found.header_line,
                currency=found.currency,
            )
            for note in found.notes:
                self._job.log(note, "WARNING")

    async def _import(self, connection: Any) -> None:
        total = self._reader.scanned.lines if self._reader.scanned else 0
        pace = self._pace_lines_per_s or max(QUICK_LINES_PER_S, total / SHOWN_S)
        size = max(1, min(BATCH_LINES, int(pace / 10)))
        self._tell("Importing", SHARES["Importing"][0], f"0 of {total:,} lines")
        began = time.monotonic()
        async for batch in _in_thread(self._reader.lines(), size):
            await self._add(connection, [item for item in batch if isinstance(item, Entry)])
            for item in batch:
                if isinstance(item, BadLine):
                    self._skip(item)
            line = batch[-1].line
            self._share("Importing", line / max(1, total), f"{line:,} of {total:,} lines")
            await self._job.checkpoint()
            done = self._tally.lines + self._tally.skipped_total
            await asyncio.sleep(max(0.0, began + done / pace - time.monotonic()))
        if self._tally.skipped_total and not self._tally.lines:
            first = self._tally.skipped[0]
            raise StatementUnreadable(
                first.field,
                f"none of the {self._tally.skipped_total} lines can be read; line {first.line}: {first.reason}",
                "check that the header names the right columns and export the statement again",
            )

    async def _add(self, connection: Any, entries: list[Entry]) -> None:
        if not entries:
            return
        lines = []
        for entry in entries:
            account = await self._account(connection, entry.account)
            account.lines += 1
            lines.append(ledger.NewLine(account.id, self._fingerprints.of(entry), entry))
        tally, days = self._tally, [entry.booked_on for entry in entries]
        tally.lines += len(entries)
        tally.first_date = min(days) if tally.first_date is None else min(tally.first_date, *days)
        tally.last_date = max(days) if tally.last_date is None else max(tally.last_date, *days)
        by_id = {account.id: account for account in self._accounts.values()}
        for added in await ledger.add_lines(connection, self._statement_id, lines):
            by_id[added.account_id].imported += added.lines
            by_id[added.account_id].amount += added.amount

    async def _account(self, connection: Any, key: AccountKey) -> _Account:
        account = self._accounts.get((key.identity, key.currency))
        if account is None:
            # One import at a time on an account: two that add the same lines would wait for each other unseen.
            await self._lock(connection, f"account:{key.identity}:{key.currency}", "another import into this account")
            account_id = await ledger.add_account(connection, key, self._stored.user_id)
            account = self._accounts[key.identity, key.currency] = _Account(account_id, key)
        return account

    async def _lock(self, connection: Any, name: str, whom: str) -> None:
        waited = False
        while not await ledger.lock(connection, name):
            if not waited:
                self._job.log(f"waits for {whom} to end")
                self._job.progress(step="Importing", message=f"waits for {whom}")
                waited = True
            await self._job.checkpoint()
            await asyncio.sleep(LOCK_PAUSE_S)

    def _skip(self, bad: BadLine) -> None:
        tally = self._tally
        tally.skipped_total += 1
        if len(tally.skipped) < SKIPPED_SHOWN:
            tally.skipped.append(bad)
        if tally.skipped_total <= SKIPPED_LOGGED:
            self._job.log(
                f"line {bad.line} skipped: {bad.field}: {bad.reason}", "WARNING", line=bad.line, field=bad.field
            )
        elif tally.skipped_total == SKIPPED_LOGGED + 1:
            self._job.log(f"more lines are skipped; the result lists the first {SKIPPED_SHOWN}", "WARNING")

    def _share(self, step: str, share: float, message: str) -> None:
        low, high = SHARES[step]
        self._tell(step, low + (high - low) * min(1.0, share), message)

    def _tell(self, step: str, percentage: float, message: str) -> None:
        self._job.progress(
            round(percentage, 1),
            step=step,
            completed=len(STEPS) if percentage >= 100 else STEPS.index(step),
            total=len(STEPS),
            message=message,
        )

    def _result(self) -> dict[str, Any]:
        tally, accounts, found = self._tally, list(self._accounts.values()), self._reader.format
        imported = sum(account.imported for account in accounts)
        sums: dict[str, Decimal] = {}
        for account in accounts:
            sums[account.key.currency] = sums.get(account.key.currency, Decimal(0)) + account.amount
        if found is None:
            raise RuntimeError("the file's format is not known yet")
        return {
            "file": self._stored.id,
            "imported": imported,
            "duplicates": tally.lines - imported,
            "skipped": [{"line": bad.line, "field": bad.field, "reason": bad.reason} for bad in tally.skipped],
            "skipped_total": tally.skipped_total,
            "total_amount": {currency: money(amount, currency) for currency, amount in sorted(sums.items())},
            "accounts": [
                {
                    "id": str(account.id),
                    "name": account.key.name,
                    "identity": account.key.identity,
                    "currency": account.key.currency,
                    "imported": account.imported,
                    "duplicates": account.lines - account.imported,
                    "amount": money(account.amount, account.key.currency),
                }
                for account in accounts
            ],
            "first_date": tally.first_date.isoformat() if tally.first_date else None,
            "last_date": tally.last_date.isoformat() if tally.last_date else None,
            "format": {
                "delimiter": found.delimiter,
                "encoding": found.encoding,
                "decimal": found.decimal,
                "date_order": found.date_order,
                "header_line": found.header_line,
                "columns": found.columns,
            },
            "notes": found.notes,
        }

    def _say_result(self, result: dict[str, Any]) -> None:
        if not result["imported"] and result["duplicates"]:
            self._job.log(f"all {result['duplicates']:,} lines are in the ledger already; nothing was added")
        else:
            self._job.log(
                f"{result['imported']:,} lines imported, {result['duplicates']:,} known, {result['skipped_total']:,} skipped",
                total_amount=result["total_amount"],
            )
        self._tell("Finishing", 100.0, f"{result['imported']:,} new, {result['duplicates']:,} known")


async def _in_thread(items: Iterator[T], size: int) -> AsyncIterator[list[T]]:
    """Yield what a blocking iterator gives, up to `size` items at a time, read in a thread."""
    while batch := await asyncio.to_thread(lambda: list(itertools.islice(items, size))):
        yield batch
