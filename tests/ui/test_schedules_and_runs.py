"""Schedules and jobs from forms, as an operator does it on the screen."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from taskcast.client import Client
from tests.scenarios.system import System
from tests.ui.conftest import sign_in
from tests.ui.test_steering import PASSWORD, make_person

pytestmark = pytest.mark.browser


async def test_a_schedule_is_made_paused_run_changed_and_deleted_on_the_page(
    dashboard: Page, gateway: Client, system: System
) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/schedules")
    await dashboard.get_by_test_id("new-schedule").click()
    await dashboard.locator("[data-field=title]").fill("Quick one <b>now</b>")
    await dashboard.locator("[data-field=task]").select_option("quick")
    await dashboard.locator("[data-field=cron]").fill("99 * * * *")
    await expect(dashboard.locator(".dlg-p")).to_contain_text("wrong minute")
    await dashboard.locator("[data-field=cron]").fill("0 6 * * 1")
    await expect(dashboard.locator(".dlg-p")).to_contain_text("Mon")
    await dashboard.locator("[data-field=arguments]").fill('{"number": 7}')
    await dashboard.get_by_test_id("confirm").click()

    row = dashboard.locator("tr[data-schedule=quick-one-b-now-b]")
    await expect(row).to_contain_text("Quick one <b>now</b>")
    await expect(row).to_contain_text("0 6 * * 1")

    await row.get_by_label("Pause Quick one").click()
    await dashboard.get_by_label("Reason (optional)").fill("holidays")
    await dashboard.get_by_test_id("confirm").click()
    await expect(row).to_contain_text("“holidays”")
    await row.get_by_label("Resume Quick one").click()
    await expect(row).not_to_contain_text("holidays")

    await row.get_by_test_id("run").click()
    await expect(dashboard.locator(".jv[data-state=completed]")).to_be_visible(timeout=20_000)
    await dashboard.keyboard.press("Escape")
    await expect(row.locator("a.sdl-m.ok")).to_be_visible(timeout=20_000)

    await row.get_by_test_id("edit-schedule").click()
    await dashboard.get_by_text("Interval", exact=True).click()
    await dashboard.locator("[data-field=every_s]").fill("3600")
    await dashboard.get_by_test_id("confirm").click()
    await expect(row).to_contain_text("every 1 h")

    await row.get_by_test_id("delete-schedule").click()
    await dashboard.get_by_test_id("confirm").click()
    await expect(row).to_have_count(0)
    assert "quick-one-b-now-b" not in [each["id"] for each in await gateway.schedules()]


async def test_a_wrong_cron_line_is_said_once_and_no_more_once_it_is_mended(dashboard: Page, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/schedules")
    await dashboard.get_by_test_id("new-schedule").click()
    await dashboard.locator("[data-field=title]").fill("Wrong")
    cron, said = dashboard.locator("[data-field=cron]"), dashboard.get_by_text("wrong minute")
    await cron.fill("99 * * * *")
    await expect(said).to_have_count(1, timeout=20_000)

    await dashboard.get_by_test_id("confirm").click()

    await expect(cron).to_have_attribute("aria-invalid", "true", timeout=20_000)
    await expect(said).to_have_count(1, timeout=20_000)
    await cron.fill("0 6 * * 1")
    await expect(said).to_have_count(0, timeout=20_000)
    await expect(dashboard.locator(".dlg-p")).to_contain_text("Mon", timeout=20_000)


async def test_a_mistake_in_a_schedules_arguments_is_said_at_their_field(dashboard: Page, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/schedules")
    await dashboard.get_by_test_id("new-schedule").click()
    await dashboard.locator("[data-field=task]").select_option("quick")
    await dashboard.locator("[data-field=arguments]").fill('{"number": "seven"}')

    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator("[data-field=arguments]")).to_have_attribute("aria-invalid", "true", timeout=20_000)
    await expect(dashboard.locator(".dlg-e")).to_contain_text("number", timeout=20_000)


async def test_on_a_narrow_phone_nothing_of_a_schedule_is_cut_off(
    dashboard: Page, gateway: Client, system: System
) -> None:
    await gateway.create_schedule("INSIGHTS_GENERATION", id="narrow", cron="0 8 * * *", force=True)
    await dashboard.set_viewport_size({"width": 320, "height": 640})
    await dashboard.goto(f"{system.dashboard}/admin/schedules")

    await expect(dashboard.locator("tr[data-schedule=narrow]")).to_be_visible()
    assert await dashboard.locator(".sdl").evaluate("card => card.scrollWidth - card.clientWidth") == 0


async def test_a_viewer_elsewhere_sees_own_hours_and_what_others_do_and_may_do_nothing(
    browser: Browser, gateway: Client, system: System
) -> None:
    await make_person(gateway, "viola@example.com", "viewer")
    await gateway.create_schedule("quick", id="breakfast", cron="0 8 * * *", arguments={"number": 1})
    context = await browser.new_context(timezone_id="Asia/Kolkata")
    page = await context.new_page()
    await sign_in(page, system, email="viola@example.com", password=PASSWORD)
    await page.goto(f"{system.dashboard}/admin/schedules")
    row = page.locator("tr[data-schedule=breakfast]")

    await expect(row.locator("td[data-l=Next]")).to_contain_text("13:30")  # 08:00 UTC
    assert "13:30 · " in str(await row.locator("td[data-l=Next]").get_attribute("title"))
    for button in await row.get_by_role("button").all():
        await expect(button).to_be_disabled()
    await expect(page.get_by_test_id("new-schedule")).to_be_disabled()

    await gateway.pause_schedule("breakfast", reason="holidays")
    await expect(row).to_contain_text("“holidays”")
    await gateway.resume_schedule("breakfast")
    await expect(row).not_to_contain_text("holidays")
    await gateway.delete_schedule("breakfast")
    await expect(row).to_have_count(0)
    await context.close()


async def test_a_task_is_run_from_its_form_and_its_result_is_shown_as_what_it_is(
    dashboard: Page, gateway: Client, system: System
) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/tasks")
    await dashboard.locator("tr[data-task=REPORT_GENERATION]").get_by_test_id("run").click()
    await dashboard.locator("[data-field='data.period']").fill("2026-13")
    await dashboard.locator("[data-field='data.kind']").select_option("year")
    await dashboard.get_by_test_id("confirm").click()
    await expect(dashboard.locator(".jv[data-state=failed]")).to_be_visible(timeout=20_000)
    await expect(dashboard.locator(".jv")).to_contain_text("period: '2026-13' is no period")

    await dashboard.get_by_test_id("another").click()
    await expect(dashboard.locator("[data-field='data.kind']")).to_have_value("year")
    await dashboard.locator("[data-field='data.period']").fill("2026")
    await dashboard.get_by_test_id("confirm").click()
    await expect(dashboard.locator(".jv[data-state=completed]")).to_be_visible(timeout=30_000)
    result = dashboard.get_by_test_id("result")
    await expect(result).to_contain_text("2026: ")
    await expect(result.get_by_text("report-2026.pdf")).to_be_visible()
    async with dashboard.expect_download() as download:
        await result.get_by_text("Download").first.click()
    path = await (await download.value).path()
    assert path is not None
    assert Path(path).read_bytes().startswith(b"%PDF-")
    assert (await download.value).suggested_filename == "report-2026.pdf"
    await result.get_by_text("Show JSON").click()
    await expect(result.locator("pre.code")).to_contain_text('"period": "2026"')


async def test_a_file_argument_is_uploaded_from_the_form(dashboard: Page, gateway: Client, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/tasks")
    await dashboard.locator("tr[data-task=TRANSACTION_IMPORT]").get_by_test_id("run").click()
    statement = b"IBAN;DE89370400440532013000\nDate;Amount;Description\n2026-05-02;-5.00;Bread\n"
    await dashboard.locator("[data-pick='data.file']").set_input_files(
        {"name": "may.csv", "mimeType": "text/csv", "buffer": io.BytesIO(statement).getvalue()}
    )
    await expect(dashboard.locator("[data-field='data.file']")).not_to_have_value("", timeout=10_000)
    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator(".jv[data-state=completed]")).to_be_visible(timeout=20_000)


async def test_a_stored_page_never_runs_as_one_of_ours(dashboard: Page, gateway: Client, system: System) -> None:
    stored = await gateway.upload(b"<script>document.title = 'bad'</script>", "a.html", content_type="text/html")

    answer = await dashboard.request.get(f"{system.dashboard}/admin/files/{stored['id']}?name=a.html&open=1")

    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    missing = await dashboard.request.get(f"{system.dashboard}/admin/files/0198c0de-0000-7000-8000-000000000000")
    assert missing.status == 404
