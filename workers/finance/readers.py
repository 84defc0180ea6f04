"""Opens a statement file with the reader of its format, told by its contents and never by its name alone."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import BinaryIO

from workers.finance.csv_mapping import CsvMapping
from workers.finance.csv_reader import CsvReader
from workers.finance.entries import StatementReader, StatementUnreadable
from workers.finance.text_scan import refuse_signatures

HEAD_BYTES = 16 * 1024

_OFX = re.compile(r"^\s*OFXHEADER\s*:|<\?OFX\b|<OFX>", re.IGNORECASE | re.MULTILINE)
_MT940 = re.compile(r"^(\{4:)?\s{0,3}:(20|25|28C?|60[FM]|61|940):|^\{1:F", re.MULTILINE)
_HTML = re.compile(r"<(!doctype\s+)?html", re.IGNORECASE)
_NAMED = {
    ".ofx": "OFX",
    ".qfx": "OFX",
    ".qbo": "OFX",
    ".sta": "MT940",
    ".mt940": "MT940",
    ".940": "MT940",
    ".camt": "CAMT",
    ".xml": "CAMT",
}
_DELIMITERS = re.compile(r"[;,|\t]")


def open_reader(
    file: BinaryIO,
    *,
    name: str = "",
    account: str | None = None,
    currency: str | None = None,
    date_order: str | None = None,
    mapping: CsvMapping | None = None,
    mappings: Mapping[str, CsvMapping] | None = None,
) -> StatementReader:
    """Return the reader of a file's format: CSV, OFX (QFX), MT940 or CAMT; it has read nothing yet.

    Args:
        file: the file, which can be read from its beginning again.
        name: its name, for what is said of a file that is none of these.
        account: IBAN or name of the account, for files that do not say theirs.
        currency: ISO 4217 code, for files that do not say theirs.
        date_order: `dmy`, `mdy`, `ymd` or `serial`, for CSV whose dates do not tell.
        mapping: how to read a CSV, in the place of what would be found.
        mappings: mappings by the hash of their header; the one of the file's header is taken where no other is given.

    Raises:
        StatementUnreadable: if an argument is wrong, or the file is named as one of these and holds nothing alike.
    """
    file.seek(0)
    data = file.read(HEAD_BYTES)
    file.seek(0)
    refuse_signatures(data)
    head = _text_of(data)
    kind = _kind_of(head)
    if kind == "OFX":
        from workers.finance.ofx_reader import OfxReader

        return OfxReader(file, account=account, currency=currency)
    if kind == "MT940":
        from workers.finance.mt940_reader import Mt940Reader

        return Mt940Reader(file, account=account, currency=currency)
    if kind == "CAMT":
        from workers.finance.camt_reader import CamtReader

        return CamtReader(file, account=account, currency=currency)
    named = _NAMED.get(PurePath(name).suffix.lower())
    words = " ".join(head.split())
    if (
        named
        and mapping is None
        and words
        and words.isprintable()
        and not words.startswith("<")
        and not _DELIMITERS.search(words)
    ):
        raise StatementUnreadable("file", f"it is named {name!r} but holds no {named}", "download the statement again")
    return CsvReader(
        file, account=account, currency=currency, date_order=date_order, mapping=mapping, mappings=mappings
    )


def _kind_of(head: str) -> str:
    if _OFX.search(head):
        return "OFX"
    if head.lstrip().startswith("<") and not _HTML.search(head):
        return "CAMT"
    return "MT940" if _MT940.search(head) else "CSV"


def _text_of(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace")
    # All that tells the formats apart is ASCII; NULs are the other half of UTF-16 without its mark.
    return head.removeprefix(codecs.BOM_UTF8).replace(b"\x00", b"").decode("latin-1").lstrip("\x01\x02\x03 \t\r\n")
