"""What the sample banks write down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of a sample statement; `balance` is what the account holds after it."""

    day: date
    amount: Decimal
    text: str
    counterparty: str
    reference: str
    balance: Decimal
