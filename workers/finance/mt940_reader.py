"""Reads MT940 (end-of-day statements) and MT942 (those of the day), as SWIFT defines them and as banks write them.

The `mt-940` package refuses a whole file for one line it does not know, and reads no line numbers; here each line stands for
itself. Fields, lines and details are in the modules `mt940_*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from workers.finance.currencies import CODES, known_code
from workers.finance.entries import (
    DEFAULT_CURRENCY,
    AccountKey,
    BadLine,
    Balances,
    Entry,
    Format,
    StatementUnreadable,
    account_key,
    clean,
    iban_of,
)
from workers.finance.mt940_details import read_details
from workers.finance.mt940_fields import MAX_FIELD_LINES, Field, fields
from workers.finance.mt940_lines import Balance, FieldError, StatementLine, read_balance, read_line, told_currency
from workers.finance.statement_balances import StatementSums
from workers.finance.statement_text import StatementText, known_currency

STEP = 500
_DOWNLOAD = "download the statement again"
_ACCOUNT = frozenset({"25", "25P"})
_OPENING, _CLOSING = frozenset({"60", "60F", "60M"}), frozenset({"62", "62F", "62M"})
_BEGUN = re.compile(r"[0-9]{6,10}[A-Z]{0,3}")
_ACCOUNT_AND_CURRENCY = re.compile(r"([A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}?|[0-9A-Z]+/[0-9]{5,}|[0-9]{5,})(\s?)([A-Z]{3})")


class _Statement:
    """The statement in hand."""

    def __init__(self, number: int, currency: str) -> None:
        self.number, self.currency = number, currency
        self.written = ""
        self.lines = 0
        self.is_closed = False
        self.opening: Balance | None = None
        self.closing: Balance | None = None

    @property
    def is_begun(self) -> bool:
        return bool(self.written or self.lines or self.opening or self.closing)


class Mt940Reader:
    """One file; call `scan`, `detect` and `lines` in this order, each to its end."""

    def __init__(self, file: BinaryIO, *, account: str | None = None, currency: str | None = None) -> None:
        self._text = StatementText(file, in_lines=True)
        self._account, self._currency = account, known_currency(currency)
        self.format: Format | None = None
        self._bookings = 0
        self._told: dict[int, str] = {}
        self._sums = StatementSums()

    @property
    def expected(self) -> int:
        """The number of bookings; before they are counted, of the file's lines."""
        return self._bookings or (self._text.scanned.lines if self._text.scanned else 0)

    def scan(self) -> Iterator[int]:
        """Look at the bytes, yielding how many were read.

        Raises:
            StatementUnreadable: if the file is empty, too large or no text.
        """
        return self._text.scan()

    def detect(self) -> Iterator[int]:
        """Go through the whole file once, yielding the line that was read; `format` is set at the end.

        Raises:
            StatementUnreadable: if the file is cut off or holds no statement; or if `account` is given for a file of several.
        """
        accounts: set[str] = set()
        tags: set[str] = set()
        is_open, last = False, 0
        number, is_closed, untold = 1, False, 0
        for field in fields(self._text.lines()):
            last, tag = field.line, field.tag
            if _begins(tag, is_closed):
                number, is_closed = number + 1, False
            is_closed = is_closed or tag in _CLOSING
            if told := _told_currency(field):
                self._told.setdefault(number, told)
            if tag == "61":
                self._bookings += 1
                untold = number if number not in self._told else untold
                if self._bookings % STEP == 0:
                    yield field.line
            is_open = tag in _OPENING or (is_open and tag not in _CLOSING and tag != "-")
            if tag.startswith("25") and "61" not in tags:
                accounts.add(field.value)
            tags = set() if tag in {"-", "20"} else tags | {tag}
        if not self._bookings and not accounts:
            raise StatementUnreadable(
                "61", "the file holds no statement line (field :61:) and names no account", _DOWNLOAD
            )
        if is_open:
            raise StatementUnreadable(
                "62F", f"the file is cut off: line {last} is its last field, and no closing balance follows", _DOWNLOAD
            )
        if self._account is not None and len(accounts) > 1:
            raise StatementUnreadable("account", f"the file holds {len(accounts)} accounts", "leave the argument out")
        notes = list(self._text.notes)
        if untold and untold not in self._told and self._currency is None:
            notes.append(
                f"60F: a statement names no currency, so {DEFAULT_CURRENCY} was taken; pass currency if that is wrong"
            )
        if self._bookings and not any(accounts) and self._account is None:
            notes.append("25: the file names no account; pass account, or it is mixed with others that name none")
        self.format = Format(name="MT940", encoding=self._text.encoding, notes=notes)

    def lines(self) -> Iterator[Entry | BadLine]:
        """Yield each statement line as an entry, or as a line that could not be read."""
        statement = _Statement(1, self._told.get(1, ""))
        pending: Field | None = None
        details: list[str] = []
        for field in fields(self._text.lines()):
            tag = field.tag
            if pending is not None and tag not in {"86", "NS"}:
                yield self._booked(pending, details, statement)
                pending = None
            # Where a text has a line of nothing but `-`, the statement goes on; some banks begin the next one without :20:.
            if _begins(tag, statement.is_closed):
                self._close(statement)
                number = statement.number + 1
                statement = _Statement(number, self._told.get(number, ""))
            if tag in _ACCOUNT and not statement.lines and statement.opening is None:
                statement.written = field.value
            elif tag in _OPENING:
                statement.opening = statement.opening or read_balance(field.value)
            elif tag in _CLOSING:
                statement.closing, statement.is_closed = read_balance(field.value), True
            elif tag == "61":
                pending, details = field, []
                statement.lines += 1
            elif pending is not None and tag == "86" and len(details) < MAX_FIELD_LINES:
                details.extend(field.lines)
            elif pending is not None and tag == "NS" and not details:
                details.extend(line[2:] if line[:2].isdigit() else line for line in field.lines)
        if pending is not None:
            yield self._booked(pending, details, statement)
        self._close(statement)

    def balances(self) -> list[Balances]:
        """Return the balances of each statement."""
        return self._sums.all()

    def _booked(self, field: Field, written: list[str], statement: _Statement) -> Entry | BadLine:
        key = self._key(statement)
        if key.currency not in CODES:
            return BadLine(field.line, "currency", f"{key.currency!r} is no currency of ISO 4217")
        try:
            line = _read(field, key.currency)
        except FieldError as error:
            return BadLine(field.line, error.part, str(error))
        details = read_details(written, line.reference)
        reference = "" if line.reference == details.counterparty_account else line.reference
        more = clean(" ".join(field.lines[1:]))
        entry = Entry(
            field.line,
            key,
            line.booked_on,
            line.valued_on,
            line.amount,
            details.text or more or line.kind,
            details.counterparty,
            details.counterparty_account,
            details.reference or reference or (more if more.isdigit() else "") or line.bank_reference,
            details.bank_category or line.kind,
            None,
            line.bank_reference,
            statement.number,
        )
        self._sums.add(entry)
        return entry

    def _close(self, statement: _Statement) -> None:
        key = self._key(statement)
        if not statement.is_begun or key.currency not in CODES:
            return
        opening, closing = statement.opening, statement.closing
        self._sums.close(
            key,
            opening=opening.amount if opening else None,
            opening_on=opening.on if opening else None,
            closing=closing.amount if closing else None,
            closing_on=closing.on if closing else None,
        )

    def _key(self, statement: _Statement) -> AccountKey:
        currency = statement.currency or self._currency or DEFAULT_CURRENCY
        written = self._account or _bare(statement.written)
        # Some banks write the currency behind the account: NL91ABNA0417164300EUR.
        match = _ACCOUNT_AND_CURRENCY.fullmatch(written)
        if match and match[3] in CODES and (match[2] or match[1][0].isdigit() or "/" in match[1] or iban_of(match[1])):
            written = match[1]
        return account_key(written or "mt940", currency)


def _begins(tag: str, is_closed: bool) -> bool:
    """Tell whether a field begins a statement."""
    return tag == "20" or (tag in _ACCOUNT and is_closed)


def _told_currency(field: Field) -> str:
    if field.tag in _OPENING | _CLOSING:
        balance = read_balance(field.value)
        return known_code(balance.currency) if balance else ""
    return known_code(told_currency(field.tag, field.value))


def _bare(written: str) -> str:
    """Return an account without a bank before its IBAN, a currency behind it, or slashes around it."""
    parts = [part.strip() for part in written.split("/") if part.strip()]
    if len(parts) > 1 and parts[-1] in CODES:
        parts.pop()
    if parts and iban_of(parts[-1]):
        return parts[-1]
    return "/".join(parts)


def _read(field: Field, currency: str) -> StatementLine:
    try:
        return read_line(field.value, currency)
    except FieldError:
        # Some programs break the field itself: only with what is below is it one.
        if len(field.lines) < 2 or _BEGUN.fullmatch(field.value) is None:
            raise
        return read_line(field.value + field.lines[1].strip(), currency)
