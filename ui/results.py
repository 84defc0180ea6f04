"""A job's result as what it is: figures, tables and files, where it has them in the shapes that are drawn."""

from __future__ import annotations

import re
from typing import Any

from ui.ids import clean_id
from ui.model import Row

FIGURES, TABLES, ROWS, COLUMNS, FILES = 12, 8, 100, 12, 12
CELL_CHARACTERS, WORDS_CHARACTERS = 400, 600
TONES = frozenset({"good", "bad"})

_FILE_ID = re.compile(r"[0-9a-f-]{36}")


def result_parts(result: Any) -> Row:
    """Return `summary`, `figures`, `tables` and `files` of a result; what has another shape than these is left out."""
    if not isinstance(result, dict):
        return {}
    summary = result.get("summary")
    found: Row = {
        "summary": _text(summary, WORDS_CHARACTERS) if isinstance(summary, str) else "",
        "figures": [figure for each in _list(result.get("figures"))[:FIGURES] if (figure := _figure(each))],
        "tables": [table for each in _list(result.get("tables"))[:TABLES] if (table := _table(each))],
        "files": [file for each in _list(result.get("files"))[:FILES] if (file := _file(each))],
    }
    return found if any(found.values()) else {}


def _figure(each: Any) -> Row | None:
    if not isinstance(each, dict) or not isinstance(each.get("label"), str):
        return None
    value, tone = each.get("value"), each.get("tone")
    if not isinstance(value, str | int | float):
        return None
    return {
        "label": _text(each["label"], 60),
        "value": _text(value, 60),
        "unit": _text(each.get("unit") or "", 20),
        "tone": tone if isinstance(tone, str) and tone in TONES else "",
    }


def _table(each: Any) -> Row | None:
    if not isinstance(each, dict):
        return None
    columns = [
        {"key": column["key"], "label": _text(column.get("label") or "", 60), "right": column.get("align") == "right"}
        for column in _list(each.get("columns"))[:COLUMNS]
        if isinstance(column, dict) and isinstance(column.get("key"), str)
    ]
    rows = [row for row in _list(each.get("rows")) if isinstance(row, dict)]
    if not columns or not rows:
        return None
    total = each.get("total_rows")
    shown = [[_cell(row.get(column["key"])) for column in columns] for row in rows[:ROWS]]
    return {
        "title": _text(each.get("title") or "", 120),
        "columns": [[column["label"], column["right"]] for column in columns],
        "rows": shown,
        "total": total if isinstance(total, int) and total > len(shown) else len(rows),
    }


def _file(each: Any) -> Row | None:
    if not isinstance(each, dict):
        return None
    file_id = clean_id(str(each.get("id") or ""))
    if file_id is None or not _FILE_ID.fullmatch(file_id):
        return None
    size, name = each.get("size_bytes"), _text(each.get("name") or "file", 200)
    kind = str(each.get("content_type") or "")
    return {
        "id": file_id,
        "name": name,
        "size": size if isinstance(size, int) and size >= 0 else None,
        "opens": kind == "application/pdf" or kind in {"image/png", "image/jpeg", "image/webp"},
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _text(value, CELL_CHARACTERS)


def _text(value: Any, most: int) -> str:
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
