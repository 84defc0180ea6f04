from __future__ import annotations

import asyncio
import io
import threading

import pytest

from taskcast.opening import open_aside
from tests.waiting import eventually


async def test_what_is_opened_for_a_caller_that_was_cancelled_is_closed_again() -> None:
    begun, may_go_on, file = threading.Event(), threading.Event(), io.BytesIO()

    def open_slowly() -> io.BytesIO:
        begun.set()
        may_go_on.wait()
        return file

    opening = asyncio.create_task(open_aside(open_slowly))
    await asyncio.to_thread(begun.wait)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    may_go_on.set()

    await eventually(lambda: file.closed)
