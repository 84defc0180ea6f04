from __future__ import annotations

from tests.waiting import eventually
from ui.ticker import Ticker


class Counter:
    def __init__(self, *, fails: bool = False) -> None:
        self.drawn, self.fails = 0, fails

    def flush(self) -> None:
        self.drawn += 1
        if self.fails:
            raise RuntimeError("a view that cannot be drawn")


async def test_many_changes_are_drawn_once() -> None:
    view = Counter()
    async with Ticker(period_s=60) as ticker:
        for _ in range(1000):
            ticker.soon(view)
        await eventually(lambda: view.drawn)

        assert view.drawn == 1


async def test_a_view_that_fails_stops_no_other() -> None:
    broken, whole = Counter(fails=True), Counter()
    async with Ticker(period_s=0.01) as ticker:
        ticker.soon(broken)
        ticker.soon(whole)
        await eventually(lambda: whole.drawn)
        ticker.soon(whole)

        await eventually(lambda: whole.drawn == 2)
