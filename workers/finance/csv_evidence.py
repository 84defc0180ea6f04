"""What all lines of a CSV say about how it is written."""

from __future__ import annotations

from collections.abc import Sequence

from workers.finance.amounts import DecimalMark
from workers.finance.csv_columns import Columns
from workers.finance.dates import DateOrder


class Evidence:
    """Dates, decimal marks, signs and width, gathered over the whole file."""

    def __init__(self, columns: Columns) -> None:
        self.dates, self.marks = DateOrder(), DecimalMark()
        self.signs: dict[str, set[str]] = {"amount": set(), "debit": set(), "credit": set()}
        self._widths: dict[int, int] = {}
        self._date = columns.index["date"]
        self._amounts = [(columns.index[name], seen) for name, seen in self.signs.items() if name in columns.index]
        self._balance = columns.index.get("balance")

    def look(self, cells: Sequence[str]) -> None:
        """Take one record into account."""
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
        """Return how many cells most records have."""
        return max(self._widths, key=lambda width: self._widths[width], default=0)
