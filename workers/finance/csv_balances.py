"""The balances of a statement whose lines bear the balance after them: what the account held before the first and after the last."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from workers.finance.entries import AccountKey, Balances, Entry


@dataclass(slots=True)
class _Run:
    first: Entry
    last: Entry
    lines: int = 0
    amount: Decimal = Decimal(0)


class RunningBalances:
    """Follows the lines of a file by account; it holds the first and the last of each."""

    def __init__(self) -> None:
        self._runs: dict[AccountKey, _Run] = {}
        self._without: set[AccountKey] = set()

    def add(self, entry: Entry) -> None:
        """Take the next line of the file."""
        run = self._runs.get(entry.account)
        if run is None:
            run = self._runs[entry.account] = _Run(entry, entry)
        run.last = entry
        run.lines += 1
        run.amount += entry.amount

    def all(self) -> list[Balances]:
        """Return the balances of the accounts whose first and last lines bear one."""
        return [found for account, run in self._runs.items() if (found := _balances(account, run)) is not None]


def _balances(account: AccountKey, run: _Run) -> Balances | None:
    upwards, downwards = _between(account, run, run.first, run.last), _between(account, run, run.last, run.first)
    if upwards is None or downwards is None:
        return None
    if run.first.booked_on != run.last.booked_on:
        return upwards if run.first.booked_on < run.last.booked_on else downwards
    # Within one day only the balances themselves tell whether the newest line is the first or the last.
    return downwards if upwards.difference and not downwards.difference else upwards


def _between(account: AccountKey, run: _Run, oldest: Entry, newest: Entry) -> Balances | None:
    if oldest.balance is None or newest.balance is None:
        return None
    return Balances(
        account=account,
        number=1,
        opening=oldest.balance - oldest.amount,
        opening_on=oldest.booked_on,
        closing=newest.balance,
        closing_on=newest.booked_on,
        lines=run.lines,
        amount=run.amount,
    )
