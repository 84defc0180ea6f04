"""A job's result on a terminal: figures, tables and files where it has them in the shapes the dashboard draws, else as it is."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.pretty import Pretty
from rich.table import Table
from rich.text import Text

ROWS = 12
"""Rows of a table that are shown; `--json` has what the result holds of it."""

Row = dict[str, Any]


def result_view(result: Any) -> RenderableType:
    """Return how a result is printed; nothing of it is taken for markup."""
    if not isinstance(result, dict) or not isinstance(result.get("summary"), str):
        return Pretty(result)
    parts: list[RenderableType] = [Text(result["summary"], style="bold")]
    if figures := [each for each in _list(result.get("figures")) if "label" in each]:
        parts.append(_figures(figures))
    parts += [_table(each) for each in _list(result.get("tables")) if _list(each.get("columns"))]
    parts += [
        Text(f"{file.get('name')}  {_size(file.get('size_bytes'))}  {file.get('id')}")
        for file in _list(result.get("files"))
    ]
    return Group(*parts)


def _figures(figures: list[Row]) -> Table:
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(style="bright_black")
    grid.add_column(justify="right")
    grid.add_column()
    for each in figures:
        style = {"good": "green", "bad": "red"}.get(str(each.get("tone")), "default")
        grid.add_row(
            Text(str(each["label"])), Text(str(each.get("value")), style=style), Text(str(each.get("unit") or ""))
        )
    return grid


def _table(each: Row) -> Group:
    rows, columns = _list(each.get("rows")), _list(each.get("columns"))
    table = Table(box=None, pad_edge=False, header_style="bright_black")
    for column in columns:
        right = column.get("align") == "right"
        table.add_column(Text(str(column.get("label") or "")), justify="right" if right else "left", no_wrap=right)
    for row in rows[:ROWS]:
        table.add_row(
            *(Text("" if (cell := row.get(str(column.get("key")))) is None else str(cell)) for column in columns)
        )
    total = each.get("total_rows")
    more = (total if isinstance(total, int) else len(rows)) - min(len(rows), ROWS)
    foot = [Text(f"and {more:,} more", style="bright_black")] if more > 0 else []
    return Group(Text(), Text(str(each.get("title") or ""), style="bold"), table, *foot)


def _list(value: Any) -> list[Row]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _size(size: Any) -> str:
    return f"{size / 1000:,.1f} KB" if isinstance(size, int) else ""
