"""How rows look on terminals of different widths."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

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
