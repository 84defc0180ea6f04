"""The fields of an MT940 or MT942 file, one after the other with the line they begin in.

What stands between statements (SWIFT blocks, a bank's own header lines) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_FIELD_LINES = 200
MAX_LINE = 4000

_FIELD = re.compile(r"(?:\{4:)?\s{0,3}:(20|21|13D?|25P?|28C?|34F|60[FM]?|61|62[FM]?|64|65|86|90[CD]|NS):(.*)")
_BLOCKS = re.compile(r"^(\{[1235]:[^{}]*(\{[^{}]*\})*\})*")
_END = re.compile(r"-(\}.*|[X\s]*)?")


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `tag` is `-` for the end of a statement. `lines` are the value's, with their spaces."""

    line: int
    tag: str
    lines: tuple[str, ...]

    @property
    def value(self) -> str:
        """The first line of the value."""
        return self.lines[0].strip()


def fields(lines: Iterator[str]) -> Iterator[Field]:
    """Yield the fields of a file given as its lines."""
    began, tag, value = 0, "", [""]
    for number, raw in enumerate(lines, 1):
        line = (_BLOCKS.sub("", raw, count=1) if "{" in raw[:4] else raw)[:MAX_LINE]
        match = _FIELD.match(line)
        if match is None and not _END.fullmatch(line.strip()):
            if tag and len(value) < MAX_FIELD_LINES:
                value.append(line)
            continue
        if tag:
            yield Field(began, tag, tuple(value))
        if match is None:
            yield Field(number, "-", ("",))
            tag = ""
        else:
            began, tag, value = number, match[1], [match[2]]
    if tag:
        yield Field(began, tag, tuple(value))
