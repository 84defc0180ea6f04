"""Reads the fields 60 to 62 and 61 of an MT940: balances and statement lines.

As SWIFT has them, but wider where banks are: references longer than 16 characters, amounts without a comma, 30 February.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from workers.finance.amounts import AmountError, read_amount
from workers.finance.dates import DateError, read_date
from workers.finance.entries import known_reference

_BALANCE = re.compile(r"([DC])([0-9]{6})([A-Za-z]{3})([0-9.,]{1,24})")
_LINE = re.compile(
    r"([0-9]{6})([0-9]{4}|\s{4})?([RE]?[DC])([A-Z])?\s?([0-9][0-9.,]{0,23})(?:([A-Z][A-Z0-9 ]{3})(.*)|(//.*))?$",
    re.IGNORECASE,
)
_LIMIT = re.compile(r"([A-Za-z]{3})[DC]?[0-9]")
_SUM = re.compile(r"[0-9]{1,5}([A-Za-z]{3})[0-9]")
_HALF_YEAR = timedelta(days=183)


class FieldError(ValueError):
    """A field that cannot be read: `part` names which part of it."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(reason)
        self.part = part


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance of the account at the end of a day."""

    on: date
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Field 61; `kind` is SWIFT's code such as `NTRF`."""

    booked_on: date
    valued_on: date
    amount: Decimal
    kind: str
    reference: str
    bank_reference: str


def read_balance(value: str) -> Balance | None:
    """Return a balance, or None if the field is none: a statement's lines are worth reading without."""
    match = _BALANCE.match(value)
    if match is None:
        return None
    currency = match[3].upper()
    try:
        amount, on = _amount(match[4], currency), _day(match[2])
    except FieldError:
        return None
    return Balance(on, currency, -amount if match[1] == "D" else amount)


def told_currency(tag: str, value: str) -> str:
    """Return the currency that a field of an MT942 names (34F: `EURD100,`, 90C: `3EUR12,50`), or nothing."""
    match = _LIMIT.match(value) if tag == "34F" else _SUM.match(value) if tag.startswith("90") else None
    return match[1].upper() if match else ""


def read_line(value: str, currency: str) -> StatementLine:
    """Return a statement line.

    Raises:
        FieldError: if its date or amount cannot be read, or if the bank only expects it.
    """
    match = _LINE.match(value)
    if match is None:
        raise FieldError("61", f"{value[:60]!r} does not begin with a date, a mark D or C and an amount")
    valued, entry, side, _, amount, kind, rest, bare = match.groups()
    side = side.upper()
    if side.startswith("E"):
        raise FieldError("61", "is expected and not booked")
    valued_on = _day(valued)
    reference, _, bank_reference = (rest or bare or "").partition("//")
    found = _amount(amount, currency)
    return StatementLine(
        booked_on=_near(valued_on, entry) if entry and entry.strip() else valued_on,
        valued_on=valued_on,
        # RC takes a credit back, RD a debit.
        amount=-found if side in {"D", "RC"} and found else found,
        kind=(kind or "").strip(),
        reference=known_reference(reference),
        bank_reference=known_reference(bank_reference),
    )


def _amount(text: str, currency: str) -> Decimal:
    mark = "," if "," in text else "."
    try:
        return read_amount(text[:-1] if text.endswith(mark) else text, mark, currency or None)
    except AmountError as error:
        raise FieldError("amount", str(error)) from None


def _day(text: str) -> date:
    """Return a day written YYMMDD; interest is valued on 30 February, which is the month's last day."""
    month, day = int(text[2:4]), int(text[4:6])
    year = int(text[:2]) + (2000 if int(text[:2]) < 70 else 1900)
    if 1 <= month <= 12 and 28 < day <= 31:
        day = min(day, calendar.monthrange(year, month)[1])
    return _date(text, year, month, day)


def _near(valued_on: date, text: str) -> date:
    """Return the entry date, written MMDD: the year is the one that brings it next to the value date."""
    month, day = int(text[:2]), int(text[2:])
    if 1 <= month <= 12 and 28 < day <= 31:
        day = min(day, calendar.monthrange(valued_on.year, month)[1])
    found = _date(text, valued_on.year, month, day)
    if found - valued_on > _HALF_YEAR:
        return _date(text, valued_on.year - 1, month, min(day, 28) if month == 2 else day)
    if valued_on - found > _HALF_YEAR:
        return _date(text, valued_on.year + 1, month, min(day, 28) if month == 2 else day)
    return found


def _date(text: str, year: int, month: int, day: int) -> date:
    try:
        return read_date(f"{year:04d}-{month:02d}-{day:02d}", "ymd")
    except DateError:
        raise FieldError("date", f"{text!r} is no day of the calendar") from None
