"""INSIGHTS_GENERATION: recurring payments, price rises, unusual amounts and the month's end, each with its evidence."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway, transaction
from taskcast import JobContext, Priority
from workers.app import broker
from workers.arguments import checked
from workers.finance import ledger
from workers.finance.insights.generation import balance_of, find, keep, load_lines, notices_of
from workers.finance.insights.lines import Insight
from workers.finance.money import shown
from workers.finance.notices import add_notices
from workers.finance.periods import Period, PeriodWrong, today
from workers.finance.selection import AccountUnknown, chosen_accounts
from workers.finance.steps import Steps
from workers.words import counted

TABLES = {
    "forecast": "Month's end",
    "unusual": "Unusual amounts",
    "price_rise": "Price rises",
    "recurring": "Recurring payments",
}
COLUMNS = [
    {"key": "account", "label": "Account"},
    {"key": "what", "label": "What"},
    {"key": "amount", "label": "Amount", "align": "right"},
    {"key": "currency", "label": "Currency"},
    {"key": "text", "label": "Why"},
]
SHOWN = 100
THINKS_S = 600
"""So long it may look at one account's bookings, more than anybody has, without asking the database anything."""


@broker.task(
    task_name="INSIGHTS_GENERATION",
    queue="books",
    priority=Priority.LOW,
    max_attempts=5,
    backoff_s=5,
    retry_on=(*DatabaseAway, DBConnectionError),
    never_retry_on=(PeriodWrong, AccountUnknown),
    timeout_s=1800,
)
@checked
async def insights_generation(
    month: str | None = None,
    accounts: list[str] | None = None,
    job: JobContext = TaskiqDepends(),
) -> dict[str, Any]:
    """Find what is worth knowing about the money of a month.

    Args:
        month: such as 2026-11; this month if left out.
        accounts: ids, IBANs or names of accounts; all if left out.
        job: the running job.
    """
    chosen = Period.of_month(month, today())
    as_of = min(today(), chosen.last)
    steps = Steps(job, {"Choosing": 4, "Looking": 92, "Telling": 4})
    steps.tell("Choosing", 0, chosen.name)
    found: list[tuple[str, Insight]] = []
    # One transaction: what was found before goes and what is found now comes at one moment, and a cancel changes nothing.
    async with transaction() as connection:
        await ledger.begin(connection, idle_timeout_s=THINKS_S)
        await ledger.wait_for_lock(connection, "insights", job)
        wanted = await chosen_accounts(connection, accounts)
        told = 0
        for number, account in enumerate(wanted):
            for part, doing in enumerate(("reads", "compares", "keeps")):
                steps.tell("Looking", (number + part / 3) / len(wanted), f"{doing} {account.name}, {account.currency}")
                await job.checkpoint()
                if part == 0:
                    lines = await load_lines(connection, account, chosen)
                    balance = await balance_of(connection, account, as_of)
                elif part == 1:
                    insights = await asyncio.to_thread(find, account, lines, chosen, as_of, balance)
                else:
                    await keep(connection, account, chosen, insights)
                    told += await add_notices(connection, notices_of(account, insights))
            found += [(account.name, insight) for insight in insights]
            job.log(
                f"{account.name}: {counted(len(insights), 'insight')} from {counted(len(lines), 'booking')}",
                account=str(account.id),
                kinds=dict(Counter(insight.kind for insight in insights)),
            )
        steps.tell("Telling", 0, counted(told, "new notice"))
        await job.checkpoint()
    result = _result(chosen, len(wanted), found, told)
    steps.end(result["summary"])
    return result


def _result(month: Period, accounts: int, found: list[tuple[str, Insight]], told: int) -> dict[str, Any]:
    kinds = Counter(insight.kind for _, insight in found)
    tables = []
    for kind, title in TABLES.items():
        rows = [
            {
                "account": account,
                "what": each.what,
                "amount": shown(each.amount, each.currency) if each.amount is not None else "",
                "currency": each.currency,
                "text": each.text,
            }
            for account, each in found
            if each.kind == kind
        ]
        if rows:
            tables.append({"title": title, "columns": COLUMNS, "rows": rows[:SHOWN], "total_rows": len(rows)})
    return {
        "summary": f"{counted(len(found), 'insight')} for {month.name} on {counted(accounts, 'account')}, "
        + (f"{told:,} new to somebody" if told else "none of them new"),
        "figures": [
            {"label": "Recurring", "value": f"{kinds['recurring']:,}", "unit": "", "tone": None},
            {
                "label": "Price rises",
                "value": f"{kinds['price_rise']:,}",
                "unit": "",
                "tone": "bad" if kinds["price_rise"] else "good",
            },
            {
                "label": "Unusual amounts",
                "value": f"{kinds['unusual']:,}",
                "unit": "",
                "tone": "bad" if kinds["unusual"] else "good",
            },
            {"label": "Forecasts", "value": f"{kinds['forecast']:,}", "unit": "", "tone": None},
        ],
        "tables": tables,
        "month": str(month),
        "accounts": accounts,
        "insights": dict(kinds),
        "notices": told,
    }
