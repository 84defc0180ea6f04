"""The elements of an OFX file, SGML (version 1) or XML (version 2), one after the other with the line they stand in.

Banks mix the two: XML headers over unclosed elements, SGML with end tags, no header at all. So tags are taken as they come.
No entity but the five of XML and numbers is known, so nothing can be expanded or fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workers.finance.entries import StatementUnreadable

MAX_PENDING = 1024 * 1024
"""No tag and no value of a statement is longer; a file that has one is no OFX."""

MAX_TAG = 1000

_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9._:-]{0,63})(?:\s[^<>]*?)?(/?)>")
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_SKIPPED = (("<!--", "-->"), ("<?", ">"))
_CDATA, _CDATA_END = "<![CDATA[", "]]>"


@dataclass(frozen=True, slots=True)
class Element:
    """A start tag with the text behind it, or an end tag; names are upper case, without a prefix."""

    line: int
    name: str
    value: str = ""
    is_end: bool = False


def elements(chunks: Iterator[str]) -> Iterator[Element]:
    """Yield the tags of a text that comes in pieces.

    Raises:
        StatementUnreadable: for a document type declaration, or a value of more than a megabyte.
    """
    scanner = _Scanner()
    for chunk in chunks:
        yield from scanner.feed(chunk)
    yield from scanner.finish()


class _Scanner:
    def __init__(self) -> None:
        self._rest = ""
        self._line = 1
        self._open: tuple[int, str] | None = None
        self._value: list[str] = []

    def feed(self, chunk: str) -> Iterator[Element]:
        text, at = self._rest + chunk, 0
        while (end := self._after(text, at)) > at:
            if text[at] == "<":
                yield from self._tag(text[at:end])
            else:
                self._value.append(text[at:end])
            self._line += text.count("\n", at, end)
            at = end
        self._rest = text[at:]
        if len(self._rest) + sum(map(len, self._value)) > MAX_PENDING:
            raise StatementUnreadable(
                "file",
                f"line {self._line} holds a value of more than a megabyte",
                "no bank writes such values; download the statement again",
            )

    def finish(self) -> Iterator[Element]:
        self._value.append(self._rest)
        yield from self._pending()

    def _after(self, text: str, at: int) -> int:
        """Return where the piece that begins at `at` ends, or `at` if it is not there in full yet."""
        if at >= len(text):
            return at
        if text[at] != "<":
            end = text.find("<", at)
            return end if end >= 0 else at
        if text.startswith(_CDATA, at):
            end = text.find(_CDATA_END, at)
            return end + len(_CDATA_END) if end >= 0 else at
        for begin, close in _SKIPPED:
            if text.startswith(begin, at):
                end = text.find(close, at)
                return end + len(close) if end >= 0 else at
        if len(text) - at < len(_CDATA) and _CDATA.startswith(text[at:]):
            return at
        next_at = text.find("<", at + 1)
        close_at = text.find(">", at, next_at if next_at >= 0 else len(text))
        if close_at < 0:
            return max(next_at, at)
        return close_at + 1

    def _tag(self, piece: str) -> Iterator[Element]:
        if piece.startswith(_CDATA):
            self._value.append(piece[len(_CDATA) : -len(_CDATA_END)].replace("&", "&amp;"))
        elif piece[:9].upper() == "<!DOCTYPE" or piece[:8].upper() == "<!ENTITY":
            raise StatementUnreadable(
                "file",
                f"line {self._line} declares a document type, which no statement needs and attackers use",
                "download the statement from the bank again",
            )
        elif len(piece) <= MAX_TAG and (match := _NAME.fullmatch(piece)):
            yield from self._pending()
            name = match[2].rpartition(":")[2].upper()
            if match[1]:
                yield Element(self._line, name, is_end=True)
            else:
                self._open = (self._line, name)
                if match[3]:
                    yield from self._pending()
                    yield Element(self._line, name, is_end=True)
        elif not piece.startswith(("<?", "<!")):
            # A sign in a text, as in `5 < 6`.
            self._value.append(piece)

    def _pending(self) -> Iterator[Element]:
        if self._open is not None:
            # Some banks escape what is escaped already: TPAY &amp;lt;DEFT&amp;gt;.
            value = _ENTITY.sub(_character, _ENTITY.sub(_character, "".join(self._value)))
            yield Element(*self._open, " ".join(value.split()))
        self._open = None
        self._value.clear()


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    if not name.startswith("#"):
        return _ENTITIES[name]
    code = int(name[2:], 16) if name[1] == "x" else int(name[1:])
    return chr(code) if 31 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " "
