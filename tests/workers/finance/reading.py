"""Reads a whole statement for a test: what the importer does, without a ledger."""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from workers.finance.entries import BadLine, Balances, Entry, Format
from workers.finance.readers import open_reader


@dataclass(frozen=True)
class Read:
    """What a reader gave."""

    format: Format
    entries: list[Entry]
    bad: list[BadLine]
    balances: list[Balances]

    @property
    def amounts(self) -> list[Decimal]:
        return [entry.amount for entry in self.entries]


def read(contents: str | bytes, **options: Any) -> Read:
    data = contents if isinstance(contents, bytes) else contents.encode()
    reader = open_reader(io.BytesIO(data), **options)
    for step in (reader.scan(), reader.detect()):
        for _ in step:
            pass
    items = list(reader.lines())
    assert reader.format is not None
    return Read(
        reader.format,
        [item for item in items if isinstance(item, Entry)],
        [item for item in items if isinstance(item, BadLine)],
        reader.balances(),
    )
