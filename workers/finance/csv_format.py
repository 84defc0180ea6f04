"""How a CSV is written, told to people and kept as a mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workers.finance.csv_columns import Columns
from workers.finance.entries import Format


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
    mapping: str | None = None

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
            **({"mapping": self.mapping} if self.mapping else {}),
        }

    def sentence(self) -> str:
        """Say it."""
        return f"the file is {self.encoding} with {self.delimiter}, decimal {self.decimal}, dates {self.date_order}"


def learned_mapping(found: CsvFormat, columns: Columns) -> dict[str, Any]:
    """Return how a file was read, in the form that `read_mapping` takes; a column whose name is not its own is told by number."""
    headers = [header.casefold() for header in columns.headers]

    def place(at: int) -> str | int:
        is_named = found.header_line and headers[at] and headers.count(headers[at]) == 1
        return columns.headers[at] if is_named else at + 1

    places: dict[str, Any] = {name: place(at) for name, at in columns.index.items()}
    places |= {name: [place(at) for at in ats] for name, ats in columns.many.items()}
    learned = {
        "columns": places,
        "delimiter": found.delimiter,
        "decimal": found.decimal,
        "date_order": found.date_order,
    }
    has_name = any(isinstance(value, str) for value in places.values())
    return learned if has_name else learned | {"header_line": found.header_line}
