"""The letters of a report: a font of the system that has most scripts, or the one that comes with the PDF library.

What neither has is set in the Japanese font that PDF readers bring, and what nothing has is shown as a question mark, so that
no name becomes a row of boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts/Supplemental")
CANDIDATES = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("Arial Unicode.ttf", "Arial Bold.ttf"),
)
REGULAR, BOLD, JAPANESE = "Report", "Report-Bold", "HeiseiKakuGo-W5"


class Fonts:
    """The registered fonts; `regular` and `bold` are their names in the PDF."""

    regular, bold = REGULAR, BOLD

    def __init__(self, pair: tuple[Path, Path] | None = None) -> None:
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont
        from reportlab.pdfbase.ttfonts import TTFont

        regular, bold = pair or _found() or (Path("Vera.ttf"), Path("VeraBd.ttf"))
        font: Any = TTFont(REGULAR, str(regular))
        pdfmetrics.registerFont(font)
        pdfmetrics.registerFont(TTFont(BOLD, str(bold)))
        pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
        pdfmetrics.registerFont(UnicodeCIDFont(JAPANESE))
        self._known: frozenset[int] = frozenset(font.face.charToGlyph)

    def markup(self, text: str) -> str:
        """Return a text as markup of a paragraph, each letter in a font that has it."""
        return "".join(
            f'<font name="{JAPANESE}">{escape(run)}</font>' if kind == JAPANESE else escape(run)
            for kind, run in self._runs(text)
        )

    def plain(self, text: str) -> str:
        """Return a text for a drawing, which has one font: what that lacks is a question mark."""
        return "".join(run if kind == REGULAR else "?" * len(run) for kind, run in self._runs(text))

    def _runs(self, text: str) -> Iterator[tuple[str, str]]:
        for kind, letters in groupby(text, self._kind):
            run = "".join(letters)
            yield (REGULAR, "?" * len(run)) if kind == "" else (kind, run)

    def _kind(self, letter: str) -> str:
        if ord(letter) in self._known:
            return REGULAR
        if 0x2E80 <= ord(letter) <= 0x9FFF or 0xFF00 <= ord(letter) <= 0xFFEF:
            return JAPANESE
        return ""


@cache
def fonts() -> Fonts:
    """Return this process's fonts, registered once."""
    return Fonts()


def _found() -> tuple[Path, Path] | None:
    files = {path.name: path for folder in FOLDERS for path in Path(folder).rglob("*.ttf")}
    for regular, bold in CANDIDATES:
        if regular in files and bold in files:
            return files[regular], files[bold]
    return None
