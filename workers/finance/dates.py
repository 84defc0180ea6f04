"""Dates as banks write them: the order of day and month is decided over a whole column, then each cell is read strictly.

When no value has a day over 12, the reading in which the column is sorted decides, then the one that spans much less time;
else it is day first, except between slashes in a statement in US dollars. The last two steps are guesses, and said to be so.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

_TIME = re.compile(
    r"(?<=[0-9])[T ,]+[0-9]{1,2}[:.h][0-9]{2}([:.][0-9]{2}([.,][0-9]+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?$"
)
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/. ])([0-9]{1,2})\2([0-9]{1,2})\.?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/. ])\s?([0-9]{1,2})\2\s?([0-9]{4}|[0-9]{2})")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_CJK = re.compile(r"([0-9]{4})\s?年\s?([0-9]{1,2})\s?月\s?([0-9]{1,2})\s?日")
_SERIAL = re.compile(r"([0-9]{5})([.,][0-9]+)?")
_NAMED_DAY_FIRST = re.compile(
    r"([0-9]{1,2})(?:er|st|nd|rd|th)?[./ -]*(?:de )?([^\W\d_]{3,12})[./ -]*(?:de |del )?([0-9]{4}|[0-9]{2})(?: г\.?)?"
)
_NAMED_MONTH_FIRST = re.compile(r"([^\W\d_]{3,12})[. ]*([0-9]{1,2})(?:st|nd|rd|th)?,? *([0-9]{4})")
_NAMED_YEAR_FIRST = re.compile(r"([0-9]{4})[-/. ]([^\W\d_]{3,12})[-/. ]([0-9]{1,2})")
_WEEKDAY = re.compile(r"^[^\W\d_]{2,10}[.,]+\s*(?=[0-9A-Z])")
_FIRST_SERIAL = date(1899, 12, 30)  # Day 0 of spreadsheets, whose 1900 has a 29 February.

# By the first letters that no other month shares, accents removed: English, German, French, Spanish, Italian, Dutch, Portuguese,
# Polish, the Nordic ones but Finnish, Hungarian, Romanian, Turkish, Russian.
_MONTHS = (
    ("jan", "ene", "gen", "sty", "ian", "oca", "янв"),
    ("feb", "fev", "fevr", "lut", "sub", "фев"),
    ("mar", "mrz", "maer", "mrt", "maa", "мар"),
    ("apr", "avr", "abr", "kwi", "nis", "апр"),
    ("may", "mai", "mei", "mag", "maj", "мая", "маи"),
    ("jun", "juin", "giu", "cze", "iun", "haz", "июн"),
    ("jul", "juil", "lug", "lip", "iul", "tem", "июл"),
    ("aug", "aou", "ago", "sie", "авг"),
    ("sep", "set", "wrz", "sze", "eyl", "сен"),
    ("oct", "okt", "ott", "out", "paz", "eki", "окт"),
    ("nov", "noi", "kas", "ноя"),
    ("dec", "dez", "dic", "des", "gru", "ara", "дек"),
)
_MONTH_NUMBERS = {prefix: number for number, prefixes in enumerate(_MONTHS, 1) for prefix in prefixes}

MANY = 8
ORDERS = ("dmy", "mdy", "ymd", "serial")
"""How the days of a file are written; `serial` is a spreadsheet's number of a day, such as 45306."""
FIRST_YEAR, LAST_YEAR = 1970, 2100


class DateError(ValueError):
    """A cell that is no date; the message says why."""


@dataclass(frozen=True, slots=True)
class DateForm:
    """The order of a column's dates, and whether it had to be guessed."""

    order: str
    guessed: bool = False


class DateOrder:
    """Gathers what the cells of one column say about the order of day and month."""

    def __init__(self) -> None:
        self._year_first = 0
        self._day_first = 0
        self._month_first = 0
        self._open = 0
        self._serials = 0
        self._short: tuple[set[int], set[int]] = (set(), set())
        self._shorts = self._dots = 0
        self._slashes = 0
        self._last: str | None = None
        self._keys: dict[str, int | None] = {"dmy": None, "mdy": None}
        self._rises = {"dmy": 0, "mdy": 0}
        self._falls = {"dmy": 0, "mdy": 0}
        self._days: dict[str, set[int]] = {"dmy": set(), "mdy": set()}

    def look(self, cell: str) -> None:
        """Take one cell into account."""
        if cell == self._last:
            return
        self._last = cell
        text = _without_time(cell)
        if _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
            self._year_first += 1
            return
        match = _YEAR_LAST.fullmatch(text)
        if not match:
            self._serials += _SERIAL.fullmatch(text) is not None
            return
        first, mark, second, year = int(match[1]), match[2], int(match[3]), _year(match[4])
        if len(match[4]) == 2:
            self._shorts += 1
            self._dots += mark == "."
            for seen, value in zip(self._short, (first, int(match[4])), strict=True):
                if len(seen) <= MANY:
                    seen.add(value)
        if mark == "/":
            self._slashes += 1
        if first > 12 >= second >= 1:
            self._day_first += 1
        elif second > 12 >= first >= 1:
            self._month_first += 1
        elif first <= 12 and second <= 12:
            self._open += 1
        self._follow("dmy", year * 372 + second * 31 + first)
        self._follow("mdy", year * 372 + first * 31 + second)

    def decide(self, currency: str | None = None) -> DateForm:
        """Return the order of the column."""
        if self._begins_with_short_year():
            return DateForm("ymd", guessed=True)
        if self._day_first or self._month_first:
            return DateForm("dmy" if self._day_first >= self._month_first else "mdy")
        if not self._open:
            if self._serials and not self._year_first:
                return DateForm("serial")
            return DateForm("ymd" if self._year_first else "dmy")
        sorted_as = [order for order in ("dmy", "mdy") if not (self._rises[order] and self._falls[order])]
        if len(sorted_as) == 1 and self._open > 2:
            return DateForm(sorted_as[0])
        spans = {order: max(days) - min(days) for order, days in self._days.items()}
        narrow = min(spans, key=lambda order: spans[order])
        if self._open > 2 and 3 * spans[narrow] < max(spans.values()):
            return DateForm(narrow, guessed=True)
        if self._slashes and currency == "USD":
            return DateForm("mdy", guessed=True)
        return DateForm("dmy", guessed=bool(self._slashes) or currency == "USD")

    def _begins_with_short_year(self) -> bool:
        """Tell whether the first of two digits is the year, as in 24-01-13: it stays while the last goes through the month."""
        firsts, lasts = self._short
        least = 5 if self._dots else 3
        return (
            self._shorts >= least
            and len(firsts) == 1
            and len(lasts) >= least
            and not self._year_first
            and max(lasts) <= 31
        )

    def _follow(self, order: str, key: int) -> None:
        before = self._keys[order]
        if before is not None:
            self._rises[order] += key > before
            self._falls[order] += key < before
        self._keys[order] = key
        days = self._days[order]
        days.add(key)
        if len(days) > 2:
            self._days[order] = {min(days), max(days)}


def read_date(cell: str, order: str) -> date:
    """Return the date a cell holds; a time behind it is dropped, a year of two digits lies between 1970 and 2069.

    Raises:
        DateError: if it is no date, such as 30 February, or lies outside 1970 to 2100.
    """
    text = _without_time(cell)
    if match := _YEAR_FIRST.fullmatch(text):
        return _date(cell, int(match[1]), int(match[3]), int(match[4]))
    if match := _YEAR_LAST.fullmatch(text):
        first, second = int(match[1]), int(match[3])
        if order == "ymd" and len(match[4]) == 2:
            return _date(cell, _year(f"{first:02d}"), second, int(match[4]))
        day, month = (second, first) if order == "mdy" else (first, second)
        return _date(cell, _year(match[4]), month, day)
    if match := _COMPACT.fullmatch(text) or _CJK.fullmatch(text):
        return _date(cell, int(match[1]), int(match[2]), int(match[3]))
    if order == "serial" and (match := _SERIAL.fullmatch(text)):
        found = _FIRST_SERIAL + timedelta(days=int(match[1]))
        return _date(cell, found.year, found.month, found.day)
    return _named(cell, _WEEKDAY.sub("", text if text.isascii() else _plain(text)))


def _named(cell: str, text: str) -> date:
    """Return a date whose month is a word."""
    if match := _NAMED_DAY_FIRST.fullmatch(text):
        return _date(cell, _year(match[3]), _month(cell, match[2]), int(match[1]))
    if match := _NAMED_MONTH_FIRST.fullmatch(text):
        return _date(cell, int(match[3]), _month(cell, match[1]), int(match[2]))
    if match := _NAMED_YEAR_FIRST.fullmatch(text):
        return _date(cell, int(match[1]), _month(cell, match[2]), int(match[3]))
    raise DateError("is empty" if not cell.strip() else f"{cell[:60]!r} is no date")


def is_date(cell: str) -> bool:
    """Tell whether a cell can be read as a date in one order or another."""
    for order in ("dmy", "mdy"):
        try:
            read_date(cell, order)
        except DateError:
            continue
        return True
    return False


def _without_time(cell: str) -> str:
    text = cell.strip()
    return _TIME.sub("", text) if len(text) > 10 else text


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)


def _month(cell: str, name: str) -> int:
    lower = name.lower()
    for length in (4, 3):
        if number := _MONTH_NUMBERS.get(lower[:length]):
            return number
    raise DateError(f"{cell[:60]!r} names no month")


def _date(cell: str, year: int, month: int, day: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateError(f"{cell[:60]!r} is not between {FIRST_YEAR} and {LAST_YEAR}")
    try:
        return date(year, month, day)
    except ValueError:
        raise DateError(f"{cell[:60]!r} is no day of the calendar") from None
