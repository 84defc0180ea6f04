"""Finds a CSV's header and what it and the lines above it say: columns, currency, account."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping

from workers.finance.csv_columns import Columns, find_columns, recognised
from workers.finance.csv_mapping import CsvMapping, header_hash
from workers.finance.csv_names import plain_name
from workers.finance.csv_records import records
from workers.finance.currencies import CODES, currency_in, currency_in_words, known_code
from workers.finance.dates import is_date
from workers.finance.entries import AccountKey, BadLine, StatementUnreadable, iban_of

DELIMITERS = (";", ",", "\t", "|")
HEADER_WITHIN = 60

Record = tuple[int, list[str]] | BadLine
Header = tuple[str, int, Columns]
"""Delimiter, number of the header's line (0: there is none) and what its columns are."""


def good(found: Iterator[Record]) -> Iterator[tuple[int, list[str]]]:
    """Leave out records that are broken."""
    return (record for record in found if not isinstance(record, BadLine))


def mapped_header(sample: list[str], mapping: CsvMapping) -> Header:
    """Return the header that a mapping is for: the first line that has all of its names.

    Raises:
        StatementUnreadable: if there is none, or a line has fewer columns than the mapping counts.
    """
    names = mapping.names()
    widest: list[str] = []
    for delimiter in (mapping.delimiter,) if mapping.delimiter else DELIMITERS:
        found = list(itertools.islice(good(records(iter(sample), delimiter)), HEADER_WITHIN))
        for line, cells in found:
            if names and names <= {cell.strip().casefold() for cell in cells}:
                return delimiter, line, mapping.columns_of([cell.strip() for cell in cells])
            widest = max(widest, cells, key=len)
        first = next((cells for line, cells in found if line > mapping.header_line), [])
        if not names and len(first) >= mapping.last_number():
            return delimiter, mapping.header_line, mapping.columns_of([f"column {at + 1}" for at in range(len(first))])
    shown = ", ".join(cell.strip() for cell in widest if cell.strip())[:300]
    wanted = ", ".join(sorted(names)) or f"{mapping.last_number()} columns"
    raise StatementUnreadable(
        "mapping",
        f"{mapping.name!r} is for a file with {wanted}; the file has {shown!r}",
        "correct the mapping, or leave it out and let the columns be found",
    )


def known_mapping(sample: list[str], mappings: Mapping[str, CsvMapping]) -> CsvMapping | None:
    """Return the stored mapping whose header the file has, or None; `mappings` are by the hash of their header."""
    for delimiter in DELIMITERS if mappings else ():
        for _, cells in itertools.islice(good(records(iter(sample), delimiter)), HEADER_WITHIN):
            if len(cells) > 1 and (mapping := mappings.get(header_hash(cells))) is not None:
                return mapping
    return None


def find_header(sample: list[str]) -> tuple[str, int, Columns]:
    """Return delimiter, line number and columns of the header: the line that names most fields, the first of equals."""
    best: tuple[int, str, int, list[str]] | None = None
    told = re.fullmatch(r"\W?sep=(.)", sample[0].strip("\ufeff\r ")) if sample else None
    for delimiter in (told[1],) if told and told[1] in DELIMITERS else DELIMITERS:
        for line, cells in itertools.islice(good(records(iter(sample), delimiter)), HEADER_WITHIN):
            named = recognised(cells)
            if named and (best is None or named > best[0]):
                best = (named, delimiter, line, cells)
    if best is None:
        first = next((line.strip() for line in sample if line.strip()), "")
        raise StatementUnreadable(
            "columns",
            f"no line among the first {HEADER_WITHIN} names a date and an amount (the file begins with {first[:120]!r})",
            "put a header line such as Date;Amount;Description above the bookings, or pass a mapping",
        )
    _, delimiter, line, cells = best
    rows = [row for _, row in good(records(iter(sample[line:]), delimiter))]
    return delimiter, line, find_columns([cell.strip() for cell in cells], rows)


def header_score(sample: list[str]) -> int:
    """Return how many fields the best header among some lines names."""
    return max(
        (
            recognised(cells)
            for delimiter in DELIMITERS
            for _, cells in itertools.islice(good(records(iter(sample), delimiter)), HEADER_WITHIN)
        ),
        default=0,
    )


def currency_told(columns: Columns, above: list[list[str]], rows: list[list[str]]) -> str | None:
    """Return the currency that the file names: in the header of the amounts, a column of its own, above, or beside the amounts."""
    for name in ("amount", "debit", "credit", "balance"):
        if name in columns.index and (found := currency_in(columns.headers[columns.index[name]])):
            return found
    if "currency" in columns.index:
        at = columns.index["currency"]
        codes = [code for row in rows if at < len(row) and (code := known_code(row[at])) in CODES]
        if codes:
            return max(set(codes), key=codes.count)
    for cells in above:
        if (found := currency_in_words(" ".join(cells))) is not None:
            return found
    amounts = [columns.index[name] for name in ("amount", "debit", "credit") if name in columns.index]
    found_in = {currency_in(row[at]) for row in rows for at in amounts if at < len(row)} - {None}
    return found_in.pop() if len(found_in) == 1 else None


def account_above(above: list[list[str]]) -> AccountKey | None:
    """Return the account that the lines above the header name, an IBAN before a number."""
    for cells in above:
        for cell in cells:
            for part in re.split(r"[:,;/()]", cell):
                if iban := iban_of(part):
                    return AccountKey(iban, "", iban)
    for cells in above:
        words = [word for cell in cells for word in re.split(r"[:=]", cell) if word.strip()]
        for label, value in itertools.pairwise(words):
            number = value.strip().lstrip("_")
            if plain_name(label) in _ACCOUNT_LABELS and sum(c.isdigit() for c in number) >= 4 and not is_date(number):
                return AccountKey(number[:128], "", number[:255])
    for cells in above:
        if match := _NUMBER_TOLD.search(" ".join(cells)):
            return AccountKey(match[1].strip(), "", match[0].strip()[:255])
    return None


# As in `Compte Chèque carte n° 12345678901`.
_NUMBER_TOLD = re.compile(
    r"(?:compte|konto|account|cuenta|conto|conta|rekening)\b[^0-9;]{0,40}(?:n[°ºr]\.?|no\.|number|num\.)\s?([0-9][0-9 -]{5,30})",
    re.I,
)

_ACCOUNT_LABELS = frozenset(
    plain_name(label)
    for label in (
        *("Konto", "Kontonummer", "Kontonr", "Girokonto", "Kreditkarte", "Account", "Account number", "Account no"),
        *("Compte", "Numéro de compte", "Cuenta", "Número de cuenta", "Conto", "Numero conto", "Rekening", "IBAN"),
        *(
            "Account details for",
            "Account name",
            "Conto Corrente",
            "Conta",
            "Rachunek",
            "Číslo účtu",
            "Tilinumero",
            "Número da conta",
        ),
    )
)


def fallback_account(columns: Columns) -> AccountKey:
    """Return the account of statements that name none: one per layout, so that two banks are never mixed."""
    layout = "\n".join(plain_name(header) for header in columns.headers)
    digest = hashlib.sha256(layout.encode()).hexdigest()[:16]
    shown = ", ".join(header for header in columns.headers if header)[:60]
    return AccountKey(f"layout:{digest}", "", f"Unnamed account ({shown})")
