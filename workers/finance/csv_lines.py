"""Reads one record of a CSV statement into an entry, once the layout of the file is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from workers.finance.amounts import AmountError, read_amount
from workers.finance.csv_columns import Columns
from workers.finance.csv_evidence import is_marked
from workers.finance.csv_names import NEGATIVE, POSITIVE, is_balance
from workers.finance.currencies import CODES, known_code
from workers.finance.dates import DateError, read_date
from workers.finance.entries import MAX_TEXT, AccountKey, BadLine, Entry, account_key, clean, iban_of

REMEMBERED = 4096

_PENDING = """pending, vorgemerkt, reverted, declined, failed, cancelled, canceled, abgelehnt, storniert, offen, pendiente,
rechazado, en attente, refusé, in attesa, in behandeling, geweigerd, reserved, reserviert, в обработке, ожидает, відхилено, denied, expired, voided"""
_NOTHING = frozenset({"-", "--", "\u2013", "nil", "Nil", "NIL"})
"""What stands in the one of two columns that has no amount."""
_BOOKED = ("date", "amount", "debit", "credit", "balance", "currency", "side", "account")
PENDING = frozenset(" ".join(_PENDING.split()).split(", "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is known of the whole file; `account` is the one named above the header, or given by the caller."""

    columns: Columns
    mark: str
    order: str
    currency: str
    account: AccountKey | str | None
    has_given_account: bool
    fallback: AccountKey
    debits_signed: bool
    credits_signed: bool
    sided: bool
    unmarked: int
    inverted: bool
    usual_width: int


@dataclass(frozen=True, slots=True)
class Continuation:
    """A line that has nothing but a text, which belongs to the line above."""

    text: str


class _Wrong(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field, self.reason = field, reason


class LineReader:
    """Makes entries of records; remembers dates and accounts, which repeat on nearly every line."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._index = layout.columns.index
        self._width = len(layout.columns.headers)
        self._headers = [header for header in layout.columns.headers if header]
        self._dates: dict[str, date] = {}
        self._accounts: dict[tuple[str, str, str], AccountKey] = {}
        self._told: dict[str, bool] = {}
        amount = layout.columns.headers[self._index["amount"]] if "amount" in self._index else ""
        self._named_currency = next((word for word in re.split(r"\W+", amount) if word in CODES), "")
        self._texts = layout.columns.many.get("text", ())
        self._parties = layout.columns.many.get("counterparty", ())
        needed = [self._index[name] for name in ("date", "amount", "debit", "credit", "side") if name in self._index]
        self._needed = max(needed) + 1

    def read(self, line: int, cells: Sequence[str]) -> Entry | BadLine | Continuation | None:
        """Return the entry, the line as bad, more of the text above, or None for a blank line or a repeated header."""
        if not any(map(str.strip, cells)):
            return None
        if not self._cell(cells, "date") and (text := self._only_text(cells)):
            return Continuation(text)
        try:
            return self._entry(line, cells)
        except _Wrong as wrong:
            if self.is_header(cells):
                return None
            return BadLine(line, wrong.field, wrong.reason)

    def is_header(self, cells: Sequence[str]) -> bool:
        """Tell whether a record is the header once more."""
        return [cell.strip() for cell in cells if cell.strip()] == self._headers

    def begin_section(self, account: AccountKey, currency: str | None) -> None:
        """Read on in another account, as one that is named between two headers."""
        self._layout = replace(self._layout, account=account, currency=currency or self._layout.currency)
        self._accounts.clear()

    def _entry(self, line: int, cells: Sequence[str]) -> Entry:
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            raise _Wrong(
                "columns", f"{len(cells)} values for {self._width} columns; a delimiter inside a text needs quotes"
            )
        status = self._cell(cells, "status")
        if status and status.casefold() in PENDING:
            raise _Wrong("status", f"{status[:60]!r} is not booked")
        booked_on = self._date(self._cell(cells, "date"))
        # A file cut off in the middle of an amount would give a wrong one: its line is shorter than the others.
        if len(cells) < self._needed or len(cells) == self._needed < self._layout.usual_width:
            raise _Wrong("columns", f"{len(cells)} values for {self._width} columns; the line ends too early")
        if told := self._told_balance(cells):
            raise _Wrong("status", f"{told!r} is a balance and no booking")
        # A currency in the amounts' own name is theirs; the column may be of another amount.
        currency = self._named_currency or known_code(self._cell(cells, "currency")) or self._layout.currency
        if currency not in CODES:
            raise _Wrong("currency", f"{currency[:60]!r} is no currency of ISO 4217")
        amount = self._amount(cells, currency)
        return Entry(
            line,
            self._account(cells, currency),
            booked_on,
            self._optional_date(self._cell(cells, "valued")),
            amount,
            self._joined(cells, self._texts),
            self._joined(cells, self._parties),
            clean(self._cell(cells, "counterparty_account").strip("'")),
            clean(self._cell(cells, "reference")),
            clean(self._cell(cells, "bank_category")),
            self._balance(self._cell(cells, "balance"), currency),
        )

    def _cell(self, cells: Sequence[str], name: str) -> str:
        at = self._index.get(name)
        return cells[at].strip() if at is not None and at < len(cells) else ""

    def _date(self, cell: str) -> date:
        known = self._dates.get(cell)
        if known is None:
            try:
                known = read_date(cell, self._layout.order)
            except DateError as error:
                raise _Wrong("date", str(error)) from None
            if len(self._dates) < REMEMBERED:
                self._dates[cell] = known
        return known

    def _optional_date(self, cell: str) -> date | None:
        try:
            return self._date(cell) if cell else None
        except _Wrong:
            return None

    def _amount(self, cells: Sequence[str], currency: str) -> Decimal:
        if "amount" in self._index:
            written = self._cell(cells, "amount")
            if written or not self._index.keys() & {"debit", "credit"}:
                return self._signed(cells, written, self._read(written, "amount", currency), currency)
        debit, credit = (
            "" if cell in _NOTHING else cell for cell in (self._cell(cells, "debit"), self._cell(cells, "credit"))
        )
        fee = self._fee(cells, currency)
        if fee and not debit and not credit:
            return -fee
        return self._of_two(debit, credit, currency) - fee

    def _fee(self, cells: Sequence[str], currency: str) -> Decimal:
        written = self._cell(cells, "fee")
        return abs(self._read(written, "fee", currency)) if written else Decimal(0)

    def _of_two(self, debit: str, credit: str, currency: str) -> Decimal:
        if not debit and not credit:
            raise _Wrong("amount", "debit and credit are both empty")
        paid = self._read(debit, "debit", currency) if debit else Decimal(0)
        got = self._read(credit, "credit", currency) if credit else Decimal(0)
        if paid and got:
            raise _Wrong("amount", "debit and credit both have a value")
        if paid:
            return paid if self._layout.debits_signed else -paid
        return -got if got and self._layout.credits_signed else got

    def _signed(self, cells: Sequence[str], written: str, amount: Decimal, currency: str) -> Decimal:
        layout = self._layout
        negative = layout.inverted
        if layout.sided:
            side = self._cell(cells, "side").casefold()
            if side not in NEGATIVE | POSITIVE and (side or not layout.unmarked):
                raise _Wrong("side", f"{side[:60]!r} is neither debit nor credit" if side else "is empty")
            negative ^= layout.unmarked < 0 if not side else side in NEGATIVE
        elif layout.unmarked < 0:
            negative ^= not is_marked(written)
        amount = -amount if negative and amount else amount
        return amount - self._fee(cells, currency)

    def _only_text(self, cells: Sequence[str]) -> str:
        if any(self._cell(cells, name) for name in _BOOKED):
            return ""
        places = set(self._texts + self._parties)
        return clean(" ".join(cells[at] for at in sorted(places) if at < len(cells)))

    def _told_balance(self, cells: Sequence[str]) -> str:
        places = (*self._texts, *self._parties, *((self._index["reference"],) if "reference" in self._index else ()))
        return next((cells[at].strip() for at in places if at < len(cells) and self._is_balance(cells[at].strip())), "")

    def _is_balance(self, cell: str) -> bool:
        known = self._told.get(cell)
        if known is None:
            known = is_balance(cell)
            if len(self._told) < REMEMBERED:
                self._told[cell] = known
        return known

    def _read(self, cell: str, name: str, currency: str) -> Decimal:
        try:
            return read_amount(cell, self._layout.mark, currency)
        except AmountError as error:
            raise _Wrong(name, str(error)) from None

    def _balance(self, cell: str, currency: str) -> Decimal | None:
        try:
            return read_amount(cell, self._layout.mark, currency) if cell else None
        except AmountError:
            return None

    def _account(self, cells: Sequence[str], currency: str) -> AccountKey:
        # An apostrophe keeps a spreadsheet from making a number of it.
        written, name = self._cell(cells, "account").strip("'"), self._cell(cells, "account_name").lstrip("'")
        key = (written, name, currency)
        known = self._accounts.get(key)
        if known is None:
            known = self._new_account(written, name, currency)
            if len(self._accounts) < REMEMBERED:
                self._accounts[key] = known
        return known

    def _new_account(self, written: str, name: str, currency: str) -> AccountKey:
        given = self._layout.account
        if isinstance(given, str):
            identity = iban_of(given) or given
            return AccountKey(identity[:128], currency, given[:255])
        if written:
            return account_key(written, currency, name)
        base = given or self._layout.fallback
        return AccountKey(base.identity, currency, (clean(name) or base.name)[:255])

    def _joined(self, cells: Sequence[str], places: tuple[int, ...]) -> str:
        if len(places) == 1:
            return clean(cells[places[0]]) if places[0] < len(cells) else ""
        parts = dict.fromkeys(clean(cells[at]) for at in places if at < len(cells))
        return " ".join(part for part in parts if part)[:MAX_TEXT]


def whole(items: Iterator[Entry | BadLine | Continuation]) -> Iterator[Entry | BadLine]:
    """Put the texts of lines that go on in the next together."""
    last: Entry | None = None
    for item in items:
        if isinstance(item, Continuation):
            if last is not None:
                last = replace(last, text=f"{last.text} {item.text}".strip()[:MAX_TEXT])
            continue
        if last is not None:
            yield last
        last = item if isinstance(item, Entry) else None
        if isinstance(item, BadLine):
            yield item
    if last is not None:
        yield last
