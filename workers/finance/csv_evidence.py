"""What all lines of a CSV say about how it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workers.finance.amounts import DecimalMark
from workers.finance.csv_columns import Columns
from workers.finance.csv_names import NEGATIVE, POSITIVE
from workers.finance.dates import DateOrder

_CREDIT_MARK = re.compile(r"(?<=[0-9\s])(CR?|H)$", re.IGNORECASE)
_DEBIT_MARK = re.compile(r"(?<=[0-9\s])(DR?|S)$", re.IGNORECASE)


class Evidence:
    """Dates, decimal marks, signs and width, gathered over the whole file."""

    def __init__(self, columns: Columns) -> None:
        self.dates, self.marks = DateOrder(), DecimalMark()
        self.signs: dict[str, set[str]] = {"amount": set(), "debit": set(), "credit": set()}
        self.sides: set[str] = set()
        self._sided = {True: 0, False: 0}
        self._widths: dict[int, int] = {}
        self._date = columns.index["date"]
        self._amounts = [(columns.index[name], seen) for name, seen in self.signs.items() if name in columns.index]
        self._balance = columns.index.get("balance")
        self._side = columns.index.get("side")

    @property
    def unmarked(self) -> int:
        """Return -1 if only the money that came in is marked (CR), so that what has no mark went out; 1 the other way, else 0.

        A mark stands in the column of sides or behind the amount.
        """
        if self._side is not None:
            marks = self.sides
        elif "-" in self.signs["amount"]:
            return 0
        else:
            marks = {{"C": "+", "D": "-", "+": ""}[sign] for sign in self.signs["amount"]}
        if "" not in marks or marks >= {"+", "-"}:
            return 0
        return -1 if "+" in marks else int("-" in marks)

    @property
    def is_contrary(self) -> bool:
        """Tell whether debits have no minus and credits have one, as on some cards: the words are believed then."""
        return "-" in self.signs["amount"] and self._sided[False] > self._sided[True]

    def look(self, cells: Sequence[str]) -> None:
        """Take one record into account."""
        width = len(cells)
        self._widths[width] = self._widths.get(width, 0) + 1
        if self._date < width:
            self.dates.look(cells[self._date].strip())
        has_amount = False
        for at, seen in self._amounts:
            if at < width and (cell := cells[at]):
                self.marks.look(cell)
                if cell.strip(" 0.,"):
                    has_amount = True
                    seen.add(_sign(cell))
        if self._balance is not None and self._balance < width:
            self.marks.look(cells[self._balance])
        if self._side is not None and has_amount:
            side = cells[self._side].strip().casefold() if self._side < width else ""
            mark = "-" if side in NEGATIVE else "+" if side in POSITIVE else side
            self.sides.add(mark)
            if mark in {"-", "+"} and self._amounts[0][0] < width:
                self._sided[mark == _sign(cells[self._amounts[0][0]])] += 1

    def usual_width(self) -> int:
        """Return how many cells most records have."""
        return max(self._widths, key=lambda width: self._widths[width], default=0)


def is_marked(cell: str) -> bool:
    """Tell whether an amount bears a mark of credit or debit behind it."""
    text = cell.rstrip()
    return bool(_CREDIT_MARK.search(text) or _DEBIT_MARK.search(text))


def _sign(cell: str) -> str:
    """Return `-` or `+`, or `C` or `D` where the amount bears a mark instead."""
    if "-" in cell or "\u2212" in cell or "(" in cell:
        return "-"
    if cell[-1:].isalpha() or cell[-1:].isspace():
        text = cell.rstrip()
        if _CREDIT_MARK.search(text):
            return "C"
        if _DEBIT_MARK.search(text):
            return "D"
    return "+"
