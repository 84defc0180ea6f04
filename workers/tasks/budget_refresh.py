"""BUDGET_REFRESH: what each budget has spent, what is left and what it comes to."""

from __future__ import annotations

from typing import Any

from taskiq import TaskiqDepends
from tortoise.exceptions import DBConnectionError

from core.storage.connection import DatabaseAway, transaction
from taskcast import JobContext, Priority
from workers.app import broker
from workers.arguments import checked
from workers.finance import ledger
from workers.finance.budgets import BudgetTooLarge, BudgetUnknown, Refreshed, budgets_of, refresh
from workers.finance.money import money, shown
from workers.finance.notices import Notice, add_notices, people
from workers.finance.periods import Period, PeriodWrong, today
from workers.finance.steps import Steps
from workers.words import counted

COLUMNS = [
    {"key": "category", "label": "Category"},
    {"key": "period", "label": "Period"},
    {"key": "allotted", "label": "Budget", "align": "right"},
    {"key": "carried", "label": "Carried over", "align": "right"},
    {"key": "spent", "label": "Spent", "align": "right"},
    {"key": "left", "label": "Left", "align": "right"},
    {"key": "projected", "label": "By the end", "align": "right"},
    {"key": "state", "label": "State"},
]
STATES = {"good": "on track", "tight": "will be overspent", "over": "overspent"}


@broker.task(
    task_name="BUDGET_REFRESH",
    queue="books",
    priority=Priority.NORMAL,
    max_attempts=5,
    backoff_s=2,
    retry_on=(*DatabaseAway, DBConnectionError),
    never_retry_on=(PeriodWrong, BudgetUnknown),
    timeout_s=900,
)
@checked
async def budget_refresh(
    month: str | None = None,
    budgets: list[str] | None = None,
    job: JobContext = TaskiqDepends(),
) -> dict[str, Any]:
    """Refresh the budgets: spent, left and projected, with what earlier periods carry over.

    Args:
        month: such as 2026-11; budgets of quarters and years are refreshed for the one that holds it. This month if left out.
        budgets: ids of budgets or keys of their categories; all that are in force if left out.
        job: the running job.
    """
    chosen = Period.of_month(month, today())
    steps = Steps(job, {"Finding": 5, "Refreshing": 90, "Telling": 5})
    steps.tell("Finding", 0, chosen.name)
    refreshed: list[Refreshed] = []
    # One transaction: a reader sees the budgets before this refresh or after it, and a cancel leaves none half-way.
    async with transaction() as connection:
        await ledger.begin(connection)
        await ledger.wait_for_lock(connection, "budgets", job)
        found = await budgets_of(connection, chosen, budgets)
        job.log(f"{counted(len(found), 'budget is', 'budgets are')} in force in {chosen.name}")
        for number, budget in enumerate(found):
            steps.tell("Refreshing", number / len(found), f"{budget.category}, {budget.currency}")
            await job.checkpoint()
            try:
                line = await refresh(connection, budget, chosen, today())
            except BudgetTooLarge as error:
                # The others are right all the same.
                job.log(str(error), "ERROR", budget=str(budget.id))
                continue
            refreshed.append(line)
            if line.state == "over":
                job.log(
                    f"{budget.category}: {shown(-line.available, budget.currency)} {budget.currency} over in {line.period.name}",
                    "WARNING",
                    budget=str(budget.id),
                )
        steps.tell("Telling", 0, "notices for those who overspent")
        told = await add_notices(connection, await _notices(connection, refreshed))
        await job.checkpoint()
    result = _result(chosen, refreshed, told)
    steps.end(result["summary"])
    return result


def _overspent(line: Refreshed) -> str:
    """Say how far a budget is overspent; one that earlier periods have used up had nothing left to spend."""
    currency, had = line.budget.currency, line.allotted + line.carried
    if had >= 0:
        return f"{shown(line.spent, currency)} of {shown(had, currency)} {currency} were spent."
    return (
        f"{shown(line.spent, currency)} {currency} were spent, and {shown(-line.carried, currency)} {currency} too much "
        f"before; {shown(line.allotted, currency)} {currency} are meant for {line.period.name}."
    )


async def _notices(connection: Any, refreshed: list[Refreshed]) -> list[Notice]:
    everybody = await people(connection)
    return [
        Notice(
            user_id=person,
            kind="budget",
            key=f"{line.budget.id}:{line.period.first}",
            title=f"{line.budget.category} is over budget in {line.period.name}",
            text=_overspent(line),
        )
        for line in refreshed
        if line.state == "over"
        for person in ([line.budget.user_id] if line.budget.user_id else everybody)
    ]


def _result(month: Period, refreshed: list[Refreshed], told: int) -> dict[str, Any]:
    over = [line for line in refreshed if line.state == "over"]
    tight = [line for line in refreshed if line.state == "tight"]
    tables = []
    for currency in sorted({line.budget.currency for line in refreshed}):
        rows = [_row(line) for line in refreshed if line.budget.currency == currency]
        tables.append(
            {"title": f"Budgets in {currency}", "columns": COLUMNS, "rows": rows[:100], "total_rows": len(rows)}
        )
    summary = (
        f"{counted(len(refreshed), 'budget')} refreshed for {month.name}; {len(over)} overspent, {len(tight)} will be"
    )
    return {
        "summary": summary if refreshed else f"no budget is in force in {month.name}; make one first",
        "figures": [
            {"label": "Budgets", "value": f"{len(refreshed):,}", "unit": "", "tone": None},
            {"label": "Overspent", "value": f"{len(over):,}", "unit": "", "tone": "bad" if over else "good"},
            {"label": "Will be overspent", "value": f"{len(tight):,}", "unit": "", "tone": "bad" if tight else "good"},
        ],
        "tables": tables,
        "month": str(month),
        "budgets": [
            {
                "id": str(line.budget.id),
                "category": line.budget.category_key,
                "currency": line.budget.currency,
                "period": str(line.period),
                "spent": money(line.spent, line.budget.currency),
                "left": money(line.available, line.budget.currency),
                "projected": money(line.projected, line.budget.currency),
                "state": line.state,
            }
            for line in refreshed
        ],
        "notices": told,
    }


def _row(line: Refreshed) -> dict[str, str]:
    currency = line.budget.currency
    return {
        "category": line.budget.category,
        "period": line.period.name,
        "allotted": shown(line.allotted, currency),
        "carried": shown(line.carried, currency),
        "spent": shown(line.spent, currency),
        "left": shown(line.available, currency),
        "projected": shown(line.projected, currency),
        "state": STATES[line.state],
    }
