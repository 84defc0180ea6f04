"""Whole systems for the scenarios."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Page

from tests.scenarios.system import System, running_system
from tests.ui.conftest import sign_in


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    """One Taskcast for all scenarios that leave it whole, or give it back whole."""
    with running_system() as running:
        yield running


@pytest.fixture
async def signed_in(system: System, page: Page) -> Page:
    """The dashboard's overview as an administrator sees it."""
    await sign_in(page, system)
    return page
