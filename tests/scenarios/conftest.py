"""Whole systems for the scenarios."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Page

from taskcast.errors import GatewayError
from tests.scenarios.system import System, running_system
from tests.taskcast.conftest import own_server
from tests.ui.conftest import sign_in
from tests.waiting import eventually

__all__ = ["own_server"]


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    """One Taskcast for all scenarios that leave it whole, or give it back whole."""
    with running_system() as running:
        yield running


@pytest.fixture
async def signed_in(system: System, page: Page) -> Page:
    """The dashboard's overview as an administrator sees it."""
    await eventually(lambda: is_whole(system), timeout=30)
    await sign_in(page, system)
    return page


async def is_whole(system: System) -> bool:
    """Whether everything answers again, after a scenario that killed a part."""
    async with system.client() as client:
        try:
            return bool(await client.get("/ready")) and bool(await client.jobs(limit=1))
        except GatewayError:
            return False
