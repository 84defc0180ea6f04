"""Whose word counts about an operation."""

from __future__ import annotations

from typing import Any

from core.storage import operations as table
from core.storage.connection import connection
from taskcast.ids import new_id

PAGE = {"jobs": [["a", 1]], "next": 50}


async def begun(claimed_by: str) -> str:
    scope: dict[str, Any] = {"ids": ["a"]}
    operation = await table.create(
        id=new_id(), action="retry", by="ada", reason=None, scope=scope, matched=1, claimed_by=claimed_by, claim_s=8
    )
    return operation.id


async def turned(id: str, after: Any, position: Any, done: int, *, by: str) -> table.Operation | None:  # noqa: A002
    return await table.end_page(
        id, after=after, done=done, refused={}, position=position, matched=None, claimed_by=by, claim_s=0
    )


async def test_a_page_that_another_process_has_turned_meanwhile_is_not_turned_back(database: str) -> None:
    operation = await begun("still")
    assert await table.begin_page(operation, PAGE, after=None, claimed_by="still", claim_s=0)
    assert await table.claim("other", 0) is not None
    assert await turned(operation, None, 50, 50, by="other")
    assert await turned(operation, 50, 100, 100, by="other")
    assert await table.claim("still", 8) is not None

    is_turned = await turned(operation, None, 50, 49, by="still")
    is_begun = await table.begin_page(operation, PAGE, after=None, claimed_by="still", claim_s=8)

    found = await table.get_operation(operation)
    assert (is_turned, is_begun) == (None, None)
    assert found is not None
    assert (found.position, found.done, found.page) == (100, 100, None)


async def test_an_operation_asked_to_stop_over_its_last_page_is_cancelled(database: str) -> None:
    operation = await begun("one")
    await turned(operation, None, 50, 1, by="one")

    asked = await table.request_cancel(operation)
    ended = await table.end(operation, after=50, error=None, claimed_by="one")

    assert asked is not None and ended is not None
    assert (asked.state, ended.state, ended.done) == ("running", "cancelled", 1)
    assert ended.cancel_requested_at == asked.cancel_requested_at is not None


async def test_an_operation_that_fails_after_all_has_failed(database: str) -> None:
    operation = await begun("one")
    await table.request_cancel(operation)

    ended = await table.end(operation, after=None, error="OSError: no", claimed_by="one")

    assert ended is not None
    assert (ended.state, ended.error, await table.request_cancel(operation)) == ("failed", "OSError: no", None)


async def test_operations_that_go_on_or_have_just_ended_are_live(database: str) -> None:
    running, ended, old = await begun("one"), await begun("one"), await begun("one")
    await table.end(ended, after=None, error=None, claimed_by="one")
    await table.end(old, after=None, error=None, claimed_by="one")
    async with connection() as lent:
        await lent.execute("UPDATE operations SET ended_at = now() - interval '2 min' WHERE id = $1", old)

    live = {row["id"]: row["state"] for row in await table.live_operations()}

    assert live == {running: "running", ended: "done"}
