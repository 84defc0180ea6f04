"""Amounts as banks write them: the decimal mark is decided over a whole column, then each cell is read strictly.

A mark followed by exactly three digits says nothing by itself (1.234): other cells of the column decide; if none does, it
marks thousands, unless the currency has three decimals. Where all of them end with a nought (1.230) it may be either, as some
banks write a third decimal: that is said to be open, and not guessed.
"""

from __future__ import annotations

import re
from decimal import Decimal

from workers.finance.currencies import CODES, SIGNS, decimals_of

MAX_DIGITS = 16  # before the decimal mark, as the ledger's column holds them

_SPACES = str.maketrans("", "", " \t\u00a0\u2007\u2009\u202f'\u2019\u00b4`")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-", "\ufe63": "-", "\uff0d": "-"})
_CODE = re.compile(r"(?<![A-Za-z])[A-Za-z]{3}(?![A-Za-z])")
_WORDS = (r"\bkr\.?", r"\bFr\.?", r"\bFt\b", r"\bRs\.?", r"\bR(?=[ -]*[0-9])", r"\bруб\.?", r"\blei\b")
_SIGN = re.compile("|".join([*map(re.escape, sorted(SIGNS, key=len, reverse=True)), *_WORDS]))
_SIDE = re.compile(r"(CR|DR|[CDSH])$", re.IGNORECASE)
_BEFORE = re.compile(r"[0-9]+$")
_SMALL = re.compile(r"[^0-9]*[0-9]{1,3}[^0-9]*")
_NUMBER = {
    ",": re.compile(r"[0-9]+(,[0-9]+)?|[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?|,[0-9]+"),
    ".": re.compile(r"[0-9]+(\.[0-9]+)?|[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]+)?|\.[0-9]+"),
}
_NEGATIVE_SIDES = frozenset({"DR", "D", "S"})


class AmountError(ValueError):
    """A cell that is no amount; the message says why."""


class DecimalMark:
    """Gathers what the cells of one file say about its decimal mark; by their rules some formats write no thousands (`has_groups`)."""

    def __init__(self, *, has_groups: bool = True) -> None:
        self._has_groups = has_groups
        self.is_grouped = False
        self._votes = {",": 0, ".": 0}
        self._unsure = {",": 0, ".": 0}
        self._thousands = False
        self._seen: set[str] = set()

    def look(self, cell: str) -> None:
        """Take one cell into account."""
        comma, point = cell.rfind(","), cell.rfind(".")
        if comma < 0 and point < 0:
            # Whole amounts below a thousand beside it: what is written 1.230 there has no decimals either.
            self._thousands = self._thousands or bool(cell.strip("0 +-") and _SMALL.fullmatch(cell))
            return
        if comma >= 0 and point >= 0:
            self.is_grouped = True
            self._votes["," if comma > point else "."] += 1
            return
        mark, at = (",", comma) if comma >= 0 else (".", point)
        if cell.count(mark) > 1:
            self._votes["." if mark == "," else ","] += 1
            return
        after = 0
        for character in cell[at + 1 :]:
            if not character.isdigit():
                break
            after += 1
        before = _BEFORE.search(cell, 0, at)
        if after == 3 and before and len(before[0]) <= 3 and before[0] != "0":
            self._unsure[mark] += 1
            self._thousands = self._thousands or cell[at + 3] != "0"
        elif after:
            self._votes[mark] += 1

    def decide(self, currency: str | None = None) -> str:
        """Return the decimal mark, `,` or `.`: the majority of the cells that say one.

        Raises:
            AmountError: if all there is may be thousands or three decimals.
        """
        votes, unsure = self._votes, self._unsure
        if votes[","] != votes["."]:
            return "," if votes[","] > votes["."] else "."
        if unsure[","] == unsure["."]:
            return "."
        mark = "," if unsure[","] > unsure["."] else "."
        other = "." if mark == "," else ","
        if not self._has_groups:
            return mark
        decimals = decimals_of(currency) if currency else 2
        if decimals == 2 and not self._thousands:
            raise AmountError(f"all of them are written as 1{mark}230, which may be 1230 or 1{mark}23")
        return mark if decimals == 3 else other


def read_amount(cell: str, mark: str, currency: str | None = None) -> Decimal:
    """Return the amount a cell holds, written with this decimal mark.

    A minus before or after it, brackets around it and DR behind it make it negative; spaces and apostrophes between digits, a
    currency's code or sign beside it are ignored.

    Raises:
        AmountError: if it is no amount, has more digits than the ledger holds, or more decimals than the currency has.
    """
    rest = (cell if _plain(cell) else _without_currency(cell.translate(_MINUS))).translate(_SPACES)
    negative = False
    if rest.startswith("(") and rest.endswith(")"):
        negative, rest = True, rest[1:-1]
    if side := _SIDE.search(rest):
        negative ^= side.group().upper() in _NEGATIVE_SIDES
        rest = rest[: side.start()]
    if rest[:1] in {"-", "+"}:
        negative ^= rest[0] == "-"
        rest = rest[1:]
    elif rest[-1:] in {"-", "+"}:
        negative ^= rest[-1] == "-"
        rest = rest[:-1]
    if not _NUMBER[mark].fullmatch(rest) or not rest.isascii():
        raise AmountError(_why_not(cell, rest, mark))
    plain = rest.replace(".", "").replace(",", ".") if mark == "," else rest.replace(",", "")
    whole, _, fraction = plain.partition(".")
    fraction = fraction.rstrip("0")
    if len(whole.lstrip("0")) > MAX_DIGITS:
        raise AmountError(f"{cell[:60]!r} has more than {MAX_DIGITS} digits")
    if currency and len(fraction) > decimals_of(currency):
        raise AmountError(f"{cell[:60]!r} has more decimals than {currency}, which has {decimals_of(currency)}")
    if len(fraction) > 4:
        raise AmountError(f"{cell[:60]!r} has more than 4 decimals")
    amount = Decimal(plain)
    return -amount if negative and amount else amount


def _plain(cell: str) -> bool:
    return cell.isascii() and not any(character.isalpha() or character == "$" for character in cell)


def _without_currency(cell: str) -> str:
    return _SIGN.sub("", _CODE.sub(lambda code: "" if code.group().upper() in CODES else code.group(), cell))


def _why_not(cell: str, rest: str, mark: str) -> str:
    shown = repr(cell[:60])
    if not rest:
        return "is empty"
    if re.fullmatch(r"[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+", rest):
        return f"{shown} was shortened by a spreadsheet; export the statement again"
    if re.fullmatch(r"[0-9.,]+", rest):
        return f"{shown} is no number with '{mark}' before the decimals, as the rest of the column has it"
    return f"{shown} is no amount"
