"""A whole Taskcast for the browser tests, and a person who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import Page

from taskcast.client import Client
from tests.scenarios.system import EMAIL, PASSWORD, System, running_system


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    """One Taskcast for all tests of the dashboard; a test that breaks a part gives it back whole."""
    with running_system() as running:
        yield running


@pytest.fixture
async def gateway(system: System) -> AsyncIterator[Client]:
    """A program beside the dashboard, with every right."""
    async with system.client() as client:
        yield client


@pytest.fixture
async def dashboard(system: System, page: Page) -> AsyncIterator[Page]:
    """The dashboard as an administrator sees it; a request to another host, or an error in the page, fails the test."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((system.dashboard, "data:", "blob:"))
            else wrong.append(f"foreign request: {request.url}")
        ),
    )
    await enter(page, system)
    yield page
    assert wrong == []


_cookies: dict[str, list[Any]] = {}


async def enter(page: Page, system: System) -> None:
    """Open the dashboard with the session of the test before, or by a sign-in where there is none any more."""
    await page.context.add_cookies(_cookies.get(system.dashboard, []))
    await page.goto(f"{system.dashboard}/admin/jobs")
    if await page.locator("[name=email]").count():
        await sign_in(page, system)
    await page.wait_for_selector(".live[data-link=live]")
    _cookies[system.dashboard] = [*await page.context.cookies()]


async def sign_in(page: Page, system: System, *, email: str = EMAIL, password: str = PASSWORD) -> None:
    await page.goto(f"{system.dashboard}/admin/jobs")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", password)
    await page.click("button[type=submit]")
    await page.wait_for_selector(".live[data-link=live]")
