"""Reads CAMT: statements (.053), reports of the day (.052) and notifications (.054) of any version, several in one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO
from xml.etree.ElementTree import Element

from workers.finance.camt_elements import CamtParts, Part
from workers.finance.camt_entry import CamtBalance, currency_of, read_account, read_camt_balance, read_entry
from workers.finance.currencies import CODES
from workers.finance.dates import DateError, read_date
from workers.finance.entries import (
    DEFAULT_CURRENCY,
    AccountKey,
    BadLine,
    Balances,
    Entry,
    Format,
    StatementUnreadable,
    account_key,
)
from workers.finance.statement_balances import StatementSums
from workers.finance.statement_text import StatementText, known_currency

STEP = 200
_VERSION = re.compile(r"camt\.05[234]\.001\.[0-9]{2}")
_OPENING, _CLOSING, _INTERIM = ("OPBD", "PRCD"), ("CLBD",), "ITBD"
_DOWNLOAD = "download the statement from the bank again"


class _Statement:
    """The statement in hand."""

    def __init__(self, position: int = 1) -> None:
        self.position = position
        self.number = self.currency = self.name = ""
        self.made_on: date | None = None
        self.balances: list[CamtBalance] = []
        self.entry_currency = ""

    def opening(self) -> CamtBalance | None:
        return self._first(_OPENING) or (self._interim()[0] if len(self._interim()) > 1 else None)

    def closing(self) -> CamtBalance | None:
        last = self._interim()[-1] if self._interim() else None
        return self._first(_CLOSING) or last

    def _first(self, kinds: tuple[str, ...]) -> CamtBalance | None:
        return next((balance for kind in kinds for balance in self.balances if balance.kind == kind), None)

    def _interim(self) -> list[CamtBalance]:
        return [balance for balance in self.balances if balance.kind == _INTERIM]


class CamtReader:
    """One file; call `scan`, `detect` and `lines` in this order, each to its end."""

    def __init__(self, file: BinaryIO, *, account: str | None = None, currency: str | None = None) -> None:
        self._text = StatementText(file)
        self._account, self._currency = account, known_currency(currency)
        self.format: Format | None = None
        self._entries = 0
        self._sums = StatementSums()

    @property
    def expected(self) -> int:
        """The number of entries; before they are counted, of the file's lines."""
        return self._entries or (self._text.scanned.lines if self._text.scanned else 0)

    def scan(self) -> Iterator[int]:
        """Look at the bytes, yielding how many were read.

        Raises:
            StatementUnreadable: if the file is empty, too large or no text.
        """
        return self._text.scan()

    def detect(self) -> Iterator[int]:
        """Go through the whole file once, yielding the line that was read; `format` is set at the end.

        Raises:
            StatementUnreadable: if the file is no well-formed XML, cut off, of another kind or without a statement; or if
                `account` is given for a file of several.
        """
        parts, accounts, statements, entries, untold = CamtParts(), set(), 0, 0, 0
        for part in parts.read(self._text.chunks()):
            if part.name == "Acct" and part.element is not None:
                accounts.add(read_account(part.element)[0])
            statements += part.name == "Stmt"
            entries += part.name == "Ntry"
            untold += part.name == "Ntry" and part.element is not None and not currency_of(part.element)
            if part.name == "Ntry" and entries % STEP == 0:
                yield part.line
        version = _VERSION.search(parts.namespace)
        if not statements:
            what = (
                f"it is {version[0]} without a statement"
                if version
                else f"it is XML of another kind (its root is {parts.root[:60]!r})"
            )
            raise StatementUnreadable(
                "file", what, "export the statement as CAMT.053, OFX, MT940 or CSV and upload that"
            )
        if self._account is not None and len(accounts) > 1:
            raise StatementUnreadable("account", f"the file holds {len(accounts)} accounts", "leave the argument out")
        self._entries = entries
        name = version[0].upper() if version else "CAMT"
        notes = list(self._text.notes)
        if untold and self._currency is None:
            notes.append(
                f"Amt: {untold} entries name no currency, so that of the account or {DEFAULT_CURRENCY} was taken; "
                "pass currency if that is wrong"
            )
        if entries and not any(accounts) and self._account is None:
            notes.append("Acct: the file names no account; pass account, or it is mixed with others that name none")
        self.format = Format(name=name, encoding=self._text.encoding, notes=notes)

    def lines(self) -> Iterator[Entry | BadLine]:
        """Yield each booked entry, and what is not booked or cannot be read."""
        statement = _Statement()
        for part in CamtParts().read(self._text.chunks()):
            if part.name == "Stmt":
                statement = _Statement(statement.position + 1)
            elif part.name == "/Stmt":
                self._close(statement)
            elif part.element is not None:
                if part.name == "Ntry":
                    yield self._booked(part, part.element, statement)
                else:
                    _take(statement, part.element)

    def balances(self) -> list[Balances]:
        """Return the balances of each statement."""
        return self._sums.all()

    def _booked(self, part: Part, element: Element, statement: _Statement) -> Entry | BadLine:
        currency = currency_of(element)
        statement.entry_currency = statement.entry_currency or currency
        outcome = read_entry(
            part.line,
            element,
            self._key(statement, currency),
            statement=statement.position,
            otherwise_on=statement.made_on,
        )
        if isinstance(outcome, Entry):
            self._sums.add(outcome)
        return outcome

    def _close(self, statement: _Statement) -> None:
        opening, closing = statement.opening(), statement.closing()
        key = self._key(statement, "")
        if key.currency not in CODES:
            return
        opening = opening if opening and opening.currency in {"", key.currency} else None
        closing = closing if closing and closing.currency in {"", key.currency} else None
        self._sums.close(
            key,
            opening=opening.amount if opening else None,
            opening_on=opening.on if opening else None,
            closing=closing.amount if closing else None,
            closing_on=closing.on if closing else None,
        )

    def _key(self, statement: _Statement, currency: str) -> AccountKey:
        of_balance = next((balance.currency for balance in statement.balances), "")
        names = (
            currency,
            statement.currency,
            of_balance,
            statement.entry_currency,
            self._currency or "",
            DEFAULT_CURRENCY,
        )
        # One that is written and none of ISO 4217 stays, and its entries are told as bad: in another they would be wrong.
        found = next(name for name in names if name)
        if self._account is not None:
            return account_key(self._account, found)
        return account_key(statement.number or "camt", found, statement.name)


def _take(statement: _Statement, element: Element) -> None:
    if element.tag == "Acct":
        statement.number, statement.currency, statement.name = read_account(element)
    elif element.tag == "Bal":
        if (balance := read_camt_balance(element)) is not None:
            statement.balances.append(balance)
    elif element.tag == "CreDtTm" and element.text:
        try:
            statement.made_on = read_date(element.text.strip()[:10], "ymd")
        except DateError:
            statement.made_on = None
