"""How one bank's CSV is to be read, as a person has written it down: what its columns are, and what cannot be told from it."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.finance.csv_columns import MANY, Columns
from workers.finance.csv_names import NAMES
from workers.finance.currencies import CODES
from workers.finance.dates import ORDERS
from workers.finance.entries import StatementUnreadable

DELIMITERS = {"semicolon": ";", "comma": ",", "tab": "\t", "pipe": "|"}
MARKS = {"comma": ",", "point": "."}
KEYS = ("columns", "delimiter", "encoding", "decimal", "date_order", "currency", "account", "header_line", "inverted")

Place = str | int
"""A column: the name in the header, or its number from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvMapping:
    """What is empty or None is found in the file; `header_line` counts the lines above the bookings of a file without names.

    `inverted` says that what was spent has no minus, as on the cards of some banks.
    """

    name: str
    columns: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""
    date_order: str | None = None
    currency: str | None = None
    account: str | None = None
    header_line: int = 0
    inverted: bool = False

    def names(self) -> set[str]:
        """Return the names that the header must have, lower case."""
        return {place.casefold() for places in self.columns.values() for place in places if isinstance(place, str)}

    def last_number(self) -> int:
        """Return the highest number of a column."""
        return max((place for places in self.columns.values() for place in places if isinstance(place, int)), default=0)

    def columns_of(self, headers: Sequence[str]) -> Columns:
        """Return what the columns under these headers are."""
        at_name: dict[str, int] = {}
        for at, header in enumerate(headers):
            at_name.setdefault(header.casefold(), at)
        found = {
            name: tuple(place - 1 if isinstance(place, int) else at_name[place.casefold()] for place in places)
            for name, places in self.columns.items()
        }
        return Columns(
            tuple(headers),
            {name: ats[0] for name, ats in found.items() if name not in MANY},
            {name: ats for name, ats in found.items() if name in MANY},
        )


def read_mapping(value: Mapping[str, Any], name: str = "the given mapping") -> CsvMapping:
    """Return a mapping given as JSON.

    Example:
        `{"columns": {"date": "Wann", "amount": "Wieviel", "text": ["Was", "Wofür"]}, "decimal": "comma"}`

    Raises:
        StatementUnreadable: if a key or value is none.
    """
    if unknown := set(value) - set(KEYS):
        raise _wrong(f"{sorted(unknown)[0]!r} is no key", f"the keys are {', '.join(KEYS)}")
    columns = value.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise _wrong(
            "columns are missing", 'give them as {"date": "name in the header", "amount": 3}, by name or number'
        )
    if unknown := set(columns) - set(NAMES):
        raise _wrong(f"{sorted(unknown)[0]!r} is no field", f"the fields are {', '.join(NAMES)}")
    if "date" not in columns or not columns.keys() & {"amount", "debit", "credit"}:
        raise _wrong(
            "the date or the amount has no column", "name a column for date, and for amount or debit and credit"
        )
    encoding = str(value.get("encoding") or "")
    try:
        encoding = codecs.lookup(encoding).name if encoding else ""
        "1".encode(encoding or "utf-8")
    except LookupError:
        raise _wrong(f"{encoding!r} is no encoding", "give one such as utf-8 or cp1252") from None
    return CsvMapping(
        name=name,
        columns={key: _places(key, place) for key, place in columns.items()},
        delimiter=DELIMITERS[_one_of("delimiter", value, DELIMITERS)] if value.get("delimiter") else "",
        encoding=encoding,
        decimal=MARKS[_one_of("decimal", value, MARKS)] if value.get("decimal") else "",
        date_order=_one_of("date_order", value, ORDERS) if value.get("date_order") else None,
        currency=_one_of("currency", value, CODES) if value.get("currency") else None,
        account=str(value["account"]) if value.get("account") else None,
        header_line=_number(value.get("header_line") or 0),
        inverted=_truth(value.get("inverted") or False),
    )


def header_hash(cells: Sequence[str]) -> str:
    """Return what a header is found by: the SHA-256 of its names, lower case, without empty ones at the end."""
    names = [cell.strip().strip("\ufeff").casefold() for cell in cells]
    return hashlib.sha256("\n".join(names).rstrip("\n").encode("utf-8", "surrogatepass")).hexdigest()


def _places(name: str, value: Any) -> tuple[Place, ...]:
    places = tuple(value) if isinstance(value, list | tuple) else (value,)
    if len(places) > 1 and name not in MANY:
        raise _wrong(f"{name!r} has several columns", f"only {' and '.join(sorted(MANY))} may be made of several")
    for place in places:
        is_name = isinstance(place, str) and place.strip()
        is_number = isinstance(place, int) and not isinstance(place, bool) and 1 <= place <= 500
        if not is_name and not is_number:
            raise _wrong(f"{place!r} is no column for {name!r}", "give the name in the header or the number from 1")
    return tuple(place.strip() if isinstance(place, str) else place for place in places)


def _one_of(key: str, value: Mapping[str, Any], known: Any) -> str:
    given = str(value[key])
    if given not in known:
        shown = "an ISO 4217 code" if len(known) > 20 else f"one of {', '.join(known)}"
        raise _wrong(f"{key} {given[:60]!r} is none", f"give {shown}")
    return given


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 60:
        raise _wrong(f"header_line {value!r} is no number from 0 to 60", "count the lines above the first booking")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(f"inverted {value!r} is neither true nor false", "give true if what was spent has no minus")
    return value


def _wrong(problem: str, remedy: str) -> StatementUnreadable:
    return StatementUnreadable("mapping", problem, remedy)
