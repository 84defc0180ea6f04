"""The sample statements: number N is the same bytes on every machine, and begins with the last lines of number N - 7."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

from taskcast.states import Priority
from workers.household.bookings import Booking
from workers.household.dialects import DIALECTS
from workers.household.formats import ENDINGS, FORMATS, spoilt
from workers.household.people import ACCOUNTS, HABITS, INCOME, SampleAccount

FIRST_DAY = date(2024, 1, 1)
DAYS = 730
OVERLAP_LINES = 5


class Kind(StrEnum):
    """What happens to a statement on its way."""

    USUAL = "usual"
    LARGE = "large"
    FLAWED = "flawed"  # a few of its lines cannot be read
    REPEATED = "repeated"  # the bank delivers the one before once more
    BROKEN = "broken"  # no statement at all


@dataclass(frozen=True, slots=True)
class SampleStatement:
    """A file as a bank delivers it, how fast its line is, and how urgent its owner finds it."""

    number: int
    kind: Kind
    account: SampleAccount
    name: str
    contents: bytes
    lines: int
    lines_per_s: float
    priority: Priority


class SampleStatements:
    """Makes statements from a seed; nothing is stored, so that any number can be made again."""

    def __init__(self, seed: int = 20240101) -> None:
        self._seed = seed

    def statement(self, number: int) -> SampleStatement:
        """Return the statement of this number."""
        kind = _kind(number)
        if kind is Kind.REPEATED:
            before = self.statement(number - len(ACCOUNTS))
            return SampleStatement(
                number, kind, before.account, before.name, before.contents, before.lines, 40.0, Priority.NORMAL
            )
        account = ACCOUNTS[number % len(ACCOUNTS)]
        rng = Random(f"{self._seed}:{number}:delivery")
        bookings = self.bookings(number)
        written = _format(number, account)
        contents = (FORMATS | DIALECTS)[written](account, bookings)
        if kind is Kind.FLAWED:
            contents = spoilt(contents, written, rng) if written in FORMATS else _flawed(contents, written, rng)
        elif kind is Kind.BROKEN:
            contents = _BROKEN[number // 3 % len(_BROKEN)]
        ending = "pdf" if contents.startswith(b"%PDF") else ENDINGS.get(written, "csv")
        pace = rng.uniform(35, 70) if kind is Kind.LARGE else rng.uniform(15, 45)
        return SampleStatement(
            number,
            kind,
            account,
            f"{account.bank.lower().replace(' ', '-')}-{account.key}-{number}.{ending}",
            contents,
            len(bookings),
            round(pace, 1),
            _priority(kind, rng),
        )

    def bookings(self, number: int) -> list[Booking]:
        """Return the bookings of a statement: the last of the one before on its account, then new ones."""
        new = self._new_bookings(number)
        balance = new[0].balance - new[0].amount
        before = []
        for booking in reversed(self._new_bookings(number - len(ACCOUNTS))[-OVERLAP_LINES:]):
            before.append(replace(booking, balance=balance))
            balance -= booking.amount
        return [*reversed(before), *new]

    def _new_bookings(self, number: int) -> list[Booking]:
        account = ACCOUNTS[number % len(ACCOUNTS)]
        rng = Random(f"{self._seed}:{number}:bookings")
        count = rng.randint(1200, 2400) if _kind(number) is Kind.LARGE else rng.randint(40, 220)
        first = FIRST_DAY + timedelta(days=number // len(ACCOUNTS) % DAYS)
        balance = account.opening + Decimal(rng.randint(-50_000, 200_000)) / 100
        bookings = []
        habits, weights = (*HABITS, *INCOME), [habit.weight for habit in (*HABITS, *INCOME)]
        for i in range(count):
            habit = rng.choices(habits, weights)[0]
            cents = rng.randint(int(habit.least * 100), int(habit.most * 100))
            amount = Decimal(cents if habit in INCOME else -cents) / 100
            balance += amount
            day = first + timedelta(days=i * 14 // count)
            reference = f"R{number % 100_000:05d}{i:04d}"
            bookings.append(Booking(day, amount, habit.text, habit.counterparty, reference, balance))
        return bookings


def _format(number: int, account: SampleAccount) -> str:
    return account.also if account.also and number // len(ACCOUNTS) % 2 else account.dialect


def _kind(number: int) -> Kind:
    if number % 43 == 11:
        return Kind.BROKEN
    if number % 13 == 5:
        return Kind.LARGE
    if number % 9 == 4:
        return Kind.FLAWED
    if number % 17 == 8 and _kind(number - len(ACCOUNTS)) is Kind.USUAL:
        return Kind.REPEATED
    return Kind.USUAL


def _priority(kind: Kind, rng: Random) -> Priority:
    if kind is Kind.LARGE:
        return Priority.LOW
    return rng.choices((Priority.NORMAL, Priority.HIGH, Priority.CRITICAL), (6, 3, 1))[0]


def _flawed(contents: bytes, dialect: str, rng: Random) -> bytes:
    """Spoil about one line in thirty as real files are spoilt: a day that is none, a lost column, an amount in words."""
    encoding = "utf-16" if dialect == "swiss" else "latin-1"
    lines = contents.decode(encoding).split("\r\n")
    for at in rng.sample(range(6, max(7, len(lines) - 3)), max(1, len(lines) // 30)):
        if not any(character.isdigit() for character in lines[at][:10]):
            continue
        lines[at] = rng.choice(
            (lines[at][: len(lines[at]) // 3], f"99{lines[at][2:]}", lines[at].replace(lines[at][:10], "unknown", 1))
        )
    return "\r\n".join(lines).encode(encoding)


_BROKEN = (
    b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    b"",
    b"<!DOCTYPE html><html><body>Your session has ended. Please sign in again.</body></html>",
    b"Name,Phone\r\nJohn,555-0100\r\nJane,555-0101\r\n",
)
