"""Reads a bank's CSV statement whatever its dialect: three passes over the file, each with memory for a few lines only.

`scan` looks at the bytes, `detect` decides delimiter, columns, decimal mark and date order over the whole file, `lines` gives
the entries. A line that cannot be read is given as a `BadLine`, and the rest goes on.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

from workers.finance.amounts import AmountError
from workers.finance.csv_balances import RunningBalances
from workers.finance.csv_columns import Columns
from workers.finance.csv_evidence import Evidence
from workers.finance.csv_format import CsvFormat, learned_mapping
from workers.finance.csv_header import (
    Record,
    account_above,
    currency_told,
    fallback_account,
    find_header,
    good,
    header_score,
    known_mapping,
    mapped_header,
)
from workers.finance.csv_lines import Continuation, Layout, LineReader, whole
from workers.finance.csv_mapping import CsvMapping, header_hash
from workers.finance.csv_records import is_wrapped, records, text_lines, unwrapped, without_formulas
from workers.finance.csv_signs import INVERTED, SIGNED, is_card, proven_signs, signed
from workers.finance.dates import ORDERS, is_date
from workers.finance.entries import (
    DEFAULT_CURRENCY,
    BadLine,
    Balances,
    Entry,
    StatementUnreadable,
)
from workers.finance.statement_text import known_currency
from workers.finance.text_scan import Scan, TextScan

DELIMITER_NAMES = {";": "semicolon", ",": "comma", "\t": "tab", "|": "pipe"}
SAMPLE_LINES = 400
SCAN_BYTES = 1024 * 1024
STEP_LINES = 1000
FOOTER_LINES = 10
HEADER_LINES = 80
GUESSES = {
    "dmy": "no day is over 12, so day before month was taken",
    "mdy": "no day is over 12, so month before day was taken",
    "ymd": "the first number stays and the last does not, so the year was taken to come first",
}
HEAD_BYTES = 128 * 1024
LONGEST_SAMPLE = 16 * 1024
CODE_PAGES = (
    "cp1250",
    "cp1251",
    "cp1254",
    "cp1257",
    "cp1253",
    "cp1255",
    "cp932",
    "gb18030",
    "big5",
    "cp949",
    "cp852",
    "cp866",
    "mac_roman",
)


class CsvReader:
    """One statement file; call `scan`, `detect` and `lines` in this order, each to its end."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        account: str | None = None,
        currency: str | None = None,
        date_order: str | None = None,
        mapping: CsvMapping | None = None,
        mappings: Mapping[str, CsvMapping] | None = None,
    ) -> None:
        currency = known_currency(currency)
        if date_order is not None and date_order not in ORDERS:
            raise StatementUnreadable("date_order", f"{date_order!r} is none", f"give one of {', '.join(ORDERS)}")
        self._file = file
        self._account, self._currency, self._date_order = account, currency, date_order
        self._mapping, self._mappings = mapping, mappings or {}
        self.scanned: Scan | None = None
        self.format: CsvFormat | None = None
        self.footer_lines = 0
        self._layout: Layout | None = None
        self._delimiter, self._width, self._header = "", 0, ""
        self._signs, self._wrapped = SIGNED, False
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
        sample = self._sample()
        self._wrapped = is_wrapped(sample)
        if not (self._mapping and self._mapping.encoding):
            self._choose_encoding()
        sample = self._sample()
        mapping = self._take_mapping(sample)
        if mapping and mapping.encoding:
            self.scanned = replace(self._scanned(), encoding=mapping.encoding, damaged=0)
            sample = self._sample()
        encoding = self._scanned().encoding
        delimiter, header_line, columns = mapped_header(sample, mapping) if mapping else find_header(sample)
        self._header = sample[header_line - 1] if header_line else ""
        above = [cells for _, cells in good(records(iter(sample[: max(0, header_line - 1)]), delimiter))]
        self._delimiter, self._width = delimiter, columns.width
        rows = [cells for _, cells in itertools.islice(good(self._below(header_line)), SAMPLE_LINES)]
        currency = self._currency or currency_told(columns, above, rows)

        evidence = Evidence(columns)
        for line, cells in good(self._below(header_line)):
            if line % STEP_LINES == 0:
                yield line
            evidence.look(cells)
        form, mark = evidence.dates.decide(currency), (mapping and mapping.decimal) or _mark(evidence, currency)
        notes = []
        if self._date_order is None and form.guessed:
            notes.append(f"date: {GUESSES[form.order]}; pass date_order if that is wrong")
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
            account=self._account or account_above(above),
            has_given_account=self._account is not None,
            fallback=fallback_account(columns),
            # A column of debits that are all negative has its minus for decoration; a mixed one has reversals.
            debits_signed=evidence.signs["debit"] == {"-"},
            credits_signed=evidence.signs["credit"] == {"-"} and evidence.signs["debit"] == {"+"},
            sided="side" in columns.index and "-" not in evidence.signs["amount"],
            unmarked=evidence.unmarked,
            inverted=bool(mapping and mapping.inverted) or evidence.is_contrary,
            usual_width=evidence.usual_width(),
        )
        self._find_signs(rows, evidence, notes)
        self.format = CsvFormat(
            encoding=encoding,
            delimiter=DELIMITER_NAMES[delimiter],
            decimal={",": "comma", ".": "point"}[mark],
            date_order=order,
            header_line=header_line,
            currency=self._layout.currency,
            columns=columns.names(),
            mapping=mapping.name if mapping else None,
            notes=notes,
        )

    def _find_signs(self, rows: list[list[str]], evidence: Evidence, notes: list[str]) -> None:
        """Say which way the money of each line went where the amounts themselves do not."""
        layout = self._layout
        if layout is None or "amount" not in layout.columns.index or layout.inverted:
            return
        reader = LineReader(layout)
        entries = [item for cells in rows if isinstance(item := reader.read(0, cells), Entry)]
        if not layout.sided and not layout.unmarked:
            self._signs = proven_signs(entries)
        if layout.unmarked:
            which = ("in", "out") if layout.unmarked < 0 else ("out", "in")
            notes.append(
                f"amount: only money that came {which[0]} is marked, so what has no mark was taken as gone {which[1]}"
            )
        elif self._signs == INVERTED:
            notes.append("amount: the balances move against the amounts, so the signs were turned round")
        elif self._signs != SIGNED:
            notes.append("amount: no amount has a sign, so the balances tell it")
        elif (
            len(entries) > 1
            and not layout.sided
            and evidence.signs["amount"] == {"+"}
            and not any(entry.balance is not None for entry in entries)
        ):
            notes.append(
                "amount: none has a minus, so all were taken as money that came in; "
                'pass a mapping with "inverted": true if it was spent'
            )
        elif not layout.sided and is_card(entries):
            layout = self._layout = replace(layout, inverted=True)
            notes.append("amount: what was paid to the card has a minus, so the signs were turned round")

    def lines(self) -> Iterator[Entry | BadLine]:
        """Yield each line below the header as an entry or as a line that could not be read.

        Blank lines, repeated headers and up to ten lines of a footer behind the entries are left out; `footer_lines` counts
        the last.
        """
        layout, found = self._layout, self.format
        if layout is None or found is None:
            raise RuntimeError("call detect() to its end first")
        for item in signed(whole(self._items(layout, found)), self._signs):
            if isinstance(item, Entry):
                self._balances.add(item)
            yield item

    def _items(self, layout: Layout, found: CsvFormat) -> Iterator[Entry | BadLine | Continuation]:
        reader = LineReader(layout)
        held: list[BadLine] = []
        between: list[Sequence[str]] = []
        began = False
        for record in self._below(found.header_line):
            outcome: Entry | BadLine | Continuation | None
            if isinstance(record, BadLine):
                outcome, may_be_footer = record, False
            else:
                outcome = reader.read(*record)
                if isinstance(outcome, Continuation) and (held or not began):
                    outcome = BadLine(record[0], "date", "is empty")
                may_be_footer = isinstance(outcome, BadLine) and _may_be_footer(record[1], layout.columns)
                if isinstance(outcome, BadLine) and len(between) < HEADER_LINES:
                    between.append(record[1])
                elif isinstance(outcome, Entry):
                    between.clear()
                elif outcome is None and began and reader.is_header(record[1]) and self._is_section(reader, between):
                    held.clear()
            if outcome is None:
                continue
            began = began or isinstance(outcome, Entry)
            if may_be_footer and isinstance(outcome, BadLine) and len(held) < FOOTER_LINES:
                held.append(outcome)
                continue
            yield from held
            held.clear()
            yield outcome
        if not began:
            yield from held
        else:
            self.footer_lines = len(held)

    def _is_section(self, reader: LineReader, between: list[Sequence[str]]) -> bool:
        """Tell whether the lines above a header in the middle name another account; the reader goes on in it then.

        Raises:
            StatementUnreadable: if the caller has named one account for all.
        """
        above = [list(cells) for cells in between]
        account = account_above(above)
        if account is None or self._layout is None:
            return False
        if self._account is not None:
            raise StatementUnreadable("account", "the file holds several accounts", "leave the argument out")
        reader.begin_section(account, currency_told(self._layout.columns, above, []))
        return True

    def learned(self) -> tuple[dict[str, Any], str | None]:
        """Return how the file was read, as a mapping to store, and the hash of its header; None without one."""
        found, layout = self.format, self._layout
        if found is None or layout is None:
            raise RuntimeError("call detect() to its end first")
        names = next((cells for _, cells in good(records(iter([self._header]), self._delimiter))), [])
        options = {
            "encoding": self._mapping.encoding if self._mapping else None,
            "account": self._account,
            "currency": self._currency,
            "inverted": layout.inverted,
        }
        mapping = learned_mapping(found, layout.columns) | {key: value for key, value in options.items() if value}
        return mapping, header_hash(names) if any(name.strip() for name in names) else None

    def balances(self) -> list[Balances]:
        """Return each account's balances, as the column of balances tells them; none without one."""
        return self._balances.all()

    def _take_mapping(self, sample: list[str]) -> CsvMapping | None:
        mapping = self._mapping = self._mapping or known_mapping(sample, self._mappings)
        if mapping is not None:
            self._account = self._account or mapping.account
            self._currency = self._currency or mapping.currency
            self._date_order = self._date_order or mapping.date_order
        return mapping

    def _choose_encoding(self) -> None:
        """Where one byte or two are a character, the column names that can be read tell which it is."""
        scanned = self._scanned()
        if scanned.encoding.startswith("utf"):
            return
        self._file.seek(0)
        head = self._file.read(HEAD_BYTES)
        best = header_score(self._decoded(head))
        for encoding in CODE_PAGES:
            self.scanned = replace(scanned, encoding=encoding)
            score = header_score(self._decoded(head))
            if score > best:
                best, scanned = score, self.scanned
        self.scanned = scanned

    def _scanned(self) -> Scan:
        if self.scanned is None:
            raise RuntimeError("call scan() to its end first")
        return self.scanned

    def _text(self) -> Iterator[str]:
        self._file.seek(0)
        lines = text_lines(self._file, self._scanned().encoding)
        return map(without_formulas, map(unwrapped, lines) if self._wrapped else lines)

    def _decoded(self, head: bytes) -> list[str]:
        return _short(itertools.islice(text_lines(io.BytesIO(head), self._scanned().encoding), HEADER_LINES))

    def _sample(self) -> list[str]:
        return _short(itertools.islice(self._text(), SAMPLE_LINES))

    def _below(self, header_line: int) -> Iterator[Record]:
        lines = self._text()
        for _ in range(header_line):
            next(lines, None)
        for record in records(lines, self._delimiter, width=self._width):
            if isinstance(record, BadLine):
                yield BadLine(record.line + header_line, record.field, record.reason)
            else:
                yield record[0] + header_line, record[1]


def _short(lines: Iterable[str]) -> list[str]:
    """Return lines, blank where they are too long for a header."""
    return [line if len(line) <= LONGEST_SAMPLE else "" for line in lines]


def _mark(evidence: Evidence, currency: str | None) -> str:
    try:
        return evidence.marks.decide(currency)
    except AmountError as error:
        raise StatementUnreadable(
            "amount",
            str(error),
            'pass a mapping that says "decimal": "comma" or "point", or the currency if it has no decimals',
        ) from None


def _may_be_footer(cells: Sequence[str], columns: Columns) -> bool:
    at = columns.index["date"]
    cell = cells[at].strip() if at < len(cells) else ""
    return (len(cells) < len(columns.headers) or not any(c.isdigit() for c in cell)) and not is_date(cell)
