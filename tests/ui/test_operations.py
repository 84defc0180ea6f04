"""Commands about many jobs on the screen: how far they are, the button that stops them, how they ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest
from playwright.async_api import Page, expect

from core.embedded.postgres import DATABASE, PORT, ROLE, EmbeddedPostgres
from taskcast.client import Client
from taskcast.engine.engine import Engine
from taskcast.events import OperationInfo
from taskcast.ids import new_id
from tests.scenarios.system import EMAIL, System
from tests.ui.conftest import sign_in
from tests.ui.test_steering import PASSWORD, ended, make_person, open_queue
from tests.waiting import eventually
from ui.operations import operation_card

RUNNING = {"id": "o1", "action": "cancel", "state": "running", "scope": {"ids": 412}, "matched": 412, "done": 0}


@pytest.fixture
async def queue(gateway: Client) -> AsyncIterator[str]:
    """A queue with three jobs that have ended."""
    name = f"ops-{new_id()[-12:]}"
    for number in range(3):
        await ended(gateway, (await gateway.enqueue("quick", {"number": number}, queue=name))["id"])
    yield name


@pytest.fixture
async def tables(system: System) -> AsyncIterator[Any]:
    sockets = EmbeddedPostgres(system.folder / "data").sockets
    connection = await asyncpg.connect(host=str(sockets), port=PORT, user=ROLE, database=DATABASE, timeout=10)
    yield connection
    await connection.close()


@asynccontextmanager
async def held(tables: Any, queue: str) -> AsyncIterator[None]:
    """Let no job of a queue be deleted meanwhile."""
    async with tables.transaction():
        await tables.execute("SELECT id FROM jobs WHERE queue_name = $1 FOR UPDATE", queue)
        yield


class Carried:
    """An operation that the test carries in a gateway's stead."""

    def __init__(self, tables: Any, system: System, by: str) -> None:
        self.id, self._tables, self._system, self._by = new_id(), tables, system, by

    async def begin(self) -> None:
        await self._tables.execute(
            "INSERT INTO operations (id, action, state, by, scope, matched, done, refused, claimed_by, claimed_until,"
            " created_at, updated_at) VALUES ($1, 'cancel', 'running', $2, '{\"ids\": []}', 412, 0, '{}', 'test',"
            " now() + interval '1 h', now(), now())",
            self.id, self._by,
        )  # fmt: skip
        await self.tell(state="running", done=0)

    async def tell(self, *, state: str, done: int, refused: str = "{}") -> None:
        await self._tables.execute(
            "UPDATE operations SET state = $2::text, done = $3, refused = $4::text::jsonb,"
            " ended_at = CASE WHEN $2::text <> 'running' THEN now() END WHERE id = $1",
            self.id, state, done, refused,
        )  # fmt: skip
        info = OperationInfo(operation=self.id, action="cancel", state=state, done=done)
        async with Engine.connect(self._system.redis_url, "taskcast") as engine:
            await engine.tell([("operation.changed", b"", msgspec.json.encode(info))])


ENDS = [
    ({"state": "running"}, "0 of 412 cancelled"),
    ({"state": "running", "done": 1200, "matched": None, "action": "clean"}, "1,200 deleted"),
    ({"state": "running", "done": 120, "refused": {"already_final": 2, "forgotten": 1}}, "120 of 412 cancelled, 3 not possible"),
    ({"state": "done", "done": 1}, "1 job was cancelled."),
    ({"state": "done", "done": 411, "refused": {"forgotten": 1}}, "411 jobs were cancelled, 1 not possible."),
    ({"state": "cancelled", "done": 50, "action": "retry"}, "Stopped: 50 of 412 sent again."),
    ({"state": "failed", "done": 50}, "It failed, the gateway's log says why: 50 of 412 cancelled."),
]  # fmt: skip


@pytest.mark.parametrize(("row", "text"), ENDS)
def test_an_operation_is_put_into_words(row: dict[str, Any], text: str) -> None:
    assert operation_card(RUNNING | row)["text"] == text


def test_how_far_an_operation_is_counts_what_was_refused_too() -> None:
    assert operation_card(RUNNING | {"done": 200, "refused": {"forgotten": 6}})["percent"] == 50
    assert operation_card(RUNNING | {"matched": None})["percent"] is None
    assert operation_card(RUNNING | {"matched": 0})["percent"] is None


async def test_progress_and_end_of_ones_operation_are_seen_live(dashboard: Page, system: System, tables: Any) -> None:
    operation = Carried(tables, system, by=EMAIL)
    await operation.begin()
    card = dashboard.locator(f"[data-operation='{operation.id}']")
    await expect(card).to_contain_text("0 of 412 cancelled")

    await operation.tell(state="running", done=300, refused='{"already_final": 12}')
    await expect(card).to_contain_text("300 of 412 cancelled, 12 not possible")
    await operation.tell(state="done", done=400, refused='{"already_final": 12}')

    await expect(card).to_contain_text("400 jobs were cancelled, 12 not possible.")
    await card.get_by_role("button", name="Close").click()
    await expect(card).to_have_count(0)


async def test_operations_of_others_are_not_shown(dashboard: Page, system: System, tables: Any) -> None:
    others, own = Carried(tables, system, by="ada"), Carried(tables, system, by=EMAIL)

    await others.begin()
    await own.begin()

    await expect(dashboard.locator(f"[data-operation='{own.id}']")).to_be_visible()
    await expect(dashboard.locator(f"[data-operation='{others.id}']")).to_have_count(0)
    await others.tell(state="done", done=412)
    await own.tell(state="done", done=412)


async def test_a_cleaning_that_takes_long_is_cancelled_by_a_button(
    dashboard: Page, gateway: Client, system: System, queue: str, tables: Any
) -> None:
    await open_queue(dashboard, system, queue)
    async with held(tables, queue):
        await dashboard.get_by_test_id("clean").click()
        await dashboard.locator("[data-field=older]").fill("0")
        await dashboard.get_by_test_id("confirm").click()
        card = dashboard.locator(".op", has_text=f"Cleaning queue {queue}")
        await expect(card).to_have_attribute("data-state", "running")
        await expect(dashboard.locator("dialog[open]")).to_have_count(0)

        await card.get_by_role("button", name="Cancel").click()
        await expect(card).to_contain_text("Stopping")

    await expect(card).to_have_attribute("data-state", "cancelled")
    await expect(card).to_contain_text("Stopped: 3 deleted.")
    operation = str(await card.get_attribute("data-operation"))
    assert (await gateway.operation(operation))["state"] == "cancelled"


async def test_the_end_of_a_short_operation_is_told_too(dashboard: Page, system: System, queue: str) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list?queue={queue}")
    await expect(dashboard.locator(".jt-row")).to_have_count(3)

    await dashboard.get_by_test_id("matching").click()
    await dashboard.get_by_text("Delete for good 3 jobs").click()
    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator(".op", has_text="Deleting jobs")).to_contain_text("3 jobs were deleted.")


async def test_an_operation_is_still_followed_after_a_reload(dashboard: Page, system: System, tables: Any) -> None:
    operation = Carried(tables, system, by=EMAIL)
    await operation.begin()
    card = dashboard.locator(f"[data-operation='{operation.id}']")
    await expect(card).to_be_visible()

    await dashboard.reload()
    await expect(card).to_be_visible()
    await operation.tell(state="done", done=412)

    await expect(card).to_contain_text("412 jobs were cancelled.")


async def test_an_end_that_was_told_while_nobody_listened_is_asked_for(
    dashboard: Page, system: System, tables: Any
) -> None:
    operation = Carried(tables, system, by=EMAIL)
    await operation.begin()
    card = dashboard.locator(f"[data-operation='{operation.id}']")
    await expect(card).to_be_visible()

    await tables.execute(
        "UPDATE operations SET state = 'done', done = 412, ended_at = now() - interval '5 min' WHERE id = $1",
        operation.id,
    )

    await expect(card).to_contain_text("412 jobs were cancelled.", timeout=40_000)


async def test_who_may_only_look_has_no_operations(page: Page, gateway: Client, system: System, tables: Any) -> None:
    await make_person(gateway, "vera@example.com", "viewer")
    await sign_in(page, system, email="vera@example.com", password=PASSWORD)

    await eventually(lambda: page.locator(".toasts").count())
    await expect(page.locator(".ops")).to_have_count(0)
