from __future__ import annotations

from typing import Any

import pytest

from taskcast.client import Snapshot, StateChange
from tests.waiting import eventually
from ui.sessions import Session, Sessions
from ui.ticker import Ticker
from ui.upstream import Upstream
from ui.views import table
from ui.views.table import TableView

PAUSE = {"by": "ada", "reason": None, "at": None, "until": None}


async def nothing(_: Session) -> None:
    """End a session that has no pages."""


@pytest.fixture
async def queues() -> TableView:
    """The view of the queues, before anything was heard of them."""
    sessions = Sessions("http://127.0.0.1:9", on_end=nothing)
    view = TableView(Upstream("ada", ticker=Ticker(), sessions=sessions), "queues")
    view.receive([Snapshot(items=[row(None)])])
    return view


def row(paused: Any, running: int = 0) -> dict[str, Any]:
    return {"name": "imports", "paused": paused, "running": running}


async def test_a_row_read_before_a_command_does_not_undo_it_on_the_screen(queues: TableView) -> None:
    queues.take(row(PAUSE))

    queues.receive([StateChange(set=[row(None, running=3)])])

    assert queues.rows["imports"] == row(PAUSE, running=3)


async def test_a_row_read_after_a_command_is_taken_as_it_is(queues: TableView) -> None:
    queues.take(row(PAUSE))

    queues.receive([StateChange(set=[row(PAUSE | {"reason": "told"})])])

    assert queues.rows["imports"]["paused"]["reason"] == "told"


async def test_a_table_that_goes_on_contradicting_a_command_is_believed(
    queues: TableView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "SETTLE_S", 0.05)
    queues.take(row(PAUSE))
    queues.receive([StateChange(set=[row(None)])])

    await eventually(lambda: queues.rows["imports"]["paused"] is None)
