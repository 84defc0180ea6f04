"""REPORT_GENERATION: a month, quarter or year as a PDF and a workbook."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway, connection, transaction
from core.storage.files import FileStore, StoredFile, StoreUnavailable, delete_file, save_upload
from taskcast import JobContext, Priority
from taskcast.ids import new_id
from taskcast.opening import open_aside
from workers.app import broker, file_store
from workers.arguments import checked
from workers.finance.money import money, shown
from workers.finance.periods import Period, PeriodWrong, today
from workers.finance.reports.data import CurrencyPart, ReportData, read, spending_of
from workers.finance.selection import AccountUnknown, ChosenAccount, chosen_accounts
from workers.finance.steps import Steps
from workers.scratch import scratch_folder
from workers.words import counted

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CATEGORIES = [
    {"key": "category", "label": "Category"},
    {"key": "amount", "label": "Amount", "align": "right"},
    {"key": "bookings", "label": "Bookings", "align": "right"},
]
CURRENCIES = [
    {"key": "currency", "label": "Currency"},
    {"key": "income", "label": "Came in", "align": "right"},
    {"key": "spending", "label": "Went out", "align": "right"},
    {"key": "net", "label": "Left over", "align": "right"},
    {"key": "closing", "label": "Balance at the end", "align": "right"},
    {"key": "bookings", "label": "Bookings", "align": "right"},
]
SHOWN = 100

_UPSERT = """
INSERT INTO reports (id, scope, period, first_day, last_day, job_id, pdf_file_id, xlsx_file_id, figures, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, now())
ON CONFLICT (scope, period, first_day) DO UPDATE SET last_day = excluded.last_day, job_id = excluded.job_id,
    pdf_file_id = excluded.pdf_file_id, xlsx_file_id = excluded.xlsx_file_id, figures = excluded.figures,
    updated_at = excluded.updated_at
"""


@broker.task(
    task_name="REPORT_GENERATION",
    queue="reports",
    priority=Priority.NORMAL,
    max_attempts=5,
    backoff_s=5,
    retry_on=(*DatabaseAway, DBConnectionError, StoreUnavailable),
    never_retry_on=(PeriodWrong, AccountUnknown),
    timeout_s=1800,
)
@checked
async def report_generation(
    period: str | None = None,
    kind: Literal["month", "quarter", "year"] = "month",
    accounts: list[str] | None = None,
    *,
    formats: list[Literal["pdf", "xlsx"]] | None = None,
    job: JobContext = TaskiqDepends(),
    store: FileStore = TaskiqDepends(file_store),
) -> dict[str, Any]:
    """Make a report of a period: what came in, what went out and for what, by currency.

    Args:
        period: such as 2026-11, 2026-Q4 or 2026, or `previous` for the last whole one; the one at hand if left out.
        kind: month, quarter or year, where the period does not say it.
        accounts: ids, IBANs or names of accounts; all if left out.
        formats: PDF, XLSX, or both if left out.
        job: the running job.
        store: where the files go.
    """
    at_hand = Period.containing(today(), kind)
    chosen = at_hand.moved(-1) if period == "previous" else Period.of(period) if period else at_hand
    wanted = tuple(dict.fromkeys(formats or ("pdf", "xlsx")))
    steps = Steps(job, {"Choosing": 2, "Adding up": 38, "Drawing": 30, "Calculating": 20, "Storing": 10})
    steps.tell("Choosing", 0, chosen.name)
    async with transaction("repeatable_read", readonly=True) as lent:
        own = await chosen_accounts(lent, accounts)
        data = ReportData(chosen, min(today(), chosen.last), own, [])
        async for share, what, part in read(lent, chosen, own, data.as_of):
            steps.tell("Adding up", share, what)
            await job.checkpoint()
            if part not in data.parts:
                data.parts.append(part)
    data.parts.sort(key=lambda part: (-part.count, part.currency))
    job.log(f"{sum(part.count for part in data.parts):,} bookings of {len(own)} accounts, {len(data.parts)} currencies")
    report = _Report(data, wanted, job, store, steps, scope=_scope(own, accounts))
    stored = await report.make()
    result = _result(data, stored)
    steps.end(result["summary"])
    return result


class _Report:
    """One report of one job: its files are kept under ids made of the job's, so that a second attempt replaces them."""

    def __init__(
        self, data: ReportData, formats: tuple[str, ...], job: JobContext, store: FileStore, steps: Steps, *, scope: str
    ) -> None:
        self._data, self._formats, self._job, self._store, self._steps = data, formats, job, store, steps
        self._scope, self._job_id = scope, job.id or new_id()

    async def make(self) -> dict[str, StoredFile]:
        """Write the files, keep them and the report's row; a cancel before that leaves none of them."""
        from workers.finance.reports.pdf import write_pdf
        from workers.finance.reports.workbook import write_workbook

        stored: dict[str, StoredFile] = {}
        with scratch_folder("the report") as folder:
            made: dict[str, Path] = {}
            if "pdf" in self._formats:
                self._steps.tell("Drawing", 0, "charts and tables")
                made["pdf"] = await self._written(folder / "report.pdf", write_pdf, "Drawing", 40, "page {}")
            if "xlsx" in self._formats:
                self._steps.tell("Calculating", 0, "the workbook")
                made["xlsx"] = await self._written(
                    folder / "report.xlsx", write_workbook, "Calculating", 20_000, "{:,} bookings"
                )
            try:
                for number, (ending, path) in enumerate(made.items()):
                    self._steps.tell("Storing", number / 3, path.name)
                    stored[ending] = await self._keep(ending, path)
                    await self._job.checkpoint()
                await self._add_row(stored)
            except BaseException:
                with suppress(Exception):
                    await asyncio.shield(self._forget())
                raise
        return stored

    async def _written(self, path: Path, write: Callable[..., int], step: str, expected: int, text: str) -> Path:
        """Write one file in a thread, which ends at its next page or line when the job is to stop."""
        stopped = False

        def told(count: int) -> None:
            if stopped:
                raise InterruptedError("the report is not wanted any more")
            self._steps.tell(step, count / (count + expected), text.format(count))
            self._job.raise_if_stopped()

        def make() -> None:
            with path.open("wb") as out:
                write(self._data, out, told=told)

        try:
            await asyncio.to_thread(make)
        except asyncio.CancelledError:
            stopped = True
            raise
        await self._job.checkpoint()
        return path

    async def _keep(self, ending: str, path: Path) -> StoredFile:
        opened = await open_aside(lambda: path.open("rb"))
        try:
            return await save_upload(
                self._store,
                opened,
                name=f"report-{self._data.period}.{ending}",
                content_type=PDF if ending == "pdf" else XLSX,
                job_id=self._job_id,
                file_id=self._file_id(ending),
            )
        finally:
            opened.close()

    async def _add_row(self, stored: dict[str, StoredFile]) -> None:
        period = self._data.period
        async with connection() as lent:
            await lent.execute(
                _UPSERT,
                uuid5(NAMESPACE_URL, f"report/{self._scope}/{period}"), self._scope, period.kind, period.first, period.last,
                self._job_id, *(stored[ending].id if ending in stored else None for ending in ("pdf", "xlsx")),
                json.dumps(_figures(self._data)),
            )  # fmt: skip

    async def _forget(self) -> None:
        async with connection() as lent:
            await lent.execute("DELETE FROM reports WHERE job_id = $1", self._job_id)
        for ending in self._formats:
            await delete_file(self._store, self._file_id(ending))

    def _file_id(self, ending: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"report/{self._job_id}/{ending}"))


def _scope(own: list[ChosenAccount], accounts: list[str] | None) -> str:
    if accounts is None:
        return "all"
    return hashlib.sha256("\n".join(sorted(str(account.id) for account in own)).encode()).hexdigest()[:32]


def _figures(data: ReportData) -> dict[str, Any]:
    return {
        part.currency: {
            "income": money(part.income, part.currency),
            "spending": money(part.spending, part.currency),
            "closing": money(part.closing, part.currency),
            "bookings": part.count,
        }
        for part in data.parts
    }


def _result(data: ReportData, stored: dict[str, StoredFile]) -> dict[str, Any]:
    busy = [part for part in data.parts if part.count]
    figures = []
    # The currency with most bookings is the household's own; of several, a table says more than many figures.
    for part in busy[:1]:
        net = part.income - part.spending
        figures += [
            {"label": "Came in", "value": shown(part.income, part.currency), "unit": part.currency, "tone": None},
            {"label": "Went out", "value": shown(part.spending, part.currency), "unit": part.currency, "tone": None},
            {
                "label": "Left over",
                "value": shown(net, part.currency),
                "unit": part.currency,
                "tone": "good" if net >= 0 else "bad",
            },
            {"label": "Bookings", "value": f"{part.count:,}", "unit": "", "tone": None},
        ]
    count = sum(part.count for part in data.parts)
    return {
        "summary": f"{data.period.name}: {counted(count, 'booking')} of {counted(len(data.accounts), 'account')}"
        + (f" in {counted(len(busy), 'currency', 'currencies')}" if busy else ""),
        "figures": figures,
        "tables": [*([_by_currency(busy)] if len(busy) > 1 else []), *(_table(part) for part in busy)],
        "files": [
            {"id": file.id, "name": file.name, "size_bytes": file.size_bytes, "content_type": file.content_type}
            for file in stored.values()
        ],
        "period": str(data.period),
        "currencies": _figures(data),
    }


def _by_currency(parts: list[CurrencyPart]) -> dict[str, Any]:
    rows = [
        {
            "currency": part.currency,
            "income": shown(part.income, part.currency),
            "spending": shown(part.spending, part.currency),
            "net": shown(part.income - part.spending, part.currency),
            "closing": shown(part.closing, part.currency),
            "bookings": f"{part.count:,}",
        }
        for part in parts
    ]
    return {"title": "By currency", "columns": CURRENCIES, "rows": rows[:SHOWN], "total_rows": len(rows)}


def _table(part: CurrencyPart) -> dict[str, Any]:
    spent = part.spent_by_category()
    rows = [
        {"category": each.name, "amount": shown(-spending_of(each), part.currency), "bookings": f"{each.bookings:,}"}
        for each in spent
    ]
    return {
        "title": f"Where it went, {part.currency}",
        "columns": CATEGORIES,
        "rows": rows[:SHOWN],
        "total_rows": len(rows),
    }
