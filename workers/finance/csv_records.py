"""The records of a CSV file, by the line they begin on; one broken record costs itself alone and never the rest."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from workers.finance.entries import BadLine

CHUNK_BYTES = 256 * 1024
MAX_RECORD_LINES = 50
MAX_RECORD_CHARACTERS = 64 * 1024
MAX_CELLS = 1000

_FORMULA = re.compile(r'(?:^|(?<=[,;|\t]))="')


def text_lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Yield the file's lines without their ends, which may be LF, CR LF or CR; broken characters become U+FFFD."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    rest = ""
    while chunk := file.read(CHUNK_BYTES):
        # Some programs fill a file up to whole blocks with NULs.
        lines = (rest + decoder.decode(chunk).replace("\x00", "")).split("\n")
        rest = lines.pop()
        yield from lines
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def records(
    lines: Iterator[str], delimiter: str, *, width: int | None = None
) -> Iterator[tuple[int, list[str]] | BadLine]:
    """Yield `(line number, cells)` of each record; a quoted cell may hold line breaks (RFC 4180).

    A quotation mark that is opened and not closed within 50 lines makes its own line bad; reading goes on behind that line.
    So does one that is closed by the stray mark of a later line, which shows when `width`, the number of columns, is known:
    a line inside the quotes would be a whole record.
    """
    source = _Source(lines)
    reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True)
    while True:
        start = source.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = str(error) if "field limit" in str(error) else "a quotation mark is opened and not closed"
        else:
            if len(cells) > MAX_CELLS:
                yield BadLine(start, "columns", f"{len(cells):,} values, more than {MAX_CELLS:,}")
                continue
            if not source.ended_inside and not (width and source.swallowed(delimiter, width, cells)):
                yield start, cells
                continue
            reason = "a quotation mark is opened and not closed"
        source.go_back()
        reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True)
        yield BadLine(start, "columns", reason)


class _Source:
    """Feeds lines to the csv module, remembers those of the record in hand, and can go back to the second of them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._line = 0
        self.ended_inside = False

    def begin(self) -> int:
        """Begin a record and return the number of its first line."""
        self._taken.clear()
        self._size = 0
        self.ended_inside = False
        return self._line + 1

    def go_back(self) -> None:
        """Give all lines of the record but its first once more."""
        self._line -= len(self._taken) - 1
        self._again.extendleft(reversed(self._taken[1:]))

    def swallowed(self, delimiter: str, width: int, cells: list[str]) -> bool:
        """Tell whether the record's lines behind its first hold one that is a record of its own."""
        if len(self._taken) < 2:
            return False
        # The last line of a first cell that does hold line breaks is followed by all other cells; that of another one by all
        # but the first where each line ends with one delimiter more. It begins with the end of the quoted text then.
        is_end = "\n" in cells[0] or '"' in self._taken[-1].partition(delimiter)[0]
        inner = self._taken[1:-1] if is_end else self._taken[1:]
        return any(line.count(delimiter) >= width - 1 for line in inner)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._taken) >= MAX_RECORD_LINES or (self._taken and self._size > MAX_RECORD_CHARACTERS):
            raise csv.Error("unclosed")
        try:
            line = self._again.popleft() if self._again else next(self._lines)
        except StopIteration:
            self.ended_inside = bool(self._taken)
            raise
        self._line += 1
        self._size += len(line)
        self._taken.append(line)
        return line + "\n"


def is_wrapped(sample: list[str]) -> bool:
    """Tell whether each line is one quoted cell with the whole record in it, as some spreadsheets make of a CSV."""
    lines = [line.strip() for line in sample if line.strip()]
    return (
        bool(lines)
        and all(
            len(line) > 2 and line[0] == line[-1] == '"' and '"' not in line[1:-1].replace('""', "") for line in lines
        )
        and any(mark in lines[0] for mark in ";,\t|")
    )


def without_formulas(line: str) -> str:
    """Return a record without the signs that keep a spreadsheet from changing its cells: `="0123"` becomes `"0123"`."""
    return _FORMULA.sub('"', line) if '="' in line else line


def unwrapped(line: str) -> str:
    """Return the record within a quoted line."""
    text = line.strip()
    return text[1:-1].replace('""', '"') if text[:1] == '"' == text[-1:] and len(text) > 1 else line
