"""Imports one statement file into the ledger, in one transaction: it is in there whole, or not at all.

Killed or cancelled, it leaves nothing behind, and running again gives what one undisturbed run would have given. A job that
was killed between the transaction's end and its own answers with the result it had.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

from core.storage.connection import connection, transaction
from core.storage.files import StoredFile
from taskcast.context import JobContext
from taskcast.ids import new_id
from workers.finance import ledger
from workers.finance.batches import ahead, in_thread
from workers.finance.categories import Categoriser
from workers.finance.csv_mappings import chosen_mappings, save_mapping
from workers.finance.csv_reader import CsvReader
from workers.finance.entries import AccountKey, BadLine, Entry, Format, StatementReader, StatementUnreadable
from workers.finance.fingerprints import Fingerprints
from workers.finance.import_tally import AccountTally, ImportTally, for_job, verdict
from workers.finance.money import fits
from workers.finance.other_formats import family_of, has_others, take_told
from workers.finance.pending import settle_pending
from workers.finance.readers import open_reader
from workers.finance.statement_balances import check_balances
from workers.words import counted

BATCH_LINES = 1000
MOVES = 40
STEPS = ("Reading", "Detecting", "Importing", "Finishing")
SHARES = {"Reading": (0.0, 4.0), "Detecting": (4.0, 20.0), "Importing": (20.0, 99.0)}
SKIPPED_LOGGED = 20
MAX_ACCOUNTS = 1000
STATUS_FIELDS = frozenset({"status", "Sts"})  # at fault in lines that can be read and are not booked yet
LOCK_PAUSE_S = 0.2
SHOWN_S = 1.2
"""The lines of a statement are spread over so many seconds, so that its bar is seen to move, not to jump: of that many values
a job tells ten a second. A file that needs longer by itself is not held back."""
QUICK_LINES_PER_S = 12_000
"""At this rate small files go in, in less time than that."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An entry as the reading thread hands it over."""

    entry: Entry
    fingerprint: str
    category_id: UUID | None


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
        mapping: str | dict[str, Any] | None = None,
        save_mapping_as: str | None = None,
        pace_lines_per_s: float | None = None,
    ) -> None:
        self._stored, self._file, self._job = stored, file, job
        self._told = {"account": account, "currency": currency, "date_order": date_order}
        self._mapping, self._save_mapping_as = mapping, save_mapping_as
        self._reader: StatementReader
        self._family = ""
        self._pace_lines_per_s = pace_lines_per_s
        # Outside of a job, in a test or a script, each import is one of its own.
        self._job_id = job.id or new_id()
        self._statement_id = UUID(new_id())
        self._fingerprints = Fingerprints()
        self._categoriser = Categoriser(())
        self._tally = ImportTally()

    async def run(self) -> dict[str, Any]:
        """Import the file and return what came of it.

        Raises:
            StatementUnreadable: if the file is no statement, or none of its lines can be read.
        """
        async with connection() as lent:
            self._categoriser = await Categoriser.load(lent)
            mapping, mappings = await chosen_mappings(lent, self._mapping)
        self._reader = await asyncio.to_thread(
            open_reader, self._file, name=self._stored.name, mapping=mapping, mappings=mappings, **self._told
        )
        await self._read()
        found = await self._detect()
        async with transaction() as lent:
            await ledger.begin(lent)
            await self._lock(lent, f"job:{self._job_id}", "another attempt of this job")
            if (earlier := await ledger.statement_result(lent, self._job_id)) is not None:
                self._job.log("this job has imported the file before; its result stands", imported=earlier["imported"])
                return for_job(earlier)
            await self._import(lent)
            await self._take_balances(lent)
            result = self._tally.result(file_id=self._stored.id, name=self._stored.name, found=found)
            result["read_with"] = self._read_with()
            self._tell("Finishing", 99.0, f"{result['imported']:,} new, {result['duplicates']:,} known")
            await self._write_statement(lent, result)
            settled = await settle_pending(
                lent, self._statement_id, [each.id for each in self._tally.accounts.values()]
            )
            if settled:
                self._job.log(
                    f"{counted(settled, 'transaction')} that a mail had told of before {'is' if settled == 1 else 'are'} booked now"
                )
            await self._save_mapping(lent)
            await self._job.checkpoint()
        self._say_result(result)
        return for_job(result)

    def _read_with(self) -> dict[str, Any]:
        """Return what `open_reader` was told, so that the file can be read again as it was."""
        told: dict[str, Any] = {key: value for key, value in self._told.items() if value is not None}
        if isinstance(self._reader, CsvReader) and self._reader.format and self._reader.format.mapping:
            told["mapping"] = self._reader.learned()[0]
        return told

    async def _save_mapping(self, lent: Any) -> None:
        if self._save_mapping_as is None:
            return
        if not isinstance(self._reader, CsvReader):
            self._job.log(
                f"save_mapping_as: a file in {self._reader.format and self._reader.format.name} needs no mapping; none was saved",
                "WARNING",
            )
            return
        mapping, header = self._reader.learned()
        await save_mapping(lent, self._save_mapping_as, mapping, header)
        self._job.log(f"the mapping {self._save_mapping_as!r} was saved", columns=mapping["columns"])

    async def _read(self) -> None:
        size = max(1, self._stored.size_bytes)
        self._tell("Reading", 0.0, self._stored.name)
        async for done in in_thread(self._reader.scan(), 4):
            self._share("Reading", done[-1] / size, f"{done[-1] / 1e6:,.1f} of {size / 1e6:,.1f} MB")
            await self._job.checkpoint()

    async def _detect(self) -> Format:
        lines = max(1, self._reader.expected)
        self._tell("Detecting", SHARES["Detecting"][0], "format, columns, decimal mark, date order")
        async for done in in_thread(self._reader.detect(), 1):
            self._share("Detecting", done[-1] / lines, f"{done[-1]:,} of {lines:,} lines")
            await self._job.checkpoint()
        found = self._reader.format
        if found is None:
            raise RuntimeError("the file's format is not known yet")
        self._family = family_of(found.name)
        self._job.log(found.sentence(), format=found.facts())
        for note in found.notes:
            self._job.log(note, "WARNING")
        return found

    async def _import(self, connection: Any) -> None:
        total = self._reader.expected
        pace = self._pace_lines_per_s or max(QUICK_LINES_PER_S, total / SHOWN_S)
        size = max(1, min(BATCH_LINES, int(pace / (10 if self._pace_lines_per_s else MOVES))))
        self._tell("Importing", SHARES["Importing"][0], f"0 of {total:,} lines")
        began = time.monotonic()
        async with aclosing(ahead(self._prepared(), size)) as batches:
            async for batch in batches:
                await self._add(connection, [item for item in batch if isinstance(item, _Line)])
                for item in batch:
                    if isinstance(item, BadLine):
                        self._skip(item)
                done = self._tally.done
                self._share("Importing", done / max(1, total), f"{done:,} of {max(done, total):,} lines")
                await self._job.checkpoint()
                await asyncio.sleep(max(0.0, began + done / pace - time.monotonic()))
        unread = [bad for bad in self._tally.skipped if bad.field not in STATUS_FIELDS]
        if unread and not self._tally.lines:
            remedy = (
                "check that the header names the right columns and" if self._family == "CSV" else "check the file, or"
            )
            raise StatementUnreadable(
                unread[0].field,
                f"none of the {self._tally.skipped_total} lines can be read; line {unread[0].line}: {unread[0].reason}",
                f"{remedy} export the statement again",
            )

    def _prepared(self) -> Iterator[_Line | BadLine]:
        for item in self._reader.lines():
            if isinstance(item, BadLine):
                yield item
            else:
                yield _Line(item, self._fingerprints.of(item), self._categoriser.category_of_entry(item))

    async def _add(self, connection: Any, lines: list[_Line]) -> None:
        if not lines:
            return
        by_account: dict[UUID, list[ledger.NewLine]] = {}
        for line in lines:
            account = await self._account(connection, line.entry.account)
            account.lines += 1
            by_account.setdefault(account.id, []).append(
                ledger.NewLine(account.id, line.fingerprint, line.entry, line.category_id)
            )
        self._tally.add([line.entry for line in lines])
        new = [line for own in by_account.values() for line in await self._untold(connection, own)]
        by_id = {account.id: account for account in self._tally.accounts.values()}
        added = 0
        for each in await ledger.add_lines(connection, self._statement_id, new):
            by_id[each.account_id].take(each)
            added += each.lines
        if added < len(new):
            await ledger.categorise_lines(connection, new)

    async def _untold(self, connection: Any, lines: list[ledger.NewLine]) -> list[ledger.NewLine]:
        account = self._tally.accounts[lines[0].entry.account.identity, lines[0].entry.account.currency]
        if not account.has_others:
            return lines
        untold = await take_told(connection, account.id, self._family, lines)
        account.told += len(lines) - len(untold)
        return untold

    async def _account(self, connection: Any, key: AccountKey) -> AccountTally:
        account = self._tally.accounts.get((key.identity, key.currency))
        if account is None:
            if len(self._tally.accounts) >= MAX_ACCOUNTS:
                raise StatementUnreadable(
                    "account",
                    f"the file has more than {MAX_ACCOUNTS:,} accounts",
                    "check which column names the account, and name it in a mapping",
                )
            # One import at a time on an account: two that add the same lines would wait for each other unseen.
            await self._lock(connection, f"account:{key.identity}:{key.currency}", "another import into this account")
            account_id = await ledger.add_account(connection, key, self._stored.user_id)
            account = self._tally.accounts[key.identity, key.currency] = AccountTally(account_id, key)
            account.has_others = await has_others(connection, account_id, self._family)
        return account

    async def _take_balances(self, connection: Any) -> None:
        for balances in self._reader.balances():
            account = await self._account(connection, balances.account)
            account.balances.append(balances)
        for account in self._tally.accounts.values():
            if not fits(account.amount, *(each.amount for each in account.balances)):
                raise StatementUnreadable(
                    "amount",
                    f"the lines of {account.key.name} come to more than the ledger can hold",
                    "check how amounts and decimals are written, and export the statement again",
                )
            check = check_balances(account.balances)
            if check.agrees is False:
                self._job.log(
                    f"the balances of {account.key.name} and its lines: {verdict(check, account.key.currency)}",
                    "WARNING",
                    account=account.key.identity,
                )

    async def _write_statement(self, connection: Any, result: dict[str, Any]) -> None:
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
        accounts = self._tally.accounts.values()
        await ledger.add_balances(
            connection, self._statement_id, [(account.id, each) for account in accounts for each in account.balances]
        )

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
        self._tally.skip(bad)
        total = self._tally.skipped_total
        if total <= SKIPPED_LOGGED:
            self._job.log(
                f"line {bad.line} skipped: {bad.field}: {bad.reason}", "WARNING", line=bad.line, field=bad.field
            )
        elif total == SKIPPED_LOGGED + 1:
            self._job.log("more lines are skipped; the result lists the first hundred", "WARNING")

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

    def _say_result(self, result: dict[str, Any]) -> None:
        if told := result["told_by_other_formats"]:
            self._job.log(
                f"{counted(told, 'line was', 'lines were')} told by a statement of another format before and not added again"
            )
        if not result["imported"] and result["duplicates"]:
            self._job.log(f"all {result['duplicates']:,} lines are in the ledger already; nothing was added")
        else:
            self._job.log(
                f"{counted(result['imported'], 'line')} imported, {result['duplicates']:,} known, {result['skipped_total']:,} skipped",
                total_amount=result["total_amount"],
            )
        self._tell("Finishing", 100.0, f"{result['imported']:,} new, {result['duplicates']:,} known")
