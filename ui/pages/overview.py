"""The overview: numbers, throughput, queues, what runs now and what it says."""

from __future__ import annotations

import re
from typing import Any

from nicegui import ui

from ui.components.element import el, icon
from ui.components.job import DockLog
from ui.components.jobs import JobTable
from ui.components.tiles import QueueList, StatTile, Throughput
from ui.durations import duration
from ui.model import Row
from ui.page import Page
from ui.views.table import StatisticsView

RANGES = {"1h": (3600, 60), "6h": (21_600, 300), "24h": (86_400, 1200), "7d": (604_800, 10_800)}


def overview(page: Page) -> None:
    """Build the page."""
    statistics, running = page.statistics, page.running
    with el("div", "scroll"):
        with el("section", "tiles", aria_label="Numbers"):
            for label, name, tone, look, unit in (
                ("Running", "activity", "info", _running, ""),
                ("Queued", "layers", "accent", _queued, ""),
                ("Completed", "circle-check", "ok", _completed, "/min"),
                ("Failed", "triangle-alert", "bad", _failed, "last hour"),
                ("p95 duration", "timer", "warn", _slow, ""),
            ):
                StatTile(page, statistics, label=label, icon=name, tone=tone, look=look, unit=unit).draw()
        with el("div", "two" if page.session.sees_system else "two one"):
            with el("section", "card", aria_label="Throughput"):
                _throughput(page, statistics)
            if page.session.sees_system:
                with el("section", "card", aria_label="Queues"):
                    with el("div", "card-h"):
                        el("h2", "", "Queues")
                        el("span", "sp")
                        el("span", "sub", "slots · waiting")
                    queues = QueueList(page, page.queues)
                    queues.hear("act", lambda args: page.commands.steer_queue(str(args[0]), str(args[1])))
                    queues.draw()
        with el("section", "card", aria_label="Running now"):
            with el("div", "card-h"):
                el("h2", "", "Running now")
                sub = el("span", "sub num")
                el("span", "sp")
                modes = el("div", "seg", role="group", aria_label="Which jobs")
            empty = {
                "icon": "inbox",
                "title": "Nothing is running",
                "text": "Jobs appear here by themselves as soon as a worker takes one.",
            }
            table = JobTable(page, running, label="Running jobs", empty=empty, as_list=False)
            with modes:
                for mode, word in (("all", "All"), ("slow", "Over a minute"), ("retrying", "Retrying")):
                    _choice(word, mode == "all", f"() => runMethod({table.id}, 'filter', ['{mode}'])")
        table.on_count = lambda count: _say(sub, f"{count:,} job{'s' * (count != 1)}" if count else "")
        table.hear("open", lambda job: page.open_job(str(job)))
        table.hear("act", lambda args: page.commands.steer(str(args[0]), running.rows.get(str(args[1]))))
        if running.drawn or running.is_loaded:
            table.draw()
    _dock(page)


def _throughput(page: Page, statistics: StatisticsView) -> None:
    with el("div", "card-h"):
        el("h2", "", "Throughput")
        sub = el("span", "sub hide-m", "jobs per minute")
        el("span", "sp")
        with el("div", "legend hide-m"):
            el("span", "", "Completed").style("--c: var(--chart)")
            el("span", "", "Failed").style("--c: var(--bad)")
            el("span", "", "Cancelled").style("--c: var(--edge)")
        choices = el("div", "seg", role="group", aria_label="Range")
    chart = Throughput(page, statistics)
    chart.draw()
    buttons: dict[str, ui.element] = {}

    async def read(name: str) -> None:
        span, bucket = RANGES[name]

        async def ask() -> None:
            found = await page.session.client.statistics(range_s=span, bucket_s=bucket)
            if chosen["range"] == name and not chart.is_deleted:
                chart.show(int(found.get("bucket_s") or bucket), found.get("buckets") or [])

        await page.act(ask)

    chosen = {"range": "1h"}

    async def choose(name: str) -> None:
        if page.session.is_ended:
            page.leave()
            return
        chosen["range"] = name
        for key, button in buttons.items():
            button._props["aria-pressed"] = str(key == name).lower()
            button.update()
        every = RANGES[name][1]
        sub._text = "jobs per minute" if every == 60 else f"jobs per {_brief(every * 1000)}"
        sub.update()
        if name == "1h":
            chart.longer, chart.on_minute = None, None
            chart.draw()
            return
        chart.on_minute = lambda: page.statistics.spawn(read(name), "throughput")
        await read(name)

    with choices:
        for name in RANGES:
            button = el("button", "", name, type="button", aria_pressed=str(name == "1h").lower())
            button.on("click", lambda _, name=name: choose(name), args=[])
            buttons[name] = button


def _dock(page: Page) -> None:
    with el("section", "dock", aria_label="Log of running jobs") as dock:
        with el("div", "dock-h"):
            icon("terminal")
            el("h2", "", "Logs").style("font: inherit")
            levels = el("div", "seg dock-x", role="group", aria_label="Least level")
            el("span", "sp")
            with el("label", "dock-f dock-x"):
                icon("search")
                query = el("input", "", type="search", placeholder="Filter log lines", aria_label="Filter log lines")
            with el("button", "ib flip", type="button", aria_label="Show or hide the log") as fold:
                icon("chevron-down")
        log = DockLog(page, page.dock)
        with levels:
            for level, word in (("", "All"), ("INFO", "Info"), ("WARNING", "Warn"), ("ERROR", "Error")):
                _choice(word, not level, f"() => runMethod({log.id}, 'filter', [null, '{level}'])")
    query.on("input", js_handler=f"(e) => runMethod({log.id}, 'filter', [e.target.value, null])")
    fold.on("click", js_handler=f"() => getHtmlElement({dock.id}).classList.toggle('shut')")
    log.draw()


def _say(element: ui.element, text: str) -> None:
    if element._text != text and not element.is_deleted:
        element._text = text
        element.update()


def _choice(word: str, pressed: bool, js: str) -> None:
    """Make one of a group of buttons that works in the browser alone; `js` holds constants only."""
    button = el("button", "", word, type="button", aria_pressed=str(pressed).lower())
    press = "for (const b of e.currentTarget.parentElement.children) b.setAttribute('aria-pressed', String(b === e.currentTarget))"
    button.on("click", js_handler=f"(e) => {{ {press}; ({js})(); }}")


def _states(view: StatisticsView) -> Row:
    return view.totals.get("by_status") or {}


def _running(view: StatisticsView) -> dict[str, Any]:
    return _jobs_now(view, "running", beside="retrying")


def _queued(view: StatisticsView) -> dict[str, Any]:
    return _jobs_now(view, "queued", beside="scheduled")


def _jobs_now(view: StatisticsView, state: str, *, beside: str) -> dict[str, Any]:
    states = _states(view)
    more = states.get(beside) or 0
    return {
        "text": f"{states.get(state) or 0:,}",
        "hint": f"{more:,} {beside}" if more else "",
        "points": [sample[state] for sample in view.samples],
    }


def _completed(view: StatisticsView) -> dict[str, Any]:
    per_minute = (view.totals.get("per_minute") or {}).get("completed") or 0
    points = [row.get("completed") or 0 for row in view.minutes]
    before = points[-11:-1]
    usual = sum(before) / len(before) if before else 0
    change = f"usual {usual:,.0f}" if usual >= 1 else ""
    text = f"{per_minute:,.0f}" if per_minute >= 10 or per_minute == int(per_minute) else f"{per_minute:.1f}"
    return {"text": text, "hint": change, "points": points}


def _failed(view: StatisticsView) -> dict[str, Any]:
    ended: Row = view.totals.get("ended") or {}
    rate = view.totals.get("success_rate")
    points = [row.get("failed") or 0 for row in view.minutes]
    hint = f"{rate * 100:.4g} % succeed" if isinstance(rate, int | float) else ""
    return {"text": f"{ended.get('failed') or sum(points):,}", "hint": hint, "points": points}


def _slow(view: StatisticsView) -> dict[str, Any]:
    p50 = view.totals.get("p50_ms")
    return {
        "text": _brief(view.totals.get("p95_ms")),
        "hint": f"half under {_brief(p50)}" if p50 is not None else "",
        "points": [sample["p95"] for sample in view.samples],
    }


def _brief(ms: Any) -> str:
    """Return a duration without its smaller part: 3 min, 2 h."""
    return re.sub(r"(min|h|days) \d+ (s|min|h)$", r"\1", duration(ms))
