"""Finds which column of a statement is what, by the names that banks give them and by what stands below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.finance.csv_names import FEE, FIELDS, GENERIC_PARTIES, NAMES, NEGATIVE, POSITIVE, UNSURE, plain_name
from workers.finance.dates import is_date
from workers.finance.entries import StatementUnreadable

MANY = frozenset({"text", "counterparty"})


@dataclass(frozen=True, slots=True)
class Columns:
    """The index of each field's column; texts and counterparties may be made of several."""

    headers: tuple[str, ...]
    index: dict[str, int]
    many: dict[str, tuple[int, ...]]

    @property
    def width(self) -> int:
        """The number of columns, without nameless ones at the end."""
        return max(at for at, header in enumerate(self.headers, 1) if header)

    def names(self) -> dict[str, str]:
        """Return each field with the header it was found under."""
        found = {field: self.headers[at] for field, at in self.index.items()}
        return found | {field: ", ".join(self.headers[at] for at in ats) for field, ats in self.many.items()}


def recognised(cells: Sequence[str]) -> int:
    """Return how many cells name a field, or 0 where date or amount is missing: then it is no header."""
    plain = [plain_name(cell) for cell in cells]
    fields = {FIELDS[name][0] for name in plain if name in FIELDS and name not in UNSURE}
    fields |= {field for name in plain for field in UNSURE.get(name, ())}
    if not fields & {"date", "valued"} or not fields & {"amount", "debit", "credit"}:
        return 0
    return sum(name in FIELDS or name in UNSURE for name in plain)


def find_columns(headers: Sequence[str], sample: Sequence[Sequence[str]]) -> Columns:
    """Return which column is what; `sample` are some records below the header.

    Raises:
        StatementUnreadable: if there is no column for the date or the amount.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    names = [plain_name(header) for header in headers]
    rows = [row for row in sample if any(cell.strip() for cell in row)]
    for at, name in enumerate(names):
        values = [row[at].strip() for row in rows if at < len(row) and row[at].strip()]
        if name in UNSURE:
            field = _decide(at, names, values, len(rows))
            found.setdefault(field, []).append((100 + at, at))
        elif name in FIELDS:
            field, rank = FIELDS[name]
            if field != "side" or _are_sides(values):
                found.setdefault(field, []).append((rank, at))
    if "date" not in found and "valued" in found:
        found["date"] = found.pop("valued")
    if "date" not in found:
        raise _missing("date", headers)
    if not found.keys() & {"amount", "debit", "credit"}:
        raise _missing("amount", headers)
    if "amount" in found:
        amount = min(found["amount"])[1]
        # Some have both, and fill only one or the other.
        if all(at_least(row, amount) for row in rows if _has_date(row, min(found["date"])[1])):
            found.pop("debit", None)
            found.pop("credit", None)
        if "side" not in found and (side := _nameless_side(names, found, rows)) is not None:
            found["side"] = [(0, side)]
    parties = found.get("counterparty", [])
    named = [(rank, at) for rank, at in parties if names[at] not in GENERIC_PARTIES]
    if named:
        found["counterparty"] = named
    many = {field: tuple(sorted(at for _, at in found.pop(field))) for field in MANY if field in found}
    index = {field: min(places)[1] for field, places in found.items()}
    if any(set(names) >= layout for layout in _FEE_APART):
        index["fee"] = next(at for at, name in enumerate(names) if name in FEE)
    width = max(len(headers), *(at + 1 for at in index.values()))
    return Columns((*headers, *[""] * (width - len(headers))), index, many)


def at_least(row: Sequence[str], at: int) -> bool:
    """Tell whether a record has something in a column."""
    return at < len(row) and bool(row[at].strip())


_FEE_APART = (
    frozenset({"started date", "completed date", "amount", "fee"}),
    frozenset(map(plain_name, ("money in", "money out", "fee"))),
)
"""The layouts of banks that book amount and fee as one and tell them apart."""


def _has_date(row: Sequence[str], at: int) -> bool:
    return at < len(row) and is_date(row[at].strip())


def _decide(at: int, names: Sequence[str], values: list[str], rows: int) -> str:
    first, second = UNSURE[names[at]]
    if first == "valued":
        return first if not values or any(is_date(value) for value in values) else second
    if second == "amount" and first == "side":
        return first if _are_sides(values) or not values else second
    if first == "account":
        return first if _is_own_account(at, names, values, rows) else second
    return first if _are_sides(values) else second


def _is_own_account(at: int, names: Sequence[str], values: list[str], rows: int) -> bool:
    """Tell whether a column of accounts is of the account itself, and not of the other party."""
    fields = [FIELDS.get(name, ("", 0))[0] for name in names]
    before_date = "date" not in fields or at < fields.index("date")
    if not values or "account" in fields or (at and fields[at - 1] == "counterparty"):
        return False
    if before_date or (at + 1 < len(names) and fields[at + 1] == "account_name"):
        return True
    if names[at].startswith("account") or (names[at] != "iban" and "counterparty" not in fields):
        return len(values) == rows
    return "counterparty" not in fields and len(values) == rows and len(set(values)) <= max(1, rows // 2)


def _nameless_side(
    names: Sequence[str], found: dict[str, list[tuple[int, int]]], rows: Sequence[Sequence[str]]
) -> int | None:
    """Return the column, of a name that is not known, that says debit or credit beside amounts without a sign."""
    amount = min(found["amount"])[1]
    taken = {at for places in found.values() for _, at in places}
    cells = [row[amount] for row in rows if at_least(row, amount)]
    if any("-" in cell or "\u2212" in cell or "(" in cell for cell in cells):
        return None
    width = max((len(row) for row in rows), default=0)
    for at in sorted(range(max(width, len(names))), key=lambda at: (at < amount, at)):
        values = [row[at].strip() for row in rows if at < len(row) and row[at].strip()]
        if at not in taken and _are_sides(values) and (len(values) == len(cells) or at >= len(names) or not names[at]):
            return at
    return None


def _are_sides(values: list[str]) -> bool:
    words = {value.casefold() for value in values}
    return bool(words) and words <= NEGATIVE | POSITIVE


def _missing(field: str, headers: Sequence[str]) -> StatementUnreadable:
    known = ", ".join(" ".join(NAMES[field].split()).split(", ")[:4]).title()
    shown = ", ".join(header.strip() for header in headers if header.strip())[:300]
    return StatementUnreadable(
        field,
        f"no column is named like one (found: {shown})",
        f"name it {known} or another usual name in the header line, or pass a mapping",
    )
