"""Pausing, draining, cleaning, cancelling and sending again, as an operator does it on the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, expect

from taskcast.client import Client, GatewayError
from taskcast.engine import wire
from taskcast.engine.engine import Engine
from tests.scenarios.system import System
from tests.ui.conftest import sign_in
from tests.waiting import eventually

PASSWORD = "a password of the tests"


@pytest.fixture
async def queue(gateway: Client) -> AsyncIterator[str]:
    """A queue that has seen a job, and goes on after the test."""
    await ended(gateway, (await gateway.enqueue("quick", {"number": 1}, queue="letters"))["id"])
    yield "letters"
    await gateway.resume_queue("letters")


async def test_a_paused_queue_is_unmistakable_everywhere(
    dashboard: Page, gateway: Client, system: System, queue: str
) -> None:
    head = await open_queue(dashboard, system, queue)

    await dashboard.get_by_test_id("pause").click()
    await dashboard.get_by_text("15 min").click()
    await dashboard.get_by_label("Reason (optional)").fill("bank <b>closed</b>")
    await dashboard.get_by_test_id("confirm").click()

    await expect(head).to_have_attribute("data-paused", "true")
    await expect(head).to_contain_text("“bank <b>closed</b>” · until")
    job = (await gateway.enqueue("quick", {"number": 2}, queue=queue))["id"]
    await expect(row(dashboard, job)).to_contain_text("Queue letters is paused")
    await expect(dashboard.get_by_test_id("paused")).to_contain_text("letters paused")
    await dashboard.locator(".side").get_by_text("Overview").click()
    await expect(dashboard.locator(f".q.paused[data-queue={queue}]")).to_contain_text("Paused")
    await dashboard.locator(".side").get_by_text("Queues").click()
    await expect(dashboard.locator(f"tr.paused[data-queue={queue}]")).to_contain_text("bank <b>closed</b>")


async def test_a_resumed_queue_goes_on_before_ones_eyes(
    dashboard: Page, gateway: Client, system: System, queue: str
) -> None:
    await gateway.pause_queue(queue, reason="for a moment")
    job = (await gateway.enqueue("quick", {"number": 3}, queue=queue))["id"]
    head = await open_queue(dashboard, system, queue)
    await expect(row(dashboard, job)).to_be_visible()

    await dashboard.get_by_test_id("resume").click()

    await expect(head).to_have_attribute("data-paused", "false")
    await expect(row(dashboard, job)).to_have_count(0)
    await expect(dashboard.get_by_test_id("paused")).to_have_count(0)
    assert (await gateway.job(job))["status"] == "completed"


async def test_a_pause_by_another_is_seen_without_a_reload(
    dashboard: Page, gateway: Client, system: System, queue: str
) -> None:
    head = await open_queue(dashboard, system, queue)
    await expect(head).to_have_attribute("data-paused", "false")

    await gateway.pause_queue(queue, reason="by a program")

    await expect(head).to_have_attribute("data-paused", "true")
    await expect(head).to_contain_text("by a program")


async def test_many_waiting_jobs_are_drained_after_the_name_was_typed(
    dashboard: Page, gateway: Client, system: System, queue: str
) -> None:
    await gateway.pause_queue(queue)
    for number in range(101):
        await gateway.enqueue("quick", {"number": number}, queue=queue, priority="LOW")
    head = await open_queue(dashboard, system, queue)
    await expect(head.locator("[data-lane=LOW] em")).to_have_text("101")

    await dashboard.get_by_test_id("drain").click()
    confirm = dashboard.get_by_test_id("confirm")
    await expect(confirm).to_be_disabled()
    await dashboard.get_by_label("Type letters to confirm").fill(queue)
    await confirm.click()

    await expect(dashboard.locator(".toast")).to_contain_text("101 waiting jobs were cancelled.")
    await expect(head.locator("[data-lane=LOW] em")).to_have_text("0")
    await expect(dashboard.locator(".jt-row")).to_have_count(0)


async def test_all_jobs_of_a_list_are_cancelled_at_once(
    dashboard: Page, gateway: Client, system: System, queue: str
) -> None:
    await gateway.pause_queue(queue)
    jobs = [(await gateway.enqueue("quick", {"number": number}, queue=queue))["id"] for number in range(3)]
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list?queue={queue}&status=queued")
    await expect(row(dashboard, jobs[-1])).to_be_visible()

    await dashboard.get_by_test_id("matching").click()
    await dashboard.get_by_text("Cancel 3 jobs").click()
    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator(".toast")).to_contain_text("3 jobs are being cancelled.")
    for job in jobs:
        await ended(gateway, job)
        assert (await gateway.job(job))["status"] == "cancelled"


async def test_ended_jobs_of_a_queue_are_cleaned(dashboard: Page, gateway: Client, system: System, queue: str) -> None:
    job = (await gateway.enqueue("quick", {"number": 4}, queue=queue))["id"]
    await ended(gateway, job)
    await open_queue(dashboard, system, queue)

    await dashboard.get_by_test_id("clean").click()
    await dashboard.locator("[data-field=older]").fill("0")
    await dashboard.get_by_test_id("confirm").click()

    await expect(dashboard.locator(".toast[data-tone=ok]")).to_contain_text("deleted")
    await eventually(lambda: is_gone(gateway, job))


async def test_who_may_only_look_is_told_why_no_button_works(
    page: Page, gateway: Client, system: System, queue: str
) -> None:
    await make_person(gateway, "vic@example.com", "viewer")
    await sign_in(page, system, email="vic@example.com", password=PASSWORD)

    head = await open_queue(page, system, queue)

    await expect(head).to_contain_text("Your role, viewer, may look only; an operator may steer.")
    for button in ("pause", "drain", "clean"):
        await expect(page.get_by_test_id(button)).to_be_disabled()
    await page.locator(".side").get_by_text("Tasks").click()
    await expect(page.get_by_role("button", name="Pause quick")).to_be_disabled()


async def test_a_task_is_paused_and_goes_on(dashboard: Page, gateway: Client, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/tasks")
    line = dashboard.locator("[data-task=kinds]")
    await expect(line).to_contain_text("scenario")

    await line.get_by_role("button", name="Pause kinds").click()
    await dashboard.get_by_test_id("confirm").click()

    await expect(line).to_contain_text("Paused")
    job = (await gateway.enqueue("kinds", {"kind": "int"}))["id"]
    await dashboard.locator(".side").get_by_text("Jobs").click()
    await expect(row(dashboard, job)).to_contain_text("Task kinds is paused")
    await dashboard.locator(".side").get_by_text("Tasks").click()
    await line.get_by_role("button", name="Resume kinds").click()
    await expect(line).not_to_contain_text("Paused")
    await ended(gateway, job)


async def test_a_check_for_stuck_jobs_says_what_it_found(dashboard: Page, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/queues")

    await dashboard.get_by_test_id("check-stuck").click()

    await expect(dashboard.locator("dialog[open]")).to_contain_text("No job is stuck")


async def test_a_dead_letter_appears_and_is_sent_again_with_other_arguments(
    dashboard: Page, gateway: Client, system: System
) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list")
    await dashboard.get_by_test_id("dead").click()
    job = (await gateway.enqueue("wait", {"seconds": 60}, timeout_s=2))["id"]
    letter = row(dashboard, job)
    await expect(letter).to_contain_text("Timeout")

    await letter.get_by_role("button", name="Send again").click()
    await dashboard.get_by_test_id("edit").click()
    await dashboard.get_by_label("Arguments (JSON)").fill('{"seconds": "long"}')
    await dashboard.get_by_test_id("confirm").click()
    await expect(dashboard.locator(".dlg-e")).to_contain_text("seconds must be a number, not a text")
    await dashboard.get_by_label("Arguments (JSON)").fill('{"seconds": 0}')
    await dashboard.get_by_test_id("confirm").click()

    await expect(letter).to_have_count(0)
    await ended(gateway, job)
    found = await gateway.job(job)
    assert (found["status"], found["data"]) == ("completed", {"seconds": 0})


async def test_dead_letters_are_kept_apart_from_errors(dashboard: Page, gateway: Client, system: System) -> None:
    error = (await gateway.enqueue("kinds", {"kind": "cause"}))["id"]
    late = (await gateway.enqueue("wait", {"seconds": 60}, timeout_s=0.3))["id"]
    await ended(gateway, error)
    await ended(gateway, late)

    await dashboard.goto(f"{system.dashboard}/admin/jobs/list?view=dead")
    await expect(row(dashboard, late)).to_be_visible()
    await expect(row(dashboard, error)).to_have_count(0)
    await dashboard.locator("[data-reason=worker_lost]").click()

    await expect(row(dashboard, late)).to_have_count(0)
    await eventually(lambda: dashboard.url.endswith("?view=dead&final_reason=worker_lost"))


async def test_people_cancel_their_own_jobs(page: Page, gateway: Client, system: System) -> None:
    await make_person(gateway, "una@example.com", "user")
    own = (await gateway.enqueue("wait", {"seconds": 60}, user_id="una@example.com"))["id"]
    await sign_in(page, system, email="una@example.com", password=PASSWORD)
    await row(page, own).click()
    panel = page.get_by_role("dialog", name="Job details")

    await panel.get_by_test_id("cancel").click()
    await page.get_by_label("Reason (optional)").fill("not needed any more")
    await page.get_by_test_id("confirm").click()

    await expect(panel.locator(".jv")).to_have_attribute("data-state", "cancelled")
    await expect(panel.locator(".steps3 .done")).to_have_count(3)
    await expect(panel.locator(".steps3")).to_contain_text("by una@example.com · “not needed any more”")
    assert "by " in await panel.locator(".steps3 .done").nth(1).inner_text()


async def test_every_attempt_shows_its_own_stack_trace(dashboard: Page, gateway: Client, system: System) -> None:
    job = await run_twice(gateway, "kinds", {"kind": "cause"})
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")
    first = dashboard.locator("[data-attempt='1']")
    await expect(first).to_contain_text("RuntimeError: the second error")

    await first.get_by_role("button", name="Show stack trace").click()

    await expect(first.locator(".trace")).to_contain_text("KeyError")


async def test_the_log_shows_one_attempt_alone(dashboard: Page, gateway: Client, system: System) -> None:
    job = await run_twice(gateway, "ledger", {"number": 5, "steps": 3})
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{job}")
    lines = dashboard.locator(".lv-line")
    await expect(lines).to_have_count(6)

    await dashboard.locator("[data-attempt='2']").get_by_role("button", name="Logs").click()

    await expect(lines).to_have_count(3)
    await expect(dashboard.get_by_label("Attempt", exact=True)).to_have_value("2")


async def test_a_job_says_which_limit_holds_it_back_until_it_runs(
    dashboard: Page, gateway: Client, system: System
) -> None:
    first, second = [(await gateway.enqueue("single", {"seconds": 60}))["id"] for _ in range(2)]

    async def held() -> bool:
        return bool((await gateway.job(second)).get("held_by"))

    await eventually(held)
    await open_queue(dashboard, system, "scenario")
    await expect(dashboard.locator("[data-limit=single]")).to_contain_text("1 of 1, 1 held back")
    await dashboard.goto(f"{system.dashboard}/admin/jobs/job/{second}")
    await expect(dashboard.get_by_text("Held back by the concurrency limit single.")).to_be_visible()
    await expect(dashboard.locator(".kv")).to_contain_text("1 at once, key single")
    await expect(dashboard.locator(".kv")).to_contain_text("600 per minute")

    await gateway.cancel(first)

    await expect(dashboard.locator(".jv")).to_have_attribute("data-state", "running", timeout=15_000)
    await expect(dashboard.get_by_text("Held back")).to_have_count(0)
    await gateway.cancel(second)


async def test_a_stuck_job_is_marked_with_the_reason(dashboard: Page, gateway: Client, system: System) -> None:
    job = (await gateway.enqueue("single", {"seconds": 60}))["id"]
    await dashboard.goto(f"{system.dashboard}/admin/jobs/list?status=running")
    await expect(row(dashboard, job)).to_have_attribute("data-state", "running")

    async with Engine.connect(system.redis_url, "taskcast") as engine:
        head = wire.head(job, "single", "scenario", None)
        await engine.tell([("job.stuck", head, b'{"reason":"past_timeout"}')])

    await expect(row(dashboard, job).locator(".stuck")).to_have_attribute("title", "It runs on past its timeout")
    await row(dashboard, job).click()
    await expect(dashboard.get_by_role("dialog", name="Job details")).to_contain_text("Looks stuck.")
    await gateway.cancel(job)


async def test_a_task_is_listed_with_its_limits(dashboard: Page, system: System) -> None:
    await dashboard.goto(f"{system.dashboard}/admin/tasks")
    await expect(dashboard.locator("[data-task=single]")).to_contain_text("1 at once")
    await expect(dashboard.locator("[data-task=single]")).to_contain_text("600 per minute")


# --------------------------------------------------------------------------------------------------------------


def row(page: Page, job: str) -> Any:
    return page.locator(f".jt-row[data-job='{job}']")


async def open_queue(page: Page, system: System, name: str) -> Any:
    await page.goto(f"{system.dashboard}/admin/queues/{name}")
    await page.wait_for_selector(".live[data-link=live]")
    return page.locator(".qv")


async def make_person(gateway: Client, email: str, role: str) -> None:
    await gateway.create_user(email, PASSWORD, role=role)


async def ended(gateway: Client, job: str) -> None:
    async def is_final() -> bool:
        return (await gateway.job(job))["status"] in ("completed", "failed", "cancelled")

    await eventually(is_final)


async def run_twice(gateway: Client, task: str, arguments: dict[str, Any]) -> str:
    job = str((await gateway.enqueue(task, arguments))["id"])
    await ended(gateway, job)
    await gateway.retry(job)

    async def has_two() -> bool:
        return len([each for each in (await gateway.job(job))["attempts"] if each["ended_at"]]) == 2

    await eventually(has_two)
    return job


async def is_gone(gateway: Client, job: str) -> bool:
    try:
        await gateway.job(job)
    except GatewayError as error:
        return error.status == 404
    return False
