from __future__ import annotations

from playwright.async_api import Page, expect

from taskcast.client import Client
from tests.scenarios.system import System
from tests.ui.conftest import sign_in
from tests.waiting import eventually

REFUSED = "told => window.socket.listeners('connect_error').forEach(hear => hear(new Error(told)))"
"""What the page does when its socket is refused with these words."""


async def test_a_wrong_password_is_said_and_the_address_kept(page: Page, system: System) -> None:
    await page.goto(f"{system.dashboard}/admin/jobs")
    await page.fill("[name=email]", "ada@example.com")
    await page.fill("[name=password]", "not the password")
    await page.click("button[type=submit]")

    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    assert await page.input_value("[name=email]") == "ada@example.com"
    assert await page.input_value("[name=password]") == ""


async def test_sign_in_leads_back_to_what_was_asked_for(page: Page, system: System) -> None:
    await page.goto(f"{system.dashboard}/admin/jobs/list?status=failed")
    await page.fill("[name=email]", "admin@example.com")
    await page.fill("[name=password]", "a password of the scenarios")
    await page.click("button[type=submit]")

    await page.wait_for_selector(".live[data-link=live]")
    assert page.url == f"{system.dashboard}/admin/jobs/list?status=failed"
    await expect(page.locator("[data-status=failed]")).to_have_attribute("aria-pressed", "true")


async def test_signing_out_closes_all_open_pages(page: Page, system: System) -> None:
    await sign_in(page, system)
    other = await page.context.new_page()
    await other.goto(f"{system.dashboard}/admin/jobs/list")
    await other.wait_for_selector(".live[data-link=live]")

    await page.click(".me-b")
    await page.click("[data-testid=sign-out]")

    await eventually(lambda: page.url == f"{system.dashboard}/admin/sign-in" and "/sign-in?ended=1" in other.url)
    await page.goto(f"{system.dashboard}/admin/jobs")
    assert "/sign-in" in page.url


async def test_a_page_that_was_away_while_its_session_ended_asks_for_a_sign_in(page: Page, system: System) -> None:
    await sign_in(page, system)
    await page.evaluate("window.socket.disconnect()")
    await page.request.post(f"{system.dashboard}/admin/sign-out", headers={"Origin": system.dashboard})

    await page.evaluate("window.socket.connect()")

    await expect(page.get_by_text("Your session has ended")).to_be_visible()


async def test_a_page_asks_for_its_session_and_not_for_a_whole_page(dashboard: Page, system: System) -> None:
    asked: list[str] = []
    dashboard.on("request", lambda request: asked.append(request.url.removeprefix(system.dashboard)))

    async with dashboard.expect_response("**/admin/session") as answer:
        await dashboard.evaluate(REFUSED, "websocket error")

    assert (await answer.value).status == 204
    assert asked == ["/admin/session"]


async def test_a_page_of_a_dashboard_that_was_restarted_asks_for_a_sign_in_if_its_session_has_ended(
    page: Page, system: System
) -> None:
    await sign_in(page, system)
    await page.evaluate("window.socket.disconnect()")
    await page.request.post(f"{system.dashboard}/admin/sign-out", headers={"Origin": system.dashboard})

    await page.evaluate(REFUSED, "handshake failed")

    await expect(page.get_by_text("Your session has ended")).to_be_visible()


async def test_the_cookie_is_hidden_from_scripts(dashboard: Page) -> None:
    (cookie,) = [c for c in await dashboard.context.cookies() if c["name"] == "taskcast_session"]

    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert "taskcast_session" not in await dashboard.evaluate("document.cookie")


async def test_a_person_sees_and_steers_only_what_is_theirs(page: Page, system: System, gateway: Client) -> None:
    await gateway.create_user("eve@example.com", "a password of eve's", role="user", name="Eve")
    foreign = (await gateway.enqueue("wait", {"seconds": 60}))["id"]
    await sign_in(page, system, email="eve@example.com", password="a password of eve's")

    await expect(page.get_by_text("Nothing is running")).to_be_visible()
    await expect(page.locator(".side").get_by_text("Workers")).to_have_count(0)
    await expect(page.locator(".tile").first).to_contain_text("0")
    await page.goto(f"{system.dashboard}/admin/jobs/job/{foreign}")
    await expect(page.get_by_text("There is no job with this id")).to_be_visible()
    await page.goto(f"{system.dashboard}/admin/jobs/workers")
    await expect(page.get_by_text("not allowed")).to_be_visible()

    await gateway.cancel(foreign)


async def test_a_sign_in_is_audited_with_the_browsers_address(page: Page, system: System, gateway: Client) -> None:
    await page.set_extra_http_headers({"X-Forwarded-For": "203.0.113.9"})
    await sign_in(page, system)

    entries = (await gateway.get("/job-monitor/audit", limit=50))["items"]

    assert "203.0.113.9" in [entry["address"] for entry in entries if entry["action"] == "auth.login"]
