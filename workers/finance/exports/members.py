"""Writes the rows of one table as CSV, JSON and Parquet, a batch at a time."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

ROW_GROUP = 25_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the begin of a formula in a CSV cell (OWASP, CSV injection)."""

KINDS = {
    "int2": "integer", "int4": "integer", "int8": "integer", "numeric": "decimal", "date": "date", "timestamptz": "timestamp",
    "bool": "boolean", "uuid": "text", "text": "text", "varchar": "text", "jsonb": "json",
}  # fmt: skip


class Members:
    """The three files of one table; use it as a context and `write` each batch."""

    def __init__(self, folder: Path, name: str, columns: Sequence[tuple[str, str]]) -> None:
        self.name, self.columns, self.rows = name, list(columns), 0
        self.paths = {ending: folder / f"{name}.{ending}" for ending in ("csv", "json", "parquet")}
        self._kinds = [kind for _, kind in columns]
        self._waiting: list[Any] = []
        self._waiting_rows = 0

    def __enter__(self) -> Members:
        from pyarrow import parquet

        self._names = [name for name, _ in self.columns]
        self._schema = _schema(self.columns)
        # However the writing ends, a full disk included, every file is closed.
        self._open = ExitStack()
        csv_file = self._open.enter_context(self.paths["csv"].open("w", encoding="utf-8", newline=""))
        self._json = self._open.enter_context(self.paths["json"].open("w", encoding="utf-8"))
        self._parquet = self._open.enter_context(
            parquet.ParquetWriter(self.paths["parquet"], self._schema, compression="zstd")
        )
        self._csv = csv.writer(csv_file, lineterminator="\r\n")
        self._csv.writerow(self._names)
        self._json.write("[")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if kind is None:
                self._flush()
                self._json.write("\n]\n")

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write some rows; it blocks, so call it in a thread."""
        import pyarrow

        if not rows:
            return
        encode = json.JSONEncoder(ensure_ascii=False, default=_json_value, separators=(",", ":")).encode
        kinds, names = self._kinds, self._names
        lines = []
        for row in rows:
            self._csv.writerow([_csv_cell(value, kind) for value, kind in zip(row, kinds, strict=True)])
            pairs = zip(names, row, kinds, strict=True)
            lines.append(
                encode({name: json.loads(v) if kind == "json" and isinstance(v, str) else v for name, v, kind in pairs})
            )
        self._json.write(("," if self.rows else "") + "\n" + ",\n".join(lines))
        columns = [
            pyarrow.array([_arrow_value(value) for value in column], field.type)
            for column, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._waiting.append(pyarrow.record_batch(columns, schema=self._schema))
        self._waiting_rows += len(rows)
        self.rows += len(rows)
        if self._waiting_rows >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        if self._waiting:
            self._parquet.write_table(pyarrow.Table.from_batches(self._waiting), row_group_size=ROW_GROUP * 2)
        self._waiting, self._waiting_rows = [], 0


def described(path: Path) -> dict[str, Any]:
    """Return a member's name, size in bytes and SHA-256, for the manifest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _csv_cell(value: Any, kind: str) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if kind == "text" and value.lstrip(" ").startswith(FORMULA) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        # As text: JSON's numbers are binary to most of their readers.
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _arrow_value(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def _schema(columns: Sequence[tuple[str, str]]) -> Any:
    import pyarrow

    types = {
        "integer": pyarrow.int64(),
        "decimal": pyarrow.decimal128(20, 4),
        "date": pyarrow.date32(),
        "timestamp": pyarrow.timestamp("us", tz="UTC"),
        "boolean": pyarrow.bool_(),
        "text": pyarrow.string(),
        "json": pyarrow.string(),
    }
    return pyarrow.schema([(name, types[kind]) for name, kind in columns])
