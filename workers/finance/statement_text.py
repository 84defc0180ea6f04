"""The text of a statement in a marked-up format: decoded as it is, not as its header claims, in chunks or in lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from workers.finance.csv_records import text_lines
from workers.finance.currencies import CODES
from workers.finance.entries import StatementUnreadable
from workers.finance.text_scan import Scan, TextScan

CHUNK_BYTES = 256 * 1024
HEAD_BYTES = 4096

_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], " ")
_DECLARED = (
    re.compile(rb"""<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']"""),
    re.compile(rb"^\s*CHARSET:\s*([A-Za-z0-9._-]+)", re.MULTILINE),
)
_CODE_PAGES = ("cp", "iso8859", "koi8", "mac", "gb", "big5", "shift_jis", "euc")
_CHARSETS = {"none": None, "1252": "cp1252", "8859-1": "cp1252", "iso-8859-1": "cp1252", "latin-1": "cp1252"}


class StatementText:
    """One file; call `scan` to its end, then read `chunks`, or `lines` if it is `in_lines`, as often as needed."""

    def __init__(self, file: BinaryIO, *, in_lines: bool = False) -> None:
        self._file, self._in_lines = file, in_lines
        self.scanned: Scan | None = None
        self.encoding = ""

    def scan(self) -> Iterator[int]:
        """Look at the bytes, yielding how many were read; `scanned` and `encoding` are set at the end.

        Raises:
            StatementUnreadable: if the file is empty, too large or no text, or has lines that are too long.
        """
        self._file.seek(0)
        head = self._file.read(HEAD_BYTES)
        self._file.seek(0)
        scan, size = TextScan(markup=not self._in_lines), 0
        while chunk := self._file.read(CHUNK_BYTES):
            scan.feed(chunk)
            size += len(chunk)
            yield size
        self.scanned = scan.finish()
        self.encoding = _encoding(self.scanned.encoding, head)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the encoding."""
        damaged = self.scanned.damaged if self.scanned else 0
        return [f"file: {damaged} bytes are no {self.encoding} and are shown as \ufffd"] if damaged else []

    def chunks(self) -> Iterator[str]:
        """Yield the text; control characters become spaces."""
        self._file.seek(0)
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        while chunk := self._file.read(CHUNK_BYTES):
            yield decoder.decode(chunk).translate(_CONTROLS)
        yield decoder.decode(b"", final=True).translate(_CONTROLS)

    def lines(self) -> Iterator[str]:
        """Yield the lines without their ends; control characters become spaces."""
        self._file.seek(0)
        for line in text_lines(self._file, self.encoding):
            yield line if line.isprintable() else line.translate(_CONTROLS)


def known_currency(currency: str | None) -> str | None:
    """Return the currency that the caller gave.

    Raises:
        StatementUnreadable: if it is none.
    """
    if currency is not None and currency not in CODES:
        raise StatementUnreadable("currency", f"{currency!r} is no currency", "give an ISO 4217 code such as EUR")
    return currency


def _encoding(found: str, head: bytes) -> str:
    """Return the encoding: UTF-8 and UTF-16 are certain, among the code pages the file's own word counts."""
    if found.startswith("utf"):
        return found
    for pattern in _DECLARED:
        if match := pattern.search(head):
            name = match[1].decode().lower()
            try:
                codec = codecs.lookup(_CHARSETS.get(name, name) or found).name
            except LookupError:
                continue
            return codec if codec.startswith(_CODE_PAGES) else found
    return found
