"""Schedules as the browser draws them, what is asked about them, and how the answers are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ui.durations import duration
from ui.forms import json_of
from ui.model import Row, millis
from ui.questions import Question, Unfit, reason_field, until_field
from ui.queues import pause_of
from ui.rows import cut

POLICIES = (("once", "Run once"), ("skip", "Leave them alone"), ("all", "Run all"))
KINDS = (("cron", "Cron"), ("interval", "Interval"), ("once", "Once"))


def schedule_row(row: Row) -> Row:
    """Return what the list draws of a schedule; times in ms."""
    return {
        "id": str(row.get("id") or ""),
        "title": cut(row.get("title")) or str(row.get("id") or ""),
        "task": str(row.get("task") or ""),
        "when": when_words(row),
        "zone": str(row.get("time_zone") or "UTC"),
        "why": cut(row.get("why")) or "",
        "code": row.get("source") == "code",
        "policy": dict(POLICIES).get(str(row.get("policy")), ""),
        "paused": pause_of(row),
        "next": [at for each in row.get("next_runs") or [] if (at := millis(each)) is not None],
        "recent": [_run(each) for each in reversed(row.get("recent") or [])],
        "missed": int(row.get("missed") or 0),
    }


def when_words(row: Row) -> str:
    """Return when a schedule runs, as short as it was written."""
    kind = row.get("kind")
    if kind == "interval":
        return f"every {duration(float(row.get('every_s') or 0) * 1000)}"
    if kind == "once":
        return "once"
    return str(row.get("cron") or "")


def _run(run: Row) -> Row:
    return {
        "at": millis(run.get("slot")) or 0,
        "state": str(run.get("state") or ""),
        "job": run.get("job"),
        "outcome": str(run.get("outcome") or ""),
        "took": None if run.get("duration_s") is None else float(run["duration_s"]) * 1000,
        "by": cut(run.get("by")) or "",
        "error": cut(run.get("error")) or "",
    }


def pause_schedule(row: Row) -> Question:
    """Ask why and until when a schedule shall be paused."""
    text = "It makes no jobs until it goes on, and makes up for none afterwards. It can be run by hand."
    return Question(title=f"Pause {_title(row)}?", text=(text,), fields=(until_field(), reason_field()), yes="Pause")


def delete_schedule(row: Row) -> Question:
    """Ask whether a schedule shall be deleted."""
    return Question(
        title=f"Delete {_title(row)}?", text=("It runs no more. The jobs that it made stay.",), yes="Delete", no="Keep it",
        danger=True,
    )  # fmt: skip


def edit_schedule(tasks: list[str], row: Row | None = None, *, zone: str = "UTC") -> Question:
    """Ask for a new schedule, or for what is to change in one."""
    known = row or {}
    kind = str(known.get("kind") or "cron")
    fields: tuple[Row, ...] = (
        {
            "kind": "text", "name": "title", "label": "Title" if row else "Title (optional)", "max": 255, "hint": "",
            "value": str(known.get("title") or ""),
        },
        {
            "kind": "select", "name": "task", "label": "Task", "options": [[name, name] for name in tasks],
            "value": str(known.get("task") or (tasks[0] if tasks else "")), "hint": "",
        },
        {"kind": "choice", "name": "kind", "label": "When", "options": [list(each) for each in KINDS], "value": kind},
        {
            "kind": "text", "name": "cron", "label": "Cron", "value": str(known.get("cron") or "0 6 * * *"), "max": 200,
            "only": ["kind", "cron"], "preview": True,
            "hint": "Minute, hour, day of month, month, day of week.",
        },
        {
            "kind": "text", "name": "time_zone", "label": "Time zone", "value": str(known.get("time_zone") or zone), "max": 64,
            "only": ["kind", "cron"], "preview": True, "hint": "",
        },
        {
            "kind": "number", "name": "every_s", "label": "Every so many seconds", "value": str(known.get("every_s") or "900"),
            "step": "1", "only": ["kind", "interval"], "preview": True, "hint": "",
        },
        {
            "kind": "moment", "name": "at", "label": "Day and time", "value": str(known.get("at") or ""),
            "only": ["kind", "once"], "hint": "",
        },
        {
            "kind": "area", "name": "arguments", "told": "data", "label": "Arguments (JSON object)", "rows": 3, "hint": "",
            "value": json.dumps(known.get("arguments") or {}, indent=2, ensure_ascii=False),
        },
        {
            "kind": "select", "name": "policy", "label": "Runs that were missed", "options": [list(each) for each in POLICIES],
            "value": str(known.get("policy") or "once"), "hint": "While no scheduler was there.",
        },
        {"kind": "text", "name": "why", "label": "Why (optional)", "value": str(known.get("why") or ""), "max": 2000, "hint": ""},
    )  # fmt: skip
    title = f"Change {_title(known)}" if row else "New schedule"
    return Question(title=title, fields=fields, yes="Save" if row else "Make it", no="Back", wide=True)


def edited(values: Row) -> Row:
    """Return what was filled in, as the gateway takes it.

    Raises:
        Unfit: naming the field and what is wrong with it.
    """
    kind = str(values.get("kind") or "cron")
    found: Row = {name: str(values.get(name) or "").strip() for name in ("title", "task", "policy", "why")}
    if not found["task"]:
        raise Unfit("task", "Choose one.")
    found["arguments"] = json_of(values.get("arguments") or "{}", "arguments")
    if not isinstance(found["arguments"], dict):
        raise Unfit("arguments", 'Give an object such as {"month": "2026-10"}.')
    return {name: value for name, value in (found | timing(values, kind)).items() if value != "" or name == "why"}


def timing(values: Row, kind: str) -> Row:
    """Return the fields of a schedule's time.

    Raises:
        Unfit: naming the field and what is wrong with it.
    """
    if kind == "interval":
        try:
            return {"every_s": int(str(values.get("every_s", "")))}
        except ValueError:
            raise Unfit("every_s", "Give a whole number of seconds.") from None
    if kind == "once":
        try:
            at = datetime.fromisoformat(str(values.get("at") or ""))
        except ValueError:
            raise Unfit("at", "Give a day and a time.") from None
        return {"at": (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()}
    return {"cron": str(values.get("cron") or "").strip(), "time_zone": str(values.get("time_zone") or "UTC").strip()}


def _title(row: Row) -> str:
    return str(row.get("title") or row.get("id") or "this schedule")
