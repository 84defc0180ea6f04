"""What a reader of statements gives: entries, lines that could not be read, and the error of an unreadable file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from taskcast.errors import TaskcastError

MAX_TEXT = 2000
DEFAULT_CURRENCY = "EUR"

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_GERMAN = re.compile(r"([1-8][0-9]{7})/([0-9]{1,10})")
_NO_REFERENCE = frozenset({"", "NONREF", "NOTPROVIDED", "NOT PROVIDED", "KREF+", "EREF"})


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
    """One booked line of a statement; `line` counts the file's lines from 1.

    `bank_id` is the bank's own name of the booking, `statement` counts the statements of a file that may hold several.
    """

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
    bank_id: str = ""
    statement: int = 0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was skipped, the field at fault and why."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """What a statement says an account held before and after its lines, and what the lines that were read add up to.

    `number` counts the statements of the account within the file, from 1.
    """

    account: AccountKey
    number: int
    opening: Decimal | None = None
    opening_on: date | None = None
    closing: Decimal | None = None
    closing_on: date | None = None
    lines: int = 0
    amount: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal | None:
        """By how much the closing balance is more than the opening one and the lines; None if one of the two is not told."""
        if self.opening is None or self.closing is None:
            return None
        return self.closing - self.opening - self.amount


@dataclass(slots=True, kw_only=True)
class Format:
    """How a file is written, as the detection found it; `notes` say what was guessed."""

    name: str
    encoding: str
    notes: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, object]:
        """Return what a person may want to check, as JSON."""
        return {"name": self.name, "encoding": self.encoding}

    def sentence(self) -> str:
        """Say it."""
        return f"the file is {self.name} in {self.encoding}"


class StatementReader(Protocol):
    """One file; `scan`, `detect` and `lines` are called in this order, each to its end, and `balances` at last."""

    @property
    def format(self) -> Format | None:
        """How the file is written; None before `detect` has ended."""
        ...

    @property
    def expected(self) -> int:
        """About how many items `lines` gives, known when `detect` has ended; before, how many steps `detect` takes."""
        ...

    def scan(self) -> Iterator[int]:
        """Look at the bytes, yielding how many were read."""
        ...

    def detect(self) -> Iterator[int]:
        """Decide how the file is written, yielding how far it is, of `expected`."""
        ...

    def lines(self) -> Iterator[Entry | BadLine]:
        """Yield what is booked, and what could not be read."""
        ...

    def balances(self) -> list[Balances]:
        """Return the balances of each statement in the file, each account's in their order."""
        ...


def clean(text: str) -> str:
    """Return a text in one line: PostgreSQL stores no NUL, and the bank's line breaks are not the payer's words."""
    return " ".join(text.replace("\x00", "").split())[:MAX_TEXT]


def known_reference(text: str) -> str:
    """Return a reference, or nothing where a bank only says that there is none."""
    found = clean(text)
    return "" if found.upper() in _NO_REFERENCE else found


def account_key(written: str, currency: str, name: str = "") -> AccountKey:
    """Return the account that a bank writes so: an IBAN without spaces, any other number as it is.

    A German bank code and number, `37040044/0532013000` in euros, is the IBAN made of them, so that a bank's MT940 and CSV
    are of one account.
    """
    identity = iban_of(written) or clean(written)
    if currency == "EUR" and (match := _GERMAN.fullmatch(identity)):
        return AccountKey(_german_iban(*match.groups()), currency, (clean(name) or identity)[:255])
    return AccountKey(identity[:128], currency, (clean(name) or identity)[:255])


def _german_iban(bank: str, number: str) -> str:
    account = bank + number.zfill(10)
    # ISO 13616: DE00 behind the account, its letters as 13 and 14; the check digits make the whole 1 modulo 97.
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def iban_of(text: str) -> str | None:
    """Return the IBAN that a text is, without spaces, if its check digits are right (ISO 13616)."""
    compact = "".join(text.split()).upper()
    if not _IBAN.fullmatch(compact):
        return None
    digits = "".join(str(int(character, 36)) for character in compact[4:] + compact[:4])
    return compact if int(digits) % 97 == 1 else None
