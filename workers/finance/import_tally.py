"""What came of an import, counted while it runs and told at its end: for machines by account, for people as figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from workers.finance.entries import AccountKey, BadLine, Balances, Entry, Format
from workers.finance.ledger import Added
from workers.finance.money import money, shown
from workers.finance.statement_balances import BalanceCheck, check_balances

SKIPPED_SHOWN = 100
ACCOUNTS_SHOWN = 100
ACCOUNTS_TOLD = 200
SUMS_SHOWN = 6


@dataclass(slots=True)
class AccountTally:
    """One account of the file: its lines, those of them that were new, those that a statement of another format has told.

    `has_others` says that there are such statements.
    """

    id: UUID
    key: AccountKey
    lines: int = 0
    imported: int = 0
    amount: Decimal = Decimal(0)
    categorised: int = 0
    told: int = 0
    has_others: bool = False
    balances: list[Balances] = field(default_factory=list)

    def take(self, added: Added) -> None:
        """Count what was new of a batch."""
        self.imported += added.lines
        self.amount += added.amount
        self.categorised += added.categorised


class ImportTally:
    """Counts lines, days and accounts; holds the first of the lines that were skipped."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], AccountTally] = {}
        self.lines = 0
        self.skipped: list[BadLine] = []
        self.skipped_total = 0
        self.first_date: date | None = None
        self.last_date: date | None = None

    @property
    def done(self) -> int:
        """How many items of the file were gone through."""
        return self.lines + self.skipped_total

    @property
    def imported(self) -> int:
        """How many lines were new."""
        return sum(account.imported for account in self.accounts.values())

    @property
    def duplicates(self) -> int:
        """How many lines the ledger had, or the file had twice."""
        return self.lines - self.imported

    def add(self, entries: Sequence[Entry]) -> None:
        """Count entries."""
        days = [entry.booked_on for entry in entries]
        self.lines += len(entries)
        self.first_date = min(days) if self.first_date is None else min(self.first_date, *days)
        self.last_date = max(days) if self.last_date is None else max(self.last_date, *days)

    def skip(self, bad: BadLine) -> None:
        """Count a line that could not be read."""
        self.skipped_total += 1
        if len(self.skipped) < SKIPPED_SHOWN:
            self.skipped.append(bad)

    def total_amount(self) -> dict[str, str]:
        """Return the sum of the new lines by currency."""
        return {currency: money(amount, currency) for currency, amount in self._sums().items()}

    def result(self, *, file_id: str, name: str, found: Format) -> dict[str, Any]:
        """Return the job's result."""
        accounts = list(self.accounts.values())
        checks = [check_balances(account.balances) for account in accounts]
        return {
            "summary": self._summary(name, checks),
            "figures": self._figures(checks),
            "tables": self._tables(accounts, checks),
            "file": file_id,
            "imported": self.imported,
            "duplicates": self.duplicates,
            "skipped": [_skipped(bad) for bad in self.skipped],
            "skipped_total": self.skipped_total,
            "categorised": sum(account.categorised for account in accounts),
            "told_by_other_formats": sum(account.told for account in accounts),
            "total_amount": self.total_amount(),
            "accounts": [_account(account, check) for account, check in zip(accounts, checks, strict=True)],
            "first_date": self.first_date.isoformat() if self.first_date else None,
            "last_date": self.last_date.isoformat() if self.last_date else None,
            "format": found.facts(),
            "notes": found.notes,
        }

    def _sums(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for account in self.accounts.values():
            sums[account.key.currency] = sums.get(account.key.currency, Decimal(0)) + account.amount
        return dict(sorted(sums.items()))

    def _summary(self, name: str, checks: list[BalanceCheck]) -> str:
        accounts = len(checks)
        lines = "line" if self.imported == 1 else "lines"
        parts = [f"{self.imported:,} new {lines} of {name} on {accounts} {'account' if accounts == 1 else 'accounts'}"]
        if self.duplicates:
            parts.append(f"{self.duplicates:,} known before")
        if self.skipped_total:
            parts.append(f"{self.skipped_total:,} skipped")
        wrong = sum(check.agrees is False for check in checks)
        if wrong:
            parts.append("the balances differ from the lines" if accounts == 1 else f"on {wrong} the balances differ")
        elif any(check.agrees for check in checks):
            parts.append("the balances agree")
        return ", ".join(parts)

    def _figures(self, checks: list[BalanceCheck]) -> list[dict[str, Any]]:
        categorised = sum(account.categorised for account in self.accounts.values())
        wrong = sum(check.agrees is False for check in checks)
        checked = sum(check.agrees is not None for check in checks)
        figures = [
            _figure("New lines", f"{self.imported:,}", tone="good" if self.imported else None),
            _figure("Known before", f"{self.duplicates:,}"),
            _figure("Skipped", f"{self.skipped_total:,}", tone="bad" if self.skipped_total else None),
            _figure("With a category", f"{categorised:,}"),
        ]
        if checked:
            figures.append(
                _figure("Balances that agree", f"{checked - wrong} of {checked}", tone="bad" if wrong else "good")
            )
        sums = list(self._sums().items())[:SUMS_SHOWN]
        return figures + [_figure("Sum of the new lines", shown(amount, code), unit=code) for code, amount in sums]

    def _tables(self, accounts: list[AccountTally], checks: list[BalanceCheck]) -> list[dict[str, Any]]:
        rows = [
            {
                "account": account.key.name,
                "currency": account.key.currency,
                "new": f"{account.imported:,}",
                "known": f"{account.lines - account.imported:,}",
                "opening": _shown(check.opening, account.key.currency),
                "lines": shown(sum((each.amount for each in account.balances), Decimal(0)), account.key.currency)
                if account.balances
                else "",
                "closing": _shown(check.closing, account.key.currency),
                "check": verdict(check, account.key.currency),
            }
            for account, check in zip(accounts[:ACCOUNTS_SHOWN], checks[:ACCOUNTS_SHOWN], strict=True)
        ]
        tables = [
            {
                "title": "Accounts and their balances",
                "columns": [
                    {"key": "account", "label": "Account"},
                    {"key": "currency", "label": "Currency"},
                    {"key": "new", "label": "New", "align": "right"},
                    {"key": "known", "label": "Known", "align": "right"},
                    {"key": "opening", "label": "Opening", "align": "right"},
                    {"key": "lines", "label": "Lines", "align": "right"},
                    {"key": "closing", "label": "Closing", "align": "right"},
                    {"key": "check", "label": "Balances"},
                ],
                "rows": rows,
                "total_rows": len(accounts),
            }
        ]
        if self.skipped:
            tables.append(
                {
                    "title": "Skipped lines",
                    "columns": [
                        {"key": "line", "label": "Line", "align": "right"},
                        {"key": "field", "label": "Field"},
                        {"key": "reason", "label": "Why"},
                    ],
                    "rows": [_skipped(bad) for bad in self.skipped],
                    "total_rows": self.skipped_total,
                }
            )
        return tables


def for_job(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as small as a job's may be: of many accounts the first are told; the statement keeps them all."""
    return {**result, "accounts": result["accounts"][:ACCOUNTS_TOLD], "accounts_total": len(result["accounts"])}


def verdict(check: BalanceCheck, currency: str) -> str:
    """Say whether balances and lines agree."""
    if check.difference is None:
        return "not told" if check.opening is None and check.closing is None else "only one balance is told"
    if check.difference:
        return f"differs by {shown(check.difference, currency)}"
    return f"a gap of {shown(check.gap, currency)} between two statements" if check.gap else "agrees"


def _account(account: AccountTally, check: BalanceCheck) -> dict[str, Any]:
    currency = account.key.currency
    return {
        "id": str(account.id),
        "name": account.key.name,
        "identity": account.key.identity,
        "currency": currency,
        "imported": account.imported,
        "duplicates": account.lines - account.imported,
        "amount": money(account.amount, currency),
        "opening": None if check.opening is None else money(check.opening, currency),
        "closing": None if check.closing is None else money(check.closing, currency),
        "balances": verdict(check, currency),
    }


def _shown(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else shown(amount, currency)


def _skipped(bad: BadLine) -> dict[str, Any]:
    return {"line": bad.line, "field": bad.field, "reason": bad.reason}


def _figure(label: str, value: str, *, unit: str | None = None, tone: str | None = None) -> dict[str, Any]:
    return {"label": label, "value": value, "unit": unit, "tone": tone}
