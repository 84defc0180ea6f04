"""Money as text, with its currency's decimals (ISO 4217)."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from workers.finance.currencies import decimals_of

LARGEST = Decimal(10) ** 16
"""The ledger holds amounts below this; a line of a statement never is larger, but a sum may be."""


def fits(*amounts: Decimal) -> bool:
    """Tell whether the ledger can hold these amounts."""
    return all(abs(amount) < LARGEST for amount in amounts)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return the amount with its currency's decimals; halves go to the even digit."""
    return amount.quantize(Decimal(1).scaleb(-decimals_of(currency)), ROUND_HALF_EVEN)


def money(amount: Decimal, currency: str) -> str:
    """Return an amount as text with its currency's decimals, as JSON's numbers are not for money."""
    return f"{amount:.{decimals_of(currency)}f}"


def shown(amount: Decimal, currency: str) -> str:
    """Return an amount as people read it, such as `-1,204.50`."""
    return f"{rounded(amount, currency) + 0:,f}"
