"""Reads a bank's CSV statement whatever its dialect: three passes over the file, each with memory for a few lines only.

`scan` looks at the bytes, `detect` decides delimiter, columns, decimal mark and date order over the whole file, `lines` gives
the entries. A line that cannot be read is given as a `BadLine`, and the rest goes on.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from workers.finance.amounts import DecimalMark
from workers.finance.csv_balances import RunningBalances
from workers.finance.csv_columns import Columns, find_columns, plain_name, recognised
from workers.finance.csv_lines import Layout, LineReader
from workers.finance.csv_records import records, text_lines
from workers.finance.currencies import CODES, currency_in
from workers.finance.dates import ORDERS, DateOrder, is_date
from workers.finance.entries import (
    DEFAULT_CURRENCY,
    AccountKey,
    BadLine,
    Balances,
    Entry,
    Format,
    StatementUnreadable,
    iban_of,
)
from workers.finance.text_scan import Scan, TextScan

DELIMITERS = (";", ",", "\t", "|")
DELIMITER_NAMES = {";": "semicolon", ",": "comma", "\t": "tab", "|": "pipe"}
HEADER_WITHIN = 60
SAMPLE_LINES = 400
SCAN_BYTES = 1024 * 1024
STEP_LINES = 1000
FOOTER_LINES = 10

Record = tuple[int, list[str]] | BadLine


@dataclass(slots=True, kw_only=True)
class CsvFormat(Format):
    """How the file is written, as the detection found it; `notes` say what was guessed."""

    name: str = "CSV"
    delimiter: str
    decimal: str
    date_order: str
    header_line: int
    currency: str
    columns: dict[str, str]

    def facts(self) -> dict[str, object]:
        """Return what a person may want to check, as JSON."""
        return {
            "name": self.name,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "decimal": self.decimal,
            "date_order": self.date_order,
            "header_line": self.header_line,
            "columns": self.columns,
        }

    def sentence(self) -> str:
        """Say it."""
        return f"the file is {self.encoding} with {self.delimiter}, decimal {self.decimal}, dates {self.date_order}"


class CsvReader:
    """One statement file; call `scan`, `detect` and `lines` in this order, each to its end."""

    def __init__(
        self, file: BinaryIO, *, account: str | None = None, currency: str | None = None, date_order: str | None = None
    ) -> None:
        if currency is not None and currency not in CODES:
            raise StatementUnreadable("currency", f"{currency!r} is no currency", "give an ISO 4217 code such as EUR")
        if date_order is not None and date_order not in ORDERS:
            raise StatementUnreadable("date_order", f"{date_order!r} is none", f"give one of {', '.join(ORDERS)}")
        self._file = file
        self._account, self._currency, self._date_order = account, currency, date_order
        self.scanned: Scan | None = None
        self.format: CsvFormat | None = None
        self.footer_lines = 0
        self._layout: Layout | None = None
        self._delimiter, self._width = "", 0
        self._balances = RunningBalances()

    @property
    def expected(self) -> int:
        """The number of the file's lines."""
        return self.scanned.lines if self.scanned else 0

    def scan(self) -> Iterator[int]:
        """Look at the bytes, yielding how many were read; `scanned` is set at the end.

        Raises:
            StatementUnreadable: if the file is no text that could be CSV, is empty or too large.
        """
        self._file.seek(0)
        scan, size = TextScan(), 0
        while chunk := self._file.read(SCAN_BYTES):
            scan.feed(chunk)
            size += len(chunk)
            yield size
        self.scanned = scan.finish()

    def detect(self) -> Iterator[int]:
        """Decide how the file is written, yielding the number of the line that was read; `format` is set at the end.

        Raises:
            StatementUnreadable: if no header, date or amount is found.
        """
        encoding = self._scanned().encoding
        sample = list(itertools.islice(self._text(), SAMPLE_LINES))
        delimiter, header_line, columns = _find_header(sample)
        above = [cells for _, cells in _good(records(iter(sample[: header_line - 1]), delimiter))]
        self._delimiter, self._width = delimiter, columns.width
        rows = [cells for _, cells in itertools.islice(_good(self._below(header_line)), SAMPLE_LINES)]
        currency = self._currency or _currency(columns, above, rows)

        evidence = _Evidence(columns)
        for line, cells in _good(self._below(header_line)):
            if line % STEP_LINES == 0:
                yield line
            evidence.look(cells)
        form, mark = evidence.dates.decide(currency), evidence.marks.decide(currency)
        notes = []
        if self._date_order is None and form.guessed:
            example = "day before month" if form.order == "dmy" else "month before day"
            notes.append(f"date: no day is over 12, so {example} was taken; pass date_order if that is wrong")
        if currency is None:
            notes.append(
                f"currency: the file names none, so {DEFAULT_CURRENCY} was taken; pass currency if that is wrong"
            )
        if self._scanned().damaged:
            notes.append(f"file: {self._scanned().damaged} bytes are no {encoding} and are shown as \ufffd")
        order = self._date_order or form.order
        self._layout = Layout(
            columns=columns,
            mark=mark,
            order=order,
            currency=currency or DEFAULT_CURRENCY,
            account=self._account or _account_above(above),
            has_given_account=self._account is not None,
            fallback=_fallback_account(columns),
            # A column of debits that are all negative has its minus for decoration; a mixed one has reversals.
            debits_signed=evidence.signs["debit"] == {"-"},
            sided="side" in columns.index and "-" not in evidence.signs["amount"],
            usual_width=evidence.usual_width(),
        )
        self.format = CsvFormat(
            encoding=encoding,
            delimiter=DELIMITER_NAMES[delimiter],
            decimal={",": "comma", ".": "point"}[mark],
            date_order=order,
            header_line=header_line,
            currency=self._layout.currency,
            columns=columns.names(),
            notes=notes,
        )

    def lines(self) -> Iterator[Entry | BadLine]:
        """Yield each line below the header as an entry or as a line that could not be read.

        Blank lines, repeated headers and up to ten lines of a footer behind the entries are left out; `footer_lines` counts
        the last.
        """
        layout, found = self._layout, self.format
        if layout is None or found is None:
            raise RuntimeError("call detect() to its end first")
        reader = LineReader(layout)
        held: list[BadLine] = []
        began = False
        for record in self._below(found.header_line):
            outcome: Entry | BadLine | None
            if isinstance(record, BadLine):
                outcome, may_be_footer = record, False
            else:
                outcome = reader.read(*record)
                may_be_footer = isinstance(outcome, BadLine) and _may_be_footer(record[1], layout.columns)
            if outcome is None:
                continue
            began = began or isinstance(outcome, Entry)
            if may_be_footer and isinstance(outcome, BadLine) and len(held) < FOOTER_LINES:
                held.append(outcome)
                continue
            yield from held
            held.clear()
            if isinstance(outcome, Entry):
                self._balances.add(outcome)
            yield outcome
        if not began:
            yield from held
        else:
            self.footer_lines = len(held)

    def balances(self) -> list[Balances]:
        """Return each account's balances, as the column of balances tells them; none without one."""
        return self._balances.all()

    def _scanned(self) -> Scan:
        if self.scanned is None:
            raise RuntimeError("call scan() to its end first")
        return self.scanned

    def _text(self) -> Iterator[str]:
        self._file.seek(0)
        return text_lines(self._file, self._scanned().encoding)

    def _below(self, header_line: int) -> Iterator[Record]:
        lines = self._text()
        for _ in range(header_line):
            next(lines, None)
        for record in records(lines, self._delimiter, width=self._width):
            if isinstance(record, BadLine):
                yield BadLine(record.line + header_line, record.field, record.reason)
            else:
                yield record[0] + header_line, record[1]


class _Evidence:
    """What all lines of the file say about its dates, decimal marks, signs and width."""

    def __init__(self, columns: Columns) -> None:
        self.dates, self.marks = DateOrder(), DecimalMark()
        self.signs: dict[str, set[str]] = {"amount": set(), "debit": set(), "credit": set()}
        self._widths: dict[int, int] = {}
        self._date = columns.index["date"]
        self._amounts = [(columns.index[name], seen) for name, seen in self.signs.items() if name in columns.index]
        self._balance = columns.index.get("balance")

    def look(self, cells: Sequence[str]) -> None:
        width = len(cells)
        self._widths[width] = self._widths.get(width, 0) + 1
        if self._date < width:
            self.dates.look(cells[self._date].strip())
        for at, seen in self._amounts:
            if at < width and (cell := cells[at]):
                self.marks.look(cell)
                if cell.strip(" 0.,"):
                    seen.add("-" if "-" in cell or "\u2212" in cell or "(" in cell else "+")
        if self._balance is not None and self._balance < width:
            self.marks.look(cells[self._balance])

    def usual_width(self) -> int:
        return max(self._widths, key=lambda width: self._widths[width], default=0)


def _good(found: Iterator[Record]) -> Iterator[tuple[int, list[str]]]:
    return (record for record in found if not isinstance(record, BadLine))


def _find_header(sample: list[str]) -> tuple[str, int, Columns]:
    """Return delimiter, line number and columns of the header: the line that names most fields, the first of equals."""
    best: tuple[int, str, int, list[str]] | None = None
    told = re.fullmatch(r"\W?sep=(.)", sample[0].strip("\ufeff\r ")) if sample else None
    for delimiter in (told[1],) if told and told[1] in DELIMITERS else DELIMITERS:
        for line, cells in itertools.islice(_good(records(iter(sample), delimiter)), HEADER_WITHIN):
            named = recognised(cells)
            if named and (best is None or named > best[0]):
                best = (named, delimiter, line, cells)
    if best is None:
        first = next((line.strip() for line in sample if line.strip()), "")
        raise StatementUnreadable(
            "columns",
            f"no line among the first {HEADER_WITHIN} names a date and an amount (the file begins with {first[:120]!r})",
            "put a header line such as Date;Amount;Description above the bookings",
        )
    _, delimiter, line, cells = best
    rows = [row for _, row in _good(records(iter(sample[line:]), delimiter))]
    return delimiter, line, find_columns([cell.strip() for cell in cells], rows)


def _currency(columns: Columns, above: list[list[str]], rows: list[list[str]]) -> str | None:
    for name in ("amount", "debit", "credit", "balance"):
        if name in columns.index and (found := currency_in(columns.headers[columns.index[name]])):
            return found
    if "currency" in columns.index:
        at = columns.index["currency"]
        codes = [row[at].strip().upper() for row in rows if at < len(row) and row[at].strip().upper() in CODES]
        if codes:
            return max(set(codes), key=codes.count)
    for cells in above:
        if (found := currency_in(" ".join(cells))) is not None:
            return found
    amounts = [columns.index[name] for name in ("amount", "debit", "credit") if name in columns.index]
    found_in = {currency_in(row[at]) for row in rows for at in amounts if at < len(row)} - {None}
    return found_in.pop() if len(found_in) == 1 else None


def _account_above(above: list[list[str]]) -> AccountKey | None:
    for cells in above:
        for cell in cells:
            for part in re.split(r"[:,;/()]", cell):
                if iban := iban_of(part):
                    return AccountKey(iban, "", iban)
    for cells in above:
        words = [word for cell in cells for word in re.split(r"[:=]", cell) if word.strip()]
        for label, value in itertools.pairwise(words):
            number = value.strip()
            if plain_name(label) in _ACCOUNT_LABELS and sum(c.isdigit() for c in number) >= 4 and not is_date(number):
                return AccountKey(number[:128], "", number[:255])
    return None


_ACCOUNT_LABELS = frozenset(
    plain_name(label)
    for label in (
        *("Konto", "Kontonummer", "Kontonr", "Girokonto", "Kreditkarte", "Account", "Account number", "Account no"),
        *("Compte", "Numéro de compte", "Cuenta", "Número de cuenta", "Conto", "Numero conto", "Rekening", "IBAN"),
    )
)


def _fallback_account(columns: Columns) -> AccountKey:
    """Return the account of statements that name none: one per layout, so that two banks are never mixed."""
    layout = "\n".join(plain_name(header) for header in columns.headers)
    digest = hashlib.sha256(layout.encode()).hexdigest()[:16]
    shown = ", ".join(header for header in columns.headers if header)[:60]
    return AccountKey(f"layout:{digest}", "", f"Unnamed account ({shown})")


def _may_be_footer(cells: Sequence[str], columns: Columns) -> bool:
    at = columns.index["date"]
    cell = cells[at].strip() if at < len(cells) else ""
    return (len(cells) < len(columns.headers) or not any(c.isdigit() for c in cell)) and not is_date(cell)
