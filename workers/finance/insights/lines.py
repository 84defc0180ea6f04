"""The bookings of one account as the insights look at them, and what an insight is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

KEY_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Line:
    """One booking; money that goes out is negative."""

    id: int
    booked_on: date
    amount: Decimal
    party: str
    text: str
    category: str | None

    @property
    def whom(self) -> str:
        """Who it was with, or what it says if it names nobody."""
        return self.party or self.text


@dataclass(frozen=True, slots=True)
class Insight:
    """Something found out, with its evidence: numbers and the ids of the bookings that show it.

    Attributes:
        title: what it is, said so that it stands alone.
        what: the same for a table, which has the account and the amount in columns of their own.
    """

    kind: str
    key: str
    month: date
    account_id: UUID
    title: str
    what: str
    text: str
    amount: Decimal | None
    currency: str
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        """The same for the same thing in the same month."""
        return uuid5(NAMESPACE_URL, f"insight/{self.kind}/{self.key}/{self.month}")


def key_of(account_id: UUID, *parts: object) -> str:
    """Return a key within an insight's kind; long names are cut, their hash keeps them apart."""
    text = ":".join(str(part).casefold() for part in parts)
    if len(text) > KEY_LENGTH - 37:
        text = f"{text[:48]}~{uuid5(NAMESPACE_URL, text).hex}"
    return f"{account_id}:{text}"[:KEY_LENGTH]
