from __future__ import annotations

from collections import Counter

import pytest

from core.errors import InvalidInput
from core.recorder.apply import apply
from core.storage.logs import list_logs, tail
from tests.core.recorder.history import History


@pytest.fixture
async def history(database: str) -> History:
    history = History()
    history.queued()
    history.started()
    for number in range(25):
        history.logged(
            message=f"line {number} of the 50% file", level=("INFO", "ERROR")[number % 5 == 0], context={"n": number}
        )
    history.retrying()
    history.queued(reason="due")
    history.started()
    history.logged(message="second attempt", level="WARNING")
    await apply([history.batch()], 0, None, Counter())
    return history


async def test_pages_hold_every_line_in_order(history: History) -> None:
    lines, after = [], None
    while True:
        page = await list_logs("j", after=after, limit=10)
        lines += page.items
        after = page.next_cursor
        assert page.total == 26
        if after is None:
            break

    assert [(line["attempt"], line["line"]) for line in lines] == [*((1, n) for n in range(1, 26)), (2, 1)]
    assert lines[3]["context"] == {"n": 3}
    assert lines[3]["at"].endswith("Z")


async def test_lines_are_found_by_attempt_level_and_words(history: History) -> None:
    async def found(**wish: object) -> list[tuple[int, int]]:
        page = await list_logs("j", **wish)  # type: ignore[arg-type]
        assert page.total == len(page.items)
        return [(line["attempt"], line["line"]) for line in page.items]

    assert await found(attempt=2) == [(2, 1)]
    assert await found(level="WARNING") == [*((1, n) for n in range(1, 26, 5)), (2, 1)]
    assert await found(level="ERROR", attempt=2) == []
    assert await found(q="LINE 13") == [(1, 14)]
    assert await found(q="%") == []
    assert await found(q="nothing of it") == []


async def test_the_tail_is_the_last_lines_in_order(history: History) -> None:
    assert [(line["attempt"], line["line"]) for line in await tail("j", 3)] == [(1, 24), (1, 25), (2, 1)]
    assert [line["line"] for line in await tail("j", 2, attempt=1)] == [24, 25]
    assert await tail("j", 0) == []
    assert await tail("nobody", 10) == []


@pytest.mark.parametrize("after", ["x", "MXx4", "OTk5OTk5OTk5OTk5fDE"])
async def test_a_wrong_cursor_is_refused_by_name(history: History, after: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await list_logs("j", after=after)

    assert "after" in refused.value.fields
