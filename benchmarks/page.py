"""From `job.progress()` to the DOM of a real browser: 100 jobs, each telling its progress ten times a second.

The message carries the time of telling; an observer in the page notes how old it is when a row in view shows it.
"""

from __future__ import annotations

import asyncio

from playwright.async_api import async_playwright

from benchmarks.figures import Figure, percentile
from benchmarks.servers import folder
from benchmarks.ticking import HZ
from tests.chromium import ARGUMENTS, find_chromium
from tests.scenarios.system import EMAIL, PASSWORD, ROOT, System
from tests.waiting import eventually

JOBS = 100
SECONDS = 20
ROWS = 6
OBSERVE = """(rows) => {
  window.ages = [];
  const note = (node) => {
    const stamp = /t=(\\d{13})/.exec(node.textContent);
    if (stamp) window.ages.push(Date.now() - Number(stamp[1]));
  };
  for (const row of [...document.querySelectorAll('.jt-row')].slice(0, rows)) {
    const text = row.querySelector('.pg-t span');
    new MutationObserver(() => note(text)).observe(text, { characterData: true, childList: true, subtree: true });
  }
}"""


async def _measure(system: System) -> list[float]:
    async with system.client() as client, async_playwright() as playwright:
        for _ in range(JOBS):
            await client.enqueue("tick", {"seconds": SECONDS + 30})

        async def running() -> bool:
            return (await client.queue("bench"))["running"] == JOBS

        await eventually(running, timeout=30, every=0.2)
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(f"{system.dashboard}/admin/jobs")
        await page.fill("[name=email]", EMAIL)
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_function(f"document.querySelectorAll('.jt-row .pg-t').length >= {ROWS}", timeout=30_000)
        await asyncio.sleep(2)
        await page.evaluate(OBSERVE, ROWS)
        await asyncio.sleep(SECONDS)
        ages: list[float] = await page.evaluate("window.ages")
        await browser.close()
        return ages


def run() -> list[Figure]:
    """Measure for twenty seconds; the values shown are the sample."""
    with folder() as path:
        system = System(path, procfile=ROOT / "benchmarks/Procfile").start()
        try:
            ages = asyncio.run(_measure(system))
        finally:
            system.stop()
    what, shown = f"job.progress() to a browser's DOM, {JOBS * HZ} events/s", f"{len(ages)} values shown"
    elsewhere = f"5,000-10,000 ms polling elsewhere; {shown}"
    return [
        Figure(name=f"{what}, p50", value=percentile(ages, 0.5), unit="ms", target="<= 120", against=elsewhere),
        Figure(name=f"{what}, p99", value=percentile(ages, 0.99), unit="ms", target="<= 350", against=elsewhere),
    ]
