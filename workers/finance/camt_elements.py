"""The parts of a CAMT file in their order, one small tree at a time: an account, a balance, an entry.

Parsed by defusedxml: no document type, so no entity to expand and nothing to fetch. Namespaces are dropped, so that every
version, and every bank's own wrapping around it, reads alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from workers.finance.entries import StatementUnreadable

STATEMENTS = frozenset({"Stmt", "Rpt", "Ntfctn"})
PARTS = frozenset({"Acct", "Bal", "Ntry", "CreDtTm"})
PAYMENT = "TxDtls"
MAX_DEPTH = 60
MAX_PART_ELEMENTS = 100_000
MAX_PART_CHARACTERS = 4_000_000
PAYMENTS_KEPT = 100
"""Of an entry that gathers more payments, the first are kept and all are counted, in the attribute `payments`."""
_DOWNLOAD = "download the statement from the bank again"


@dataclass(frozen=True, slots=True)
class Part:
    """A child of a statement, or the statement's own begin and end (`Stmt` and `/Stmt`, without an element)."""

    line: int
    name: str
    element: Element | None = None


class CamtParts:
    """Turns the text of a file into parts; `root` is the outermost element's name, `namespace` the innermost document's."""

    def __init__(self) -> None:
        self.root = ""
        self.namespace = ""
        self._path: list[str] = []
        self._statement = 0
        self._built: list[Element] = []
        self._elements = self._characters = 0
        self._before_payment = (0, 0)
        self._began = 0
        self._found: list[Part] = []
        self._parser: Any = XMLParser(target=self, encoding="utf-8", forbid_dtd=True)

    def read(self, chunks: Iterator[str]) -> Iterator[Part]:
        """Yield the parts of a text that comes in pieces.

        Raises:
            StatementUnreadable: if it is no well-formed XML, is cut off, or declares a document type.
        """
        fed = False
        try:
            for chunk in chunks:
                # expat takes no text before the declaration, and some banks begin with an empty line.
                text = chunk if fed else chunk.lstrip("\ufeff \t\r\n")
                fed = fed or bool(text)
                self._parser.feed(text.encode("utf-8", "replace"))
                yield from self._taken()
            self._parser.close()
        except DefusedXmlException:
            raise StatementUnreadable(
                "file",
                f"line {self._line} declares a document type or an entity, which no statement needs and attackers use",
                _DOWNLOAD,
            ) from None
        except ParseError as error:
            line = error.position[0]
            what = f"it is cut off in line {line}" if self._path else f"line {line} is no well-formed XML"
            if self._path and not _is_at_end(error):
                what = f"line {line} is no well-formed XML (inside {self._path[-1]})"
            raise StatementUnreadable("file", what, _DOWNLOAD) from None
        yield from self._taken()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take a start tag, as the parser calls it."""
        namespace, _, name = tag.rpartition("}")
        self.root = self.root or name
        if name == "Document" or not self.namespace:
            self.namespace = namespace.lstrip("{")
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise StatementUnreadable("file", f"line {self._line} is nested more than {MAX_DEPTH} deep", _DOWNLOAD)
        if self._built:
            self._build(name, attributes)
        elif self._statement and len(self._path) == self._statement + 1:
            if name in PARTS:
                self._began, self._elements, self._characters = self._line, 0, 0
                self._build(name, attributes)
        elif not self._statement and name in STATEMENTS:
            self._statement = len(self._path)
            self._found.append(Part(self._line, "Stmt"))

    def data(self, text: str) -> None:
        """Take text, as the parser calls it."""
        if self._built:
            self._characters += len(text)
            if self._characters > MAX_PART_CHARACTERS:
                raise self._too_large(f"{MAX_PART_CHARACTERS:,} characters")
            self._built[-1].text = (self._built[-1].text or "") + text

    def end(self, tag: str) -> None:
        """Take an end tag, as the parser calls it."""
        self._path.pop()
        if self._built:
            element = self._built.pop()
            if element.tag == PAYMENT and self._built:
                self._count_payment(self._built[-1], element)
            if not self._built:
                self._found.append(Part(self._began, element.tag, element))
        elif self._statement > len(self._path):
            self._statement = 0
            self._found.append(Part(self._line, "/Stmt"))

    def close(self) -> None:
        """Take the end of the file, as the parser calls it."""

    @property
    def _line(self) -> int:
        return int(self._parser.parser.CurrentLineNumber)

    def _build(self, name: str, attributes: dict[str, str]) -> None:
        if name == PAYMENT:
            self._before_payment = (self._elements, self._characters)
        self._elements += 1
        if self._elements > MAX_PART_ELEMENTS:
            raise self._too_large(f"{MAX_PART_ELEMENTS:,} elements")
        element = Element(name, {"Ccy": attributes["Ccy"]} if "Ccy" in attributes else {})
        if self._built:
            self._built[-1].append(element)
        self._built.append(element)

    def _count_payment(self, parent: Element, payment: Element) -> None:
        counted = int(parent.get("payments", "0")) + 1
        parent.set("payments", str(counted))
        if counted > PAYMENTS_KEPT:
            parent.remove(payment)
            self._elements, self._characters = self._before_payment

    def _too_large(self, what: str) -> StatementUnreadable:
        return StatementUnreadable("file", f"the entry in line {self._began} has more than {what}", _DOWNLOAD)

    def _taken(self) -> list[Part]:
        found, self._found = self._found, []
        return found


def _is_at_end(error: ParseError) -> bool:
    # XML_ERROR_NO_ELEMENTS and XML_ERROR_UNCLOSED_TOKEN, XML_ERROR_PARTIAL_CHAR of expat.
    return error.code in {3, 5, 6}
