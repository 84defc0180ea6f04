"""Adds up what a file's statements hold, so that their opening and closing balances can be checked against the lines."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from workers.finance.entries import AccountKey, Balances, Entry


class StatementSums:
    """The lines of the statement in hand, and the balances of those that were closed."""

    def __init__(self) -> None:
        self._lines: dict[AccountKey, tuple[int, Decimal]] = {}
        self._numbers: dict[AccountKey, int] = {}
        self._closed: list[Balances] = []

    def add(self, entry: Entry) -> None:
        """Take a line of the statement in hand."""
        lines, amount = self._lines.get(entry.account, (0, Decimal(0)))
        self._lines[entry.account] = (lines + 1, amount + entry.amount)

    def currency(self) -> str | None:
        """Return the currency of the lines of the statement in hand, if they have one in common."""
        found = {account.currency for account in self._lines}
        return found.pop() if len(found) == 1 else None

    def close(
        self,
        account: AccountKey,
        *,
        opening: Decimal | None = None,
        opening_on: date | None = None,
        closing: Decimal | None = None,
        closing_on: date | None = None,
    ) -> None:
        """End the statement in hand; one without any balance leaves no trace."""
        lines, amount = self._lines.get(account, (0, Decimal(0)))
        self._lines.clear()
        if opening is None and closing is None:
            return
        number = self._numbers[account] = self._numbers.get(account, 0) + 1
        self._closed.append(
            Balances(
                account=account,
                number=number,
                opening=opening,
                opening_on=opening_on,
                closing=closing,
                closing_on=closing_on,
                lines=lines,
                amount=amount,
            )
        )

    def all(self) -> list[Balances]:
        """Return the balances of all statements that were closed."""
        return self._closed


@dataclass(frozen=True, slots=True)
class BalanceCheck:
    """What an account's statements in one file say together; `difference` is None where a balance is not told."""

    opening: Decimal | None
    closing: Decimal | None
    difference: Decimal | None
    gap: Decimal | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether the balances and the lines agree; None where that cannot be told."""
        return None if self.difference is None else not self.difference and not self.gap


def check_balances(balances: Sequence[Balances]) -> BalanceCheck:
    """Check an account's statements, given in their order: each in itself, and each opening with what the last closed with."""
    differences = [each.difference for each in balances]
    gaps = [
        after.opening - before.closing
        for before, after in itertools.pairwise(balances)
        if after.opening is not None and before.closing is not None
    ]
    known = [difference for difference in differences if difference is not None]
    return BalanceCheck(
        opening=balances[0].opening if balances else None,
        closing=balances[-1].closing if balances else None,
        # Two errors that make up for each other are still errors: the first is shown.
        difference=next((each for each in known if each), Decimal(0))
        if known and len(known) == len(differences)
        else None,
        gap=next((gap for gap in gaps if gap), None),
    )
