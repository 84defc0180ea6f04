"""How rows look on terminals of different widths."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from taskcast.cli.results import result_view
from taskcast.cli.show import jobs_table
from taskcast.ids import new_id


@pytest.mark.parametrize("width", [80, 140])
def test_a_job_is_one_line_with_its_whole_id(width: int) -> None:
    row = {"id": new_id(), "type": "TRANSACTION_IMPORT", "queue": "imports", "status": "completed", "duration_ms": 1900}
    out = io.StringIO()

    Console(file=out, width=width).print(jobs_table([row], width=width))

    head, line, *rest = out.getvalue().splitlines()
    assert (row["id"] in line, "TRANSACTION_IMPORT" in line, "completed" in line, rest) == (True, True, True, [])
    assert ("QUEUE" in head) is (width == 140)


def test_a_result_in_the_known_shapes_is_read_and_not_spelled_out() -> None:
    rows = [{"a": f"[b]row {n}[/b]", "n": n} for n in range(15)]
    result = {
        "summary": "15 rows",
        "figures": [{"label": "Rows", "value": "15", "unit": "rows", "tone": "good"}],
        "tables": [{"title": "All", "columns": [{"key": "a", "label": "A"}, {"key": "n", "label": "N", "align": "right"}],
                    "rows": rows, "total_rows": 15}],
        "files": [{"id": "0198c0de", "name": "all.pdf", "size_bytes": 2500}],
    }  # fmt: skip
    out = io.StringIO()

    Console(file=out, width=80).print(result_view(result))

    told = out.getvalue()
    assert all(
        words in told for words in ("15 rows", "Rows", "[b]row 11[/b]", "and 3 more", "all.pdf  2.5 KB  0198c0de")
    )
    assert "{" not in told


@pytest.mark.parametrize(
    "result", [None, 7, [1], {"summary": 3}, {"summary": "s", "figures": 1, "tables": [1], "files": {}}]
)
def test_a_result_in_any_other_shape_is_printed_too(result: object) -> None:
    out = io.StringIO()

    Console(file=out, width=80).print(result_view(result))

    assert out.getvalue().strip()
