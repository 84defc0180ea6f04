"""The first look at a file's bytes: is it text, of which encoding, how many lines, and if not, what is it.

A table (CSV) has lines; text of another form, `markup=True`, may be all on one.

Text in UTF-8 or UTF-16 is recognised for certain. For one byte a character the likeliest code page is taken: Windows-1252
unless the bytes speak against it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from workers.finance.entries import StatementUnreadable

MAX_LINES = 1_000_000
MAX_LINE_BYTES = 1024 * 1024
MAX_MARKUP_BYTES = 256 * 1024 * 1024
SAMPLE_BYTES = 64 * 1024
STRAY_CONTROLS = 8  # such as the SOH and ETX around an MT940

_ESCAPED = re.compile("[\udc80-\udcff]")
_CONTROLS = bytes(set(range(1, 32)) - {9, 10, 12, 13, 26, 27})
_SINGLE_BYTE = ["cp1252", "iso8859_15", "cp1250", "cp1251", "cp850", "mac_roman"]
# Two bytes a character: Japanese by its kana, Korean by its Hangul; Chinese is told by the names of the columns.
_WIDE = (("cp932", "\u3041", "\u30fe", 0.2), ("euc_jp", "\u3041", "\u30fe", 0.2), ("euc_kr", "\uac00", "\ud7a3", 0.8))
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CSV = "export the statement as CSV, OFX, MT940 or CAMT and upload that"
_SIGNATURES = (
    (b"PK\x03\x04", "is a workbook or a zip archive", "save the sheet as CSV, or unpack the archive, and upload that"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", "save the sheet as CSV and upload that"),
    (b"%PDF", "is a PDF document", _CSV),
    (b"\x1f\x8b", "is compressed with gzip", "unpack it and upload the file inside"),
    (b"\x89PNG", "is a picture", _CSV),
    (b"\xff\xd8\xff", "is a picture", _CSV),
    (b"GIF8", "is a picture", _CSV),
)
_OTHER_TEXTS = (
    (
        re.compile(r"<(!doctype\s+)?html", re.I),
        "is a web page",
        "sign in to the bank again and export the CSV once more",
    ),
    (re.compile(r"^\s*!(Type|Account|Option):", re.I), "is in QIF, which tells neither account nor currency", _CSV),
    (re.compile(r"^\s*[{\[]\s*[\"{\[\]}]"), "is a JSON file", _CSV),
)


@dataclass(frozen=True, slots=True)
class Scan:
    """What the bytes say: `damaged` counts bytes that do not belong to the encoding and are shown as U+FFFD."""

    size_bytes: int
    lines: int
    encoding: str
    damaged: int


class TextScan:
    """Takes a file's bytes chunk by chunk and says at the end what they are; it holds one chunk and a sample."""

    def __init__(self, *, markup: bool = False) -> None:
        self._markup = markup
        self._size = self._newlines = self._returns = self._nuls = self._controls = 0
        self._line_bytes = self._padding = 0
        self._head = b""
        self._sample = bytearray()
        self._wide = self._bad = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._blank = True

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            StatementUnreadable: for a file of another kind, or as soon as it has too many or too long lines.
        """
        if not self._size:
            self._head = chunk[:SAMPLE_BYTES]
            refuse_signatures(self._head)
        self._size += len(chunk)
        self._blank = self._blank and not chunk.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
        self._newlines += chunk.count(b"\n")
        self._returns += chunk.count(b"\r")
        if self._markup:
            self._check_size()
        else:
            self._check_lines(chunk)
        self._nuls += chunk.count(0)
        kept = len(chunk.rstrip(b"\x00"))
        self._padding = len(chunk) - kept + (0 if kept else self._padding)
        self._controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
        if chunk.isascii() and not self._utf8.getstate()[0]:
            return
        self._count_wide(self._utf8.decode(chunk))
        if len(self._sample) < SAMPLE_BYTES:
            self._sample += b"\n".join(line for line in chunk.split(b"\n") if not line.isascii())[:SAMPLE_BYTES]

    def finish(self) -> Scan:
        """Return what the file is.

        Raises:
            StatementUnreadable: if it is empty, not text, or, for a table, text of another kind.
        """
        if self._blank:
            raise StatementUnreadable("file", "it is empty", "export the statement again and upload it")
        self._count_wide(self._utf8.decode(b"", final=True))
        encoding = self._encoding()
        if not self._markup:
            _refuse_other_texts(self._head.decode(encoding, "replace"))
        damaged = self._bad if encoding.startswith("utf-8") else 0
        return Scan(self._size, max(self._newlines, self._returns) + 1, encoding, damaged)

    def _check_size(self) -> None:
        if self._size > MAX_MARKUP_BYTES:
            raise StatementUnreadable(
                "file",
                f"it has more than {MAX_MARKUP_BYTES // 2**20} MiB",
                "export shorter periods, for example month by month, and upload the parts",
            )

    def _check_lines(self, chunk: bytes) -> None:
        lines = max(self._newlines, self._returns)
        if lines > MAX_LINES:
            raise StatementUnreadable(
                "file", f"it has more than {MAX_LINES:,} lines", "split it, for example by year, and upload the parts"
            )
        first = min((at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0), default=-1)
        self._line_bytes += len(chunk) if first < 0 else first
        if self._line_bytes > MAX_LINE_BYTES:
            raise StatementUnreadable(
                "file",
                f"line {lines + 1 if first < 0 else lines - chunk.count(bytes([chunk[first]])) + 1} is longer than {MAX_LINE_BYTES:,} bytes",
                "no bank writes such lines; check that the file has line breaks",
            )
        if first >= 0:
            self._line_bytes = len(chunk) - 1 - max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))

    def _count_wide(self, text: str) -> None:
        bad = len(_ESCAPED.findall(text))
        self._bad += bad
        self._wide += len(text) - len(text.encode("ascii", "ignore")) - bad

    def _encoding(self) -> str:
        for bom, name in _BOMS:
            if self._head.startswith(bom):
                return name
        if wide := _utf16_without_bom(self._head):
            return wide
        if self._nuls - self._padding > max(STRAY_CONTROLS, self._size // 1000) or self._controls > max(
            STRAY_CONTROLS, self._size // 100
        ):
            raise StatementUnreadable("file", "it is not text", _CSV)
        # A file whose wide characters are nearly all right is damaged UTF-8; one where they are not is something else.
        if self._wide >= 10 * self._bad:
            return "utf-8"
        return _code_page(bytes(self._sample))


def _code_page(sample: bytes) -> str:
    for name, begin, end, share in _WIDE:
        if _share(sample, name, begin, end) >= share:
            return name
    fits = [name for name in _SINGLE_BYTE if _decodes(sample, name)]
    best = from_bytes(sample, cp_isolation=fits, threshold=0.5).best() if fits else None
    if best is None or (best.encoding != "cp1252" and "cp1252" in fits and not _foreign(best.encoding, sample)):
        return "cp1252" if "cp1252" in fits else "latin-1"
    return best.encoding


def _foreign(encoding: str, sample: bytes) -> bool:
    """Tell whether Windows-1252 makes signs and capitals in mid-word out of bytes that are letters in `encoding`."""
    return _oddities(sample.decode("cp1252", "replace")) > 2 * _oddities(sample.decode(encoding, "replace"))


def _oddities(text: str) -> int:
    return sum(
        not c.isalpha() or (c.isupper() and before.islower()) or c in "ªºµƒˆ"
        for before, c in zip(" " + text, text, strict=False)
        if not c.isascii() and c not in "€\u00a0§°„“”’–£"
    )


def _share(sample: bytes, name: str, begin: str, end: str) -> float:
    """Return which share of the characters beyond ASCII lies in a block, 0 if the bytes are not of this encoding."""
    try:
        text = sample[: sample.rfind(b"\n") + 1 or None].decode(name)
    except UnicodeDecodeError:
        return 0.0
    wide = [character for character in text if not character.isascii()]
    return sum(begin <= character <= end for character in wide) / len(wide) if wide else 0.0


def _decodes(sample: bytes, name: str) -> bool:
    try:
        sample.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _utf16_without_bom(head: bytes) -> str | None:
    half = len(head) // 2
    if half < 8:
        return None
    for name, highs, lows in (("utf-16-le", head[1::2], head[0::2]), ("utf-16-be", head[0::2], head[1::2])):
        controls = len(lows) - len(lows.translate(None, _CONTROLS + b"\x00"))
        if highs.count(0) > 0.4 * half and controls < 0.05 * half:
            return name
    return None


def refuse_signatures(head: bytes) -> None:
    """Refuse what the first bytes show to be no text.

    Raises:
        StatementUnreadable: for workbooks, archives, PDF and pictures.
    """
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise StatementUnreadable("file", f"it {what}", remedy)


def _refuse_other_texts(head: str) -> None:
    for pattern, what, remedy in _OTHER_TEXTS:
        if pattern.search(head[:4096]):
            raise StatementUnreadable("file", f"it {what}", remedy)
