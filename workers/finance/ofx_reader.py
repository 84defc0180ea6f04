"""Reads OFX 1 (SGML), OFX 2 (XML) and QFX: bank, credit card and the cash side of investment accounts, several in one file.

The `ofxtools` package holds a file to the letter of the specification and refuses it whole: a bank id too long, a header left
out, an empty balance. Here every booking stands for itself, and one that cannot be read is told with its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from workers.finance.amounts import AmountError, DecimalMark
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
    iban_of,
)
from workers.finance.ofx_booking import AGGREGATES, CREDITS, DEBITS, BookingReader, Fields, ofx_date, read_ofx_amount
from workers.finance.ofx_elements import Element, elements
from workers.finance.statement_balances import StatementSums
from workers.finance.statement_text import StatementText, known_currency

STEP = 500
MAX_FIELDS = 200  # of a booking or statement; the specification knows some sixty
STATEMENTS = frozenset({"STMTRS", "CCSTMTRS", "INVSTMTRS"})
BOOKING = "STMTTRN"
INVESTMENTS = frozenset({"INVTRAN"})
_ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"})
_LEFT = frozenset({"BANKTRANLIST", "INVTRANLIST", "INVBANKTRAN"})
_DOWNLOAD = "download the statement again"


@dataclass(slots=True)
class _Found:
    """What the first pass saw."""

    statements: int = 0
    bookings: int = 0
    investments: int = 0
    is_closed: bool = False
    currencies: int = 0
    accounts: set[str] = field(default_factory=set)
    refusal: str = ""
    kind: str = ""
    negatives: int = 0
    debits: int = 0
    agreeing: int = 0
    contrary: int = 0
    last_line: int = 1
    version: str = ""


class OfxReader:
    """One file; call `scan`, `detect` and `lines` in this order, each to its end."""

    def __init__(self, file: BinaryIO, *, account: str | None = None, currency: str | None = None) -> None:
        self._text = StatementText(file)
        self._account, self._currency = account, known_currency(currency)
        self.format: Format | None = None
        self._found = _Found()
        self._mark = ""
        self._statement = 0
        self._sums = StatementSums()

    @property
    def expected(self) -> int:
        """The number of bookings; before they are counted, of the file's lines."""
        return self._found.bookings or (self._text.scanned.lines if self._text.scanned else 0)

    def scan(self) -> Iterator[int]:
        """Look at the bytes, yielding how many were read.

        Raises:
            StatementUnreadable: if the file is empty, too large or no text.
        """
        return self._text.scan()

    def detect(self) -> Iterator[int]:
        """Go through the whole file once, yielding the line that was read; `format` is set at the end.

        Raises:
            StatementUnreadable: if the file is cut off, a bank's refusal, or holds no statement; or if `account` is given
                for a file of several.
        """
        found, marks = self._found, DecimalMark(has_groups=False)
        bookings = 0
        for element in elements(self._text.chunks()):
            self._look(element, marks)
            if found.bookings == bookings + STEP:
                bookings = found.bookings
                yield element.line
        self._check()
        # By the specification an amount has one mark, a point or a comma, and some banks write both in one file.
        self._mark = marks.decide(self._currency) if marks.is_grouped else ""
        notes = list(self._text.notes)
        if found.currencies < found.statements and self._currency is None:
            notes.append(
                f"CURDEF: a statement names no currency, so that of its lines or {DEFAULT_CURRENCY} was taken; "
                "pass currency if that is wrong"
            )
        if self._are_unsigned:
            notes.append("TRNAMT: no amount has a minus, so TRNTYPE tells what went out")
        if self._are_inverted:
            notes.append("TRNAMT: all signs speak against TRNTYPE, so they were turned round")
        if found.bookings and not any(found.accounts) and self._account is None:
            notes.append("ACCTID: the file names no account; pass account, or it is mixed with others that name none")
        if found.investments:
            notes.append(f"INVTRAN: {found.investments} trades in securities are no bookings and were left out")
        self.format = Format(name=self._name(), encoding=self._text.encoding, notes=notes)

    def lines(self) -> Iterator[Entry | BadLine]:
        """Yield each booking as an entry or as a line that could not be read."""
        reader = BookingReader(self._mark, are_unsigned=self._are_unsigned, are_inverted=self._are_inverted)
        statement: Fields = {}
        booking: Fields | None = None
        inside = ""
        for element in elements(self._text.chunks()):
            name = element.name
            if booking is not None and (
                name == BOOKING or name in _LEFT or (name in STATEMENTS and not element.is_end)
            ):
                yield self._booked(reader, booking, statement)
                booking = None
            if element.is_end:
                inside = "" if name == inside else inside
                if name in STATEMENTS:
                    self._close(statement)
                    statement = {}
            elif name == BOOKING:
                booking, inside = {"LINE": str(element.line)}, ""
            elif name in STATEMENTS:
                self._close(statement)
                statement, inside = {}, ""
                self._statement += 1
            elif name in AGGREGATES and not element.value:
                inside = name
            elif name not in _LEFT:
                fields = booking if booking is not None else statement
                if len(fields) < MAX_FIELDS:
                    fields.setdefault(f"{inside}.{name}" if inside else name, element.value)
            else:
                inside = ""
        if booking is not None:
            yield self._booked(reader, booking, statement)
        self._close(statement)

    def balances(self) -> list[Balances]:
        """Return the balance that each statement ends with; OFX tells no opening one."""
        return self._sums.all()

    @property
    def _are_unsigned(self) -> bool:
        return bool(self._found.debits) and not self._found.negatives

    @property
    def _are_inverted(self) -> bool:
        return bool(self._found.contrary and self._found.negatives) and not self._found.agreeing

    def _look(self, element: Element, marks: DecimalMark) -> None:
        found, name = self._found, element.name
        found.last_line = element.line
        if element.is_end:
            found.is_closed = found.is_closed or name == "OFX"
        elif name == BOOKING:
            found.bookings += 1
            found.kind = ""
        elif name in STATEMENTS:
            found.statements += 1
        elif name in INVESTMENTS:
            found.investments += 1
        elif name == "CURDEF":
            found.currencies += known_code(element.value) in CODES
        elif name in {"TRNAMT", "BALAMT"}:
            marks.look(element.value)
            if name == "TRNAMT":
                _count_signs(found, element.value)
        elif name == "TRNTYPE":
            found.kind = element.value.upper()
        elif name == "ACCTID":
            found.accounts.add(element.value)
        elif name == "MESSAGE" and not found.refusal:
            found.refusal = element.value

    def _check(self) -> None:
        found = self._found
        if not found.is_closed:
            raise StatementUnreadable(
                "file", f"it is cut off: line {found.last_line} is its last, without </OFX>", _DOWNLOAD
            )
        if not found.statements:
            said = f" (the bank says: {found.refusal[:200]})" if found.refusal else ""
            raise StatementUnreadable("STMTRS", f"the file holds no statement of an account{said}", _DOWNLOAD)
        if self._account is not None and found.statements > 1 and len(found.accounts) > 1:
            raise StatementUnreadable(
                "account", f"the file holds {found.statements} statements of several accounts", "leave the argument out"
            )

    def _name(self) -> str:
        head = next(self._text.chunks(), "")[:4096].upper()
        if "<?OFX" in head or "<?XML" in head:
            return "OFX 2"
        return "OFX 1" if "OFXHEADER" in head else "OFX"

    def _booked(self, reader: BookingReader, booking: Fields, statement: Fields) -> Entry | BadLine:
        key = self._key(statement, booking.get("CURRENCY.CURSYM", ""))
        outcome = reader.read(booking, key, self._statement)
        if isinstance(outcome, Entry):
            self._sums.add(outcome)
        return outcome

    def _close(self, statement: Fields) -> None:
        if not any(name.endswith("ACCTFROM.ACCTID") for name in statement):
            return
        key = self._key(statement, self._sums.currency() or "")
        if key.currency not in CODES:
            return
        try:
            closing = read_ofx_amount(statement.get("LEDGERBAL.BALAMT", ""), self._mark, key.currency)
        except AmountError:
            closing = None
        self._sums.close(key, closing=closing, closing_on=ofx_date(statement.get("LEDGERBAL.DTASOF", "")))

    def _key(self, statement: Fields, of_lines: str) -> AccountKey:
        # One that is written and none of ISO 4217 stays, and its bookings are told as bad: in another they would be wrong.
        names = (known_code(statement.get("CURDEF", "")), self._currency or "", known_code(of_lines), DEFAULT_CURRENCY)
        currency = next(name for name in names if name)
        if self._account is not None:
            return account_key(self._account, currency)
        kind = next((kind for kind in _ACCOUNTS if f"{kind}.ACCTID" in statement), "")
        number = statement.get(f"{kind}.ACCTID", "")
        if iban := iban_of(number):
            return account_key(iban, currency)
        bank = statement.get(f"{kind}.BANKID") or statement.get(f"{kind}.BROKERID", "")
        return account_key(f"{bank}/{number}" if bank else number or "ofx", currency, number)


def _count_signs(found: _Found, amount: str) -> None:
    """Count whether an amount's sign is that of its type."""
    if not amount.strip("0.,+- "):
        return
    is_negative = "-" in amount
    found.negatives += is_negative
    found.debits += found.kind in DEBITS
    if found.kind in DEBITS | CREDITS:
        agrees = is_negative == (found.kind in DEBITS)
        found.agreeing += agrees
        found.contrary += not agrees
