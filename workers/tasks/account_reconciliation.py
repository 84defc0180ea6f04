"""ACCOUNT_RECONCILIATION: a bank's statements against the ledger, differences explained, balances proven."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field
from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway, transaction
from core.storage.files import FileNotStored, FileStore, StoreUnavailable
from taskcast import JobContext, Priority
from workers.app import broker, file_store
from workers.arguments import checked
from workers.finance import ledger
from workers.finance.entries import StatementUnreadable
from workers.finance.money import money, shown
from workers.finance.periods import Period, PeriodWrong
from workers.finance.reconciling import SPLIT_DAYS, WINDOW_DAYS, Difference, Matched, Side, match
from workers.finance.selection import AccountUnknown, chosen_accounts
from workers.finance.statement_lines import (
    StatementLines,
    StatementOfAccount,
    StatementUnknown,
    bookings_of,
    lines_of,
    own_lines,
    statements_of,
)
from workers.finance.steps import Steps
from workers.words import counted

SHOWN = 100
READS_S = 600
"""So long it may read and match one statement without asking the database anything."""
PROOFS = [
    {"key": "account", "label": "Account"},
    {"key": "statement", "label": "Statement"},
    {"key": "opening", "label": "Opening", "align": "right"},
    {"key": "lines", "label": "Lines", "align": "right"},
    {"key": "closing", "label": "Closing", "align": "right"},
    {"key": "proof", "label": "Proof"},
]
MATCHES = [
    {"key": "account", "label": "Account"},
    {"key": "exact", "label": "Exact", "align": "right"},
    {"key": "near", "label": "Days apart", "align": "right"},
    {"key": "split", "label": "One to many", "align": "right"},
    {"key": "missing", "label": "Not in the ledger", "align": "right"},
    {"key": "surplus", "label": "Not on the statement", "align": "right"},
    {"key": "elsewhere", "label": "On other statements", "align": "right"},
]
DIFFERENCES = [
    {"key": "account", "label": "Account"},
    {"key": "on", "label": "Day"},
    {"key": "amount", "label": "Amount", "align": "right"},
    {"key": "what", "label": "What"},
    {"key": "where", "label": "Found"},
    {"key": "explanation", "label": "Explanation"},
]

_UPSERT = """
INSERT INTO reconciliations (id, statement_id, account_id, first_day, last_day, exact, near, split, missing, surplus, proven,
                             result, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb, now())
ON CONFLICT (statement_id, account_id) DO UPDATE SET first_day = excluded.first_day, last_day = excluded.last_day,
    exact = excluded.exact, near = excluded.near, split = excluded.split, missing = excluded.missing,
    surplus = excluded.surplus, proven = excluded.proven, result = excluded.result, updated_at = excluded.updated_at
"""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A statement's account, set against the ledger."""

    statement: StatementOfAccount
    matched: Matched
    amount: Decimal
    lines: int
    ledger: Decimal

    @property
    def proven(self) -> bool | None:
        """Whether opening, lines and closing agree; None if the file has no balances."""
        statement = self.statement
        if statement.opening is None or statement.closing is None:
            return None
        return statement.opening + self.amount == statement.closing

    @property
    def proof(self) -> str:
        """The proof in words."""
        statement, currency = self.statement, self.statement.account.currency
        if statement.opening is None or statement.closing is None:
            return "the file says no balances"
        if not self.proven:
            by = statement.closing - statement.opening - self.amount
            return f"differs by {shown(by, currency)}: lines are missing in the file, or changed"
        if statement.previous_closing is not None and statement.previous_closing != statement.opening:
            by = statement.opening - statement.previous_closing
            return f"agrees, but the statement before closed {shown(-by, currency)} apart"
        return "agrees"


@broker.task(
    task_name="ACCOUNT_RECONCILIATION",
    queue="books",
    priority=Priority.NORMAL,
    max_attempts=5,
    backoff_s=5,
    retry_on=(*DatabaseAway, DBConnectionError, StoreUnavailable),
    never_retry_on=(PeriodWrong, AccountUnknown, StatementUnknown, FileNotStored),
    timeout_s=1800,
)
@checked
async def account_reconciliation(
    accounts: list[str] | None = None,
    month: str | None = None,
    statement: str | None = None,
    *,
    window_days: Annotated[int, Field(ge=0, le=30)] = WINDOW_DAYS,
    job: JobContext = TaskiqDepends(),
    store: FileStore = TaskiqDepends(file_store),
) -> dict[str, Any]:
    """Set statements against the ledger and explain each difference.

    Args:
        accounts: ids, IBANs or names of accounts; all if left out.
        month: such as 2026-11, for all statements of it; the newest of each account if left out.
        statement: id of one statement, or of its file.
        window_days: how many days apart the bank and the ledger may book the same amount.
        job: the running job.
        store: where the statements' files lie.
    """
    chosen = Period.of(month, field="month") if month else None
    steps = Steps(job, {"Finding": 5, "Matching": 90, "Keeping": 5})
    steps.tell("Finding", 0, "statements")
    done: list[Reconciled] = []
    gone: list[str] = []
    async with transaction() as connection:
        await ledger.begin(connection, idle_timeout_s=READS_S)
        await ledger.wait_for_lock(connection, "reconciliations", job)
        wanted = await chosen_accounts(connection, accounts)
        found = await statements_of(connection, wanted, statement=statement, month=chosen)
        job.log(f"{counted(len(found), 'statement')} of {counted(len(wanted), 'account')} set against the ledger")
        # The accounts of one file after each other, so that it is read once, however many it has.
        read: tuple[UUID, StatementLines] | None = None
        for number, each in enumerate(sorted(found, key=lambda each: each.file_id)):
            where = f"{each.account.name}, {each.name}"
            steps.tell("Matching", number / len(found), f"reads {where}")
            await job.checkpoint()
            if read is None or read[0] != each.id:
                try:
                    read = each.id, await lines_of(store, each)
                except (FileNotStored, StatementUnreadable) as error:
                    if statement is not None:
                        raise
                    job.log(f"{where}: {error}", "WARNING")
                    gone.append(where)
                    continue
            entries = own_lines(read[1], each)
            steps.tell("Matching", (number + 0.5) / len(found), f"matches {where}, {len(entries):,} lines")
            await job.checkpoint()
            reconciled = await _reconciled(connection, each, entries, window_days, job)
            done.append(reconciled)
            _say(job, reconciled)
        order = {(each.id, each.account.id): number for number, each in enumerate(found)}
        done.sort(key=lambda each: order[each.statement.id, each.statement.account.id])
        steps.tell("Keeping", 0, f"{len(done)} reconciliations")
        for reconciled in done:
            await _keep(connection, reconciled)
        await job.checkpoint()
    result = _result(done, gone)
    steps.end(result["summary"])
    return result


async def _reconciled(
    connection: Any, each: StatementOfAccount, entries: list[Any], window_days: int, job: JobContext
) -> Reconciled:
    days = [entry.booked_on for entry in entries] or [each.first_date or date.min]
    first = min(*days, each.first_date or days[0])
    last = max(*days, each.last_date or days[0])
    around = timedelta(days=max(window_days, SPLIT_DAYS))
    bookings = await bookings_of(connection, each, first - around, last + around)
    lines = [
        Side(number, entry.booked_on, entry.amount, entry.counterparty, entry.text)
        for number, entry in enumerate(entries)
    ]
    # In a thread, which looks now and then whether the job is still wanted.
    matched = await asyncio.to_thread(
        match, lines, bookings, first=first, last=last, window_days=window_days, pause=job.raise_if_stopped
    )
    return Reconciled(
        each,
        matched,
        sum((line.amount for line in lines), Decimal(0)),
        len(lines),
        sum((booking.amount for booking in bookings if first <= booking.on <= last), Decimal(0)),
    )


def _say(job: JobContext, done: Reconciled) -> None:
    matched = done.matched
    differences = len(matched.missing) + len(matched.surplus)
    job.log(
        f"{done.statement.account.name}, {done.statement.name}: {len(matched.exact)} exact, {len(matched.near)} days apart, "
        f"{len(matched.split)} one to many, {counted(differences, 'difference')}; {done.proof}",
        "WARNING" if differences or done.proven is False else "INFO",
        statement=str(done.statement.id),
    )


async def _keep(connection: Any, done: Reconciled) -> None:
    each, matched = done.statement, done.matched
    await connection.execute(
        _UPSERT,
        uuid5(NAMESPACE_URL, f"reconciliation/{each.id}/{each.account.id}"), each.id, each.account.id, each.first_date,
        each.last_date, len(matched.exact), len(matched.near), len(matched.split), len(matched.missing),
        len(matched.surplus), done.proven,
        json.dumps({"proof": done.proof, "differences": _differences(done)[:SHOWN]}),
    )  # fmt: skip


def _differences(done: Reconciled) -> list[dict[str, str]]:
    def row(difference: Difference, where: str) -> dict[str, str]:
        side = difference.side
        return {
            "account": done.statement.account.name,
            "on": side.on.isoformat(),
            "amount": shown(side.amount, done.statement.account.currency),
            "what": side.shown,
            "where": where,
            "explanation": difference.explanation,
        }

    return [row(difference, "on the statement only") for difference in done.matched.missing] + [
        row(difference, "in the ledger only") for difference in done.matched.surplus
    ]


def _result(done: list[Reconciled], gone: list[str]) -> dict[str, Any]:
    proofs = [
        {
            "account": each.statement.account.name,
            "statement": each.statement.name,
            "opening": _balance(each.statement.opening, each),
            "lines": shown(each.amount, each.statement.account.currency),
            "closing": _balance(each.statement.closing, each),
            "proof": each.proof,
        }
        for each in done
    ]
    matches = [
        {
            "account": each.statement.account.name,
            "exact": f"{len(each.matched.exact):,}",
            "near": f"{len(each.matched.near):,}",
            "split": f"{len(each.matched.split):,}",
            "missing": f"{len(each.matched.missing):,}",
            "surplus": f"{len(each.matched.surplus):,}",
            "elsewhere": f"{len(each.matched.elsewhere):,}",
        }
        for each in done
    ]
    differences = [row for each in done for row in _differences(each)]
    unproven = [each for each in done if each.proven is False]
    lines = sum(each.lines for each in done)
    summary = (
        f"{counted(len(done), 'statement')} with {counted(lines, 'line')}: {counted(len(differences), 'difference')}, "
        + (f"{len(unproven):,} of the balances differ" if unproven else "no balance differs")
        if done
        else "there is no statement to reconcile; import one first"
    )
    return {
        "summary": summary,
        "figures": [
            {"label": "Statements", "value": f"{len(done):,}", "unit": "", "tone": None},
            {"label": "Lines", "value": f"{lines:,}", "unit": "", "tone": None},
            {
                "label": "Differences",
                "value": f"{len(differences):,}",
                "unit": "",
                "tone": "bad" if differences else "good",
            },
            {
                "label": "Balances that differ",
                "value": f"{len(unproven):,}",
                "unit": "",
                "tone": "bad" if unproven else "good",
            },
        ],
        "tables": [
            {"title": "Balance proof", "columns": PROOFS, "rows": proofs[:SHOWN], "total_rows": len(proofs)},
            {"title": "Matches", "columns": MATCHES, "rows": matches[:SHOWN], "total_rows": len(matches)},
            {
                "title": "Differences",
                "columns": DIFFERENCES,
                "rows": differences[:SHOWN],
                "total_rows": len(differences),
            },
        ],
        "reconciliations": [
            {
                "statement": str(each.statement.id),
                "account": str(each.statement.account.id),
                "proven": each.proven,
                "statement_total": money(each.amount, each.statement.account.currency),
                "ledger_total": money(each.ledger, each.statement.account.currency),
                "missing": len(each.matched.missing),
                "surplus": len(each.matched.surplus),
            }
            for each in done
        ],
        "unreadable": gone,
    }


def _balance(amount: Decimal | None, each: Reconciled) -> str:
    return "" if amount is None else shown(amount, each.statement.account.currency)
