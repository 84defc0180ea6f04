from __future__ import annotations

import csv
from pathlib import Path

from playwright.async_api import Page, expect

from taskcast.client import Client
from tests.scenarios.system import System
from tests.waiting import eventually


async def width(page: Page, job: str) -> float:
    transform: str = await page.locator(f"[data-job='{job}'] .bar i").first.evaluate("bar => bar.style.transform")
    return float(transform.removeprefix("scaleX(").removesuffix(")"))


async def test_a_running_jobs_bar_moves_without_a_reload(dashboard: Page, gateway: Client) -> None:
    await dashboard.evaluate("window.untouched = true")
    job = (await gateway.enqueue("wait", {"seconds": 20}))["id"]
    row = dashboard.locator(f".jt-row[data-job='{job}']")
    await expect(row).to_be_visible()
    await expect(row).to_contain_text("Waiting")

    seen: set[float] = set()

    async def moved() -> bool:
        seen.add(await width(dashboard, job))
        return len(seen) >= 5

    await eventually(moved, timeout=15)
    assert await dashboard.evaluate("window.untouched")
    await gateway.cancel(job)
    await expect(row).to_have_count(0, timeout=10_000)


async def test_the_panel_follows_a_job_to_its_result(dashboard: Page, gateway: Client) -> None:
    job = (await gateway.enqueue("ledger", {"number": 7, "steps": 40, "pause_s": 0.2}))["id"]
    await dashboard.locator(f".jt-row[data-job='{job}']").click()
    panel = dashboard.get_by_role("dialog", name="Job details")

    await expect(panel).to_contain_text("Started")
    await expect(panel.get_by_role("log")).to_contain_text("of 40")
    await expect(panel.locator(".jv")).to_have_attribute("data-state", "completed", timeout=30_000)
    await expect(panel).to_contain_text('"number": 7')
    assert f"job={job}" in dashboard.url

    await dashboard.keyboard.press("Escape")
    await expect(dashboard.locator(".panel.open")).to_have_count(0)
    await eventually(lambda: "job=" not in dashboard.url)


async def test_a_new_job_comes_into_the_list_by_itself(dashboard: Page, gateway: Client) -> None:
    await dashboard.locator(".side").get_by_text("Jobs").click()
    await expect(dashboard.locator(".jt.list")).to_have_attribute("aria-busy", "false")

    job = (await gateway.enqueue("kinds", {"kind": "cause"}, priority="HIGH"))["id"]

    row = dashboard.locator(f".jt-row[data-job='{job}']")
    await expect(row).to_have_attribute("data-state", "failed")
    await expect(row).to_contain_text("RuntimeError: the second error")
    await expect(row).to_contain_text("High")


async def test_filters_live_in_the_url(dashboard: Page, gateway: Client, system: System) -> None:
    failed = (await gateway.enqueue("kinds", {"kind": "cause"}))["id"]
    done = (await gateway.enqueue("kinds", {"kind": "int"}))["id"]
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list")
    await expect(dashboard.locator(f"[data-job='{done}'][data-state=completed]")).to_be_visible()

    await dashboard.click("[data-status=failed]")

    await expect(dashboard.locator(f".jt-row[data-job='{failed}']")).to_be_visible()
    await expect(dashboard.locator(f".jt-row[data-job='{done}']")).to_have_count(0)
    await eventually(lambda: dashboard.url.endswith("?status=failed"))
    await dashboard.reload()
    await expect(dashboard.locator(f".jt-row[data-job='{failed}']")).to_be_visible()
    await expect(dashboard.locator(f".jt-row[data-job='{done}']")).to_have_count(0)


async def test_older_jobs_come_page_by_page(dashboard: Page, gateway: Client, system: System) -> None:
    last = ""
    for number in range(230):
        last = (await gateway.enqueue("quick", {"number": number}, priority="LOW"))["id"]
    await eventually(lambda: _ended(gateway, last), timeout=30)
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list?type=quick&priority=LOW")
    rows = dashboard.locator(".jt-row")
    await expect(rows).to_have_count(200)

    await dashboard.get_by_role("button", name="Load more").click()

    await expect(rows).to_have_count(230)
    ids = await rows.evaluate_all("rows => rows.map(row => row.dataset.job)")
    assert len(set(ids)) == 230


async def test_words_find_jobs(dashboard: Page, gateway: Client) -> None:
    job = (await gateway.enqueue("kinds", {"kind": "unprintable"}))["id"]
    await eventually(lambda: _ended(gateway, job))

    await dashboard.keyboard.press("/")
    await dashboard.keyboard.type(job)
    await dashboard.keyboard.press("Enter")

    await expect(dashboard.locator(".panel .jv")).to_have_attribute("data-state", "failed")
    await expect(dashboard.locator(".panel")).to_contain_text("Unprintable")


KINDS = {
    "none": "null",
    "int": "42",
    "bigint": str(2**80),
    "str": "<script>",
    "bytes": "$bytes",
    "nested": ":key",
    "nan": "NaN",
    "large": "Cut: it is 5.0 MB in all",
    "pydantic": "12.50",
    "object": "object",
}


async def test_a_result_of_every_kind_shows(dashboard: Page, gateway: Client, system: System) -> None:
    jobs = {kind: (await gateway.enqueue("kinds", {"kind": kind}))["id"] for kind in KINDS}

    for kind, text in KINDS.items():
        await eventually(lambda job=jobs[kind]: _ended(gateway, job))
        await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{jobs[kind]}")

        await expect(dashboard.locator(".jv")).to_have_attribute("data-state", "completed")
        await expect(dashboard.locator(".blk", has_text="Result").first).to_contain_text(text)
        assert await dashboard.evaluate("window.hacked") is None


async def test_a_large_result_that_comes_live_is_shown_whole(dashboard: Page, gateway: Client, system: System) -> None:
    await gateway.pause_task("kinds")
    try:
        job = (await gateway.enqueue("kinds", {"kind": "long"}))["id"]
        await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")
        await expect(dashboard.locator(".jv")).to_have_attribute("data-state", "queued")
    finally:
        await gateway.resume_task("kinds")

    async def is_whole() -> bool:
        return (await dashboard.inner_text("main")).count("y") >= 200_000

    await eventually(is_whole, timeout=20)


async def test_an_error_shows_its_cause(dashboard: Page, gateway: Client, system: System) -> None:
    job = (await gateway.enqueue("kinds", {"kind": "cause"}))["id"]
    await eventually(lambda: _ended(gateway, job))

    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")

    error = dashboard.get_by_role("group", name="Error")
    await expect(error).to_contain_text("the second error")
    await expect(error).to_contain_text("The above exception was the direct cause")


async def test_a_running_job_is_cancelled_in_three_phases(dashboard: Page, gateway: Client, system: System) -> None:
    job = (await gateway.enqueue("wait", {"seconds": 60}))["id"]
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")
    await expect(dashboard.locator(".jv")).to_have_attribute("data-state", "running")

    await dashboard.get_by_test_id("cancel").click()
    await dashboard.get_by_label("Reason (optional)").fill("wrong <b>file</b>")
    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator(".jv")).to_have_attribute("data-state", "cancelled")
    await expect(dashboard.locator(".steps3 .done")).to_have_count(3)
    await expect(dashboard.locator(".steps3")).to_contain_text("wrong <b>file</b>")


async def test_a_failed_job_runs_again(dashboard: Page, gateway: Client, system: System) -> None:
    job = (await gateway.enqueue("kinds", {"kind": "cause"}))["id"]
    await eventually(lambda: _ended(gateway, job))
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")

    await dashboard.get_by_test_id("retry").click()
    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator(".tl")).to_contain_text("Started, attempt 2")
    await expect(dashboard.locator(".jv")).to_have_attribute("data-state", "failed")


async def test_an_unknown_job_is_said_plainly(dashboard: Page, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/00000000-0000-7000-8000-000000000000")

    await expect(dashboard.get_by_text("There is no job with this id")).to_be_visible()


async def test_an_address_that_is_no_page_says_so_in_our_words(dashboard: Page, system: System) -> None:
    answer = await dashboard.goto(f"{system.dashboard}/admin/nothing")

    assert answer is not None
    assert answer.status == 404
    await expect(dashboard.locator("body")).to_contain_text("There is no such page")


async def test_an_address_with_a_hundred_keys_opens_the_page(dashboard: Page, system: System) -> None:
    keys = "&".join(f"k{number}=1" for number in range(100))

    answer = await dashboard.goto(f"{system.dashboard}/admin/jobs/list?{keys}")

    assert answer is not None
    assert answer.status == 200
    await expect(dashboard.locator(".live[data-link=live]")).to_be_visible()


async def test_a_statement_is_imported(dashboard: Page, system: System, tmp_path: Path) -> None:
    path = tmp_path / "june.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Date", "Description", "Amount", "Currency", "IBAN"])
        writer.writerows(
            [f"2026-06-{n % 28 + 1:02}", f"Shop number {n}", f"-{n}.25", "EUR", "DE02100100100006820101"]
            for n in range(1, 301)
        )
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list")

    await dashboard.get_by_test_id("statement").set_input_files(path)

    panel = dashboard.locator(".panel .jv")
    await expect(panel).to_have_attribute("data-state", "completed", timeout=20_000)
    await expect(dashboard.locator(".panel")).to_contain_text("300 new lines of june.csv on 1 account")
    await dashboard.locator(".panel").get_by_text("Show JSON").click()
    await expect(dashboard.locator(".panel")).to_contain_text('"imported": 300')


async def test_an_empty_file_is_refused_in_words(dashboard: Page, system: System, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list")

    await dashboard.get_by_test_id("statement").set_input_files(path)

    await expect(dashboard.locator(".toast[data-tone=bad]")).to_contain_text("not empty")


async def test_a_job_that_logs_nothing_says_so_instead_of_an_empty_box(
    dashboard: Page, gateway: Client, system: System
) -> None:
    job = (await gateway.enqueue("wait", {"seconds": 60}))["id"]
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")
    await expect(dashboard.get_by_text("Nothing is logged yet; lines will appear here as they come.")).to_be_visible()
    await expect(dashboard.get_by_label("Filter log lines")).to_have_count(0)

    await gateway.cancel(job)

    await expect(dashboard.get_by_text("Nothing was logged.")).to_be_visible(timeout=20_000)


async def test_the_log_can_be_taken_along(dashboard: Page, gateway: Client, system: System) -> None:
    job = (await gateway.enqueue("ledger", {"number": 1, "steps": 5}))["id"]
    await eventually(lambda: _ended(gateway, job))
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")
    await expect(dashboard.get_by_role("log")).to_contain_text("step 5 of 5")

    async with dashboard.expect_download() as found:
        await dashboard.get_by_role("link", name="Download").click()

    download = await found.value
    assert download.suggested_filename == f"job-{job}.log"
    assert "step 5 of 5" in Path(await download.path()).read_text()


async def test_queues_and_workers_show_what_is_there(dashboard: Page, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/jobs/workers")
    await expect(dashboard.locator("[data-worker]").first).to_contain_text("Running")

    await dashboard.locator(".side").get_by_text("Queues").click()

    await expect(dashboard.locator("[data-queue]").first).to_be_visible()


async def _ended(gateway: Client, job: str) -> bool:
    return (await gateway.job(job))["status"] in ("completed", "failed", "cancelled")
