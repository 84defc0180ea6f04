"""The moving bars, drawn from messages alone."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from taskcast import events
from taskcast.cli.watch import Board
from taskcast.client import Connection, ConnectionState, EventMessage, Gap, Snapshot


def event(kind: type[Any], data: Any, **fields: Any) -> EventMessage:
    told = kind(seq=1_000_000, at=1_000, job="j1", task="import", queue="imports", attempt=1, data=data, **fields)
    return EventMessage(event=told, pos=1)


def text(*things: Any) -> str:
    console = Console(width=120, record=True, file=StringIO())
    for thing in things:
        console.print(thing)
    return console.export_text()


def test_a_running_job_has_a_bar_that_moves_and_leaves_when_it_ends() -> None:
    board = Board()
    started = events.Started(worker="w", host="h", pid=1, waited_ms=1)
    board.apply(event(events.JobStarted, started, was="queued", state="running"))
    board.apply(event(events.JobProgressed, events.Progressed(percentage=40, current_step="Reading")))

    during = text(board.draw())
    said = board.apply(event(events.JobCompleted, events.Completed(duration_ms=1500), was="running", state="completed"))

    assert "40 %" in during
    assert "Reading" in during
    assert "completed" in text(*said)
    assert "1.5 s" in text(*said)
    assert "import" not in text(board.draw())


def test_a_snapshot_begins_with_the_running_jobs() -> None:
    board = Board()
    rows = [{"id": "j1", "type": "import", "status": "running"}, {"id": "j2", "type": "report", "status": "queued"}]

    board.apply(Snapshot(items=rows))

    assert "import" in text(board.draw())
    assert "report" not in text(board.draw())


def test_more_jobs_than_lines_are_counted() -> None:
    board = Board()

    board.apply(Snapshot(items=[{"id": f"j{n}", "type": "import", "status": "running"} for n in range(25)]))

    assert "and 5 more" in text(board.draw())


def test_a_lost_connection_and_a_gap_are_said() -> None:
    board = Board()

    said = board.apply(Gap(job="j1", attempt=1, from_line=3, to_line=9, reason="slow_consumer"))
    board.apply(ConnectionState(connection=Connection.WAITING, reason="the gateway stops"))

    assert "lines 3 to 9" in text(*said)
    assert "the gateway stops" in text(board.draw())


def test_job_text_is_not_taken_for_markup() -> None:
    board = Board()
    board.apply(Snapshot(items=[{"id": "j1", "type": "[red]import[/red]", "status": "running"}]))

    assert "[red]import[/red]" in text(board.draw())
