"""Keyboard, phones and themes."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from taskcast.client import Client
from tests.scenarios.system import System
from tests.ui.conftest import sign_in


async def test_everything_can_be_done_with_the_keyboard(dashboard: Page, gateway: Client) -> None:
    job = (await gateway.enqueue("wait", {"seconds": 60}))["id"]
    row = dashboard.locator(f".jt-row[data-job='{job}']")
    await expect(row).to_be_visible()

    await row.focus()
    await dashboard.keyboard.press("Enter")
    await expect(dashboard.get_by_role("dialog", name="Job details")).to_be_focused()
    await dashboard.keyboard.press("Escape")

    await expect(row).to_be_focused()
    await gateway.cancel(job)


async def test_the_theme_is_remembered(dashboard: Page) -> None:
    html = dashboard.locator("html")
    before = await html.get_attribute("data-theme")

    await dashboard.get_by_test_id("theme").click()
    await expect(html).not_to_have_attribute("data-theme", before or "")
    chosen = await html.get_attribute("data-theme")
    await dashboard.reload()

    await expect(html).to_have_attribute("data-theme", chosen or "")


async def test_every_control_has_a_name(dashboard: Page, system: System) -> None:
    for path in ("jobs", "jobs/list", "jobs/list?view=dead", "queues", "queues/scenario", "tasks", "workers"):
        await dashboard.goto(f"{system.dashboard}/admin/{path}")
        await dashboard.wait_for_selector(".live[data-link=live]")
        nameless = await dashboard.evaluate(
            """() => [...document.querySelectorAll("button, a[href], input:not([type=hidden]):not([hidden]), select")]
            .filter(e => e.offsetParent && !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.title))
            .map(e => e.outerHTML)"""
        )
        assert nameless == []


async def test_a_phone_shows_every_page_without_scrolling_sideways(browser: Browser, system: System) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    await sign_in(page, system)

    for name in ("Overview", "Jobs", "Queues", "Workers"):
        await page.locator(".tabbar").get_by_text(name).click()
        await expect(page.locator("h1")).to_have_text(name)
        assert await page.evaluate("document.scrollingElement.scrollWidth") == 390
    for path in ("queues/scenario", "tasks", "jobs/list?view=dead"):
        await page.goto(f"{system.dashboard}/admin/{path}")
        await page.wait_for_selector(".live[data-link=live]")
        assert await page.evaluate("document.scrollingElement.scrollWidth") == 390
    await page.locator(".tabbar").get_by_text("Account").click()
    await expect(page.get_by_test_id("sign-out").last).to_be_visible()
    await context.close()
