"""What a reader of statements gives: entries, lines that could not be read, and the error of an unreadable file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from taskcast.errors import TaskcastError

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")


class StatementUnreadable(TaskcastError, ValueError):
    """The file is no statement that can be read."""

    code = "statement_unreadable"

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field, self.problem, self.remedy = field, problem, remedy


@dataclass(frozen=True, slots=True)
class AccountKey:
    """Which account an entry is on: an IBAN, a number or a layout's hash, with its currency."""

    identity: str
    currency: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked line of a statement; `line` counts the file's lines from 1."""

    line: int
    account: AccountKey
    booked_on: date
    valued_on: date | None
    amount: Decimal
    text: str
    counterparty: str
    counterparty_account: str
    reference: str
    bank_category: str
    balance: Decimal | None


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was skipped, the field at fault and why."""

    line: int
    field: str
    reason: str


def iban_of(text: str) -> str | None:
    """Return the IBAN that a text is, without spaces, if its check digits are right (ISO 13616)."""
    compact = "".join(text.split()).upper()
    if not _IBAN.fullmatch(compact):
        return None
    digits = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return compact if int(digits) % 97 == 1 else None
