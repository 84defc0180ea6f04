"""The topic `operations`: commands about many jobs as they come further and end."""

from __future__ import annotations

from typing import Any

import pytest

from core.bulk import Steered
from taskcast.client import GatewayError
from tests.core.gateway.test_operations_cancel import Gate
from tests.core.gateway.test_operations_routes import add_waiting
from tests.core.live.conftest import As, Work, collect, watching


def last(messages: list[Any]) -> dict[str, Any]:
    """Return the one row that was told last."""
    row: dict[str, Any] = messages[-1].set[0]
    return row


async def test_an_operation_is_seen_begin_come_further_and_end(
    acting: As, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, gate = await add_waiting(work.engine, 60), Gate(monkeypatch, Steered)
    client = await acting("operator")
    async with watching(await acting(), "operations") as subscription:
        first = await anext(subscription)
        begun = (await client.bulk("cancel", ids=ids))["operation"]
        running = await collect(subscription, lambda messages: bool(messages[-1].set), timeout_s=30)
        gate.opened.set()
        ended = await collect(subscription, lambda messages: last(messages)["state"] != "running", timeout_s=30)

    assert first.items == []
    assert (last(running)["id"], last(running)["done"], last(running)["matched"]) == (begun, 0, 60)
    assert (last(ended)["state"], last(ended)["done"]) == ("done", 60)


async def test_that_an_operation_was_asked_to_stop_is_seen_before_it_does(
    acting: As, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, gate = await add_waiting(work.engine, 60), Gate(monkeypatch, Steered)
    client = await acting("operator")
    begun = (await client.bulk("cancel", ids=ids))["operation"]
    async with watching(await acting(), "operations") as subscription:
        first = await anext(subscription)
        await client.cancel_operation(begun)
        asked = await collect(subscription, lambda messages: bool(last(messages)["cancel_requested_at"]), timeout_s=30)
        gate.opened.set()
        ended = await collect(subscription, lambda messages: last(messages)["state"] != "running", timeout_s=30)

    assert [row["id"] for row in first.items] == [begun]
    assert last(asked)["state"] == "running"
    assert (last(ended)["state"], last(ended)["done"]) == ("cancelled", 50)


async def test_its_rows_are_those_of_rest(acting: As, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, gate = await add_waiting(work.engine, 3), Gate(monkeypatch, Steered)
    client = await acting("operator")
    begun = (await client.bulk("cancel", ids=ids))["operation"]
    await gate.reached.wait()

    async with watching(await acting(), "operations") as subscription:
        first = await anext(subscription)

    assert first.items == [await client.operation(begun)] == await client.operations()
    assert first.items[0]["scope"] == {"ids": 3}
    gate.opened.set()


async def test_who_sees_only_their_own_jobs_is_not_told_of_operations(acting: As) -> None:
    async with (await acting("user", "ada")).live() as live:
        with pytest.raises(GatewayError) as refused:
            await live.subscribe("operations")

    assert refused.value.code == "forbidden"
