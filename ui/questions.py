"""What the dialog asks before something is done, as data, and how its answers are read. Nothing here does anything."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from taskcast.redaction import MASK
from ui.looks import DEAD_LETTERS, FINAL_REASONS, STATES, UNITS_S
from ui.model import Row
from ui.words import sentence, stuck_words

TYPE_ABOVE = 100
"""More waiting jobs than this are cancelled only after the queue's name was typed."""
REASON = 300
LATEST_DAYS = 3660
PAUSES = (("", "Until it is resumed"), ("15", "15 min"), ("60", "1 h"), ("240", "4 h"), ("at", "Until …"))

MATCHING = {
    "retry": ("Run again", "sent again"),
    "cancel": ("Cancel", "cancelled"),
    "delete": ("Delete for good", "deleted"),
}
"""What can be done to all jobs that match: on the choice, and when it has begun."""

HELP = {
    "worker_lost": "The job itself may be what ends them.",
    "timeout": "It will again unless something has changed.",
    "unknown_task": "Start one that does first, or it ends the same way.",
    "unreadable": "It will be so again unless it was put right.",
    "forgotten": "It has probably not begun.",
}
"""What to think of before a dead letter is sent again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something could not be done; `fields` from a field's name (dots lead inside) to what is wrong with it."""

    text: str
    fields: dict[str, str] = field(default_factory=dict)


class Unfit(ValueError):
    """What was filled in cannot be used."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.refusal = Refusal("", {name: text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A dialog: its words, the fields to fill in, and the rows it shows."""

    title: str
    yes: str = ""
    no: str = "Back"
    text: tuple[str, ...] = ()
    fields: tuple[Row, ...] = ()
    items: tuple[Row, ...] = ()
    danger: bool = False
    wide: bool = False

    def as_json(self) -> Row:
        """Return it as the browser's dialog takes it."""
        return asdict(self)


# ---------------------------------------------------------------------------------------------------- questions


def cancel_job(row: Row) -> Question:
    """Ask whether a job shall be cancelled."""
    running = row.get("status") == "running"
    text = (
        "It is running: its worker is asked to stop it. What it has done so far stays done."
        if running
        else "It has not begun yet, so it is cancelled at once."
    )
    return Question(
        title=f"Cancel {_name(row)}?", text=(text,), fields=(reason_field(),), yes="Cancel the job", no="Keep it", danger=True
    )  # fmt: skip


def retry_job(row: Row) -> Question:
    """Ask whether an ended job shall run again, with the chance to change its arguments."""
    reason = str(row.get("final_reason") or "")
    dead = row.get("status") == "failed" and reason in DEAD_LETTERS
    text = ["It is queued under the same id. Its earlier attempts stay to be seen."]
    if dead:
        text = [f"It failed for good because {FINAL_REASONS[reason]}. {HELP[reason]}", *text]
    shown = arguments_text(row.get("data"))
    fields: tuple[Row, ...] = ()
    if shown is None:
        text.append("Its arguments were too large to be kept whole, so they cannot be edited here.")
    else:
        label, open_ = "Arguments (JSON)", "Edit the arguments"
        fields = ({"kind": "json", "name": "arguments", "label": label, "open": open_, "value": shown},)
    title = f"Send {_name(row)} again?" if dead else f"Run {_name(row)} again?"
    return Question(
        title=title, text=tuple(text), fields=fields, yes="Send again" if dead else "Run again", wide=shown is not None
    )  # fmt: skip


def pause_queue(name: str, row: Row | None) -> Question:
    """Ask why and until when a queue shall be paused."""
    running = int((row or {}).get("running") or 0)
    busy = f" The {running:,} running now {'goes' if running == 1 else 'go'} on to the end." if running else ""
    text = f"No worker takes a job of it until it goes on; new jobs are accepted and wait.{busy}"
    return Question(title=f"Pause queue {name}?", text=(text,), fields=(until_field(), reason_field()), yes="Pause")


def pause_task(name: str) -> Question:
    """Ask why and until when a task shall be paused."""
    text = "Its jobs are held back in all queues; other tasks go on. Jobs of it that run now go on to the end."
    return Question(title=f"Pause task {name}?", text=(text,), fields=(until_field(), reason_field()), yes="Pause")


def drain_queue(name: str, waiting: int) -> Question:
    """Ask whether all waiting jobs of a queue shall be cancelled; many only if its name is typed."""
    jobs = "the 1 waiting job" if waiting == 1 else f"all {waiting:,} waiting jobs"
    fields: tuple[Row, ...] = (reason_field(),)
    if waiting > TYPE_ABOVE:
        label = f"Type {name} to confirm"
        fields = (*fields, {"kind": "confirm", "name": "confirm", "label": label, "value": name})
    text = (
        f"This cancels {jobs} of the queue, held back ones too. They can be run again one by one.",
        "Running, scheduled and retrying jobs are left alone.",
    )
    return Question(title=f"Drain queue {name}?", text=text, fields=fields, yes=f"Cancel {waiting:,} {_jobs(waiting)}",
                    no="Keep them", danger=True)  # fmt: skip


def clean_queue(name: str) -> Question:
    """Ask which ended jobs of a queue shall be deleted."""
    states = [[state.value, look.label] for state, look in STATES.items() if state.is_final]
    fields = (
        {"kind": "span", "name": "older", "label": "Ended more than", "units": list(UNITS_S), "value": [7, "days"],
         "after": "ago"},
        {"kind": "checks", "name": "status", "label": "Which jobs", "options": states, "value": [s[0] for s in states]},
    )  # fmt: skip
    text = ("This deletes ended jobs of the queue with their logs and results, for good.",)
    return Question(title=f"Clean queue {name}?", text=text, fields=fields, yes="Delete", no="Keep them", danger=True)


def steer_matching(counts: dict[str, int | None]) -> Question:
    """Ask what shall be done to all jobs that match, given how many there are for each action; None is not known."""
    options = [[action, f"{MATCHING[action][0]} {_many(count)}"] for action, count in counts.items()]
    fields: tuple[Row, ...] = (
        {"kind": "choice", "name": "action", "label": "What shall be done", "options": options, "value": options[0][0]},
        reason_field() | {"only": ["action", "cancel"]},
    )
    if _are_many(counts):
        fields = (*fields, {"kind": "confirm", "name": "confirm", "label": "Type all to confirm", "value": "all"})
    text = (
        "It is done to every job that matches now, also to those that are not shown. It goes on without this page.",
    )
    return Question(title="All jobs of this list", text=text, fields=fields, yes="Begin", danger=True)


def run_task(name: str, fields: tuple[Row, ...], description: str = "", *, again: bool = False) -> Question:
    """Ask for the arguments of a new job."""
    text = [description] if description else []
    if again:
        text.append("A new job is made; the one you look at stays as it is.")
    return Question(title=f"Run {name}", text=tuple(text), fields=fields, yes="Run", wide=bool(fields))


def stuck_found(found: Row) -> Question:
    """Show what a check for stuck jobs found and did."""
    checked, items = int(found.get("checked") or 0), list(found.get("found") or [])
    looked = f"{checked:,} unfinished {_jobs(checked)} {'was' if checked == 1 else 'were'} looked at."
    if not items:
        return Question(title="No job is stuck", text=(looked,), no="Close")
    rows = tuple(
        {
            "job": str(item.get("job") or ""),
            "title": stuck_words(item.get("reason")),
            "text": sentence(item.get("action")),
        }
        for item in items[:200]
    )
    more = (f"The first 200 of {len(items):,} are shown.",) if len(items) > len(rows) else ()
    title = f"{len(items):,} stuck {_jobs(len(items))}"
    return Question(title=title, text=(looked, *more), items=rows, no="Close", wide=True)


# ------------------------------------------------------------------------------------------------------ answers


def reason_of(values: Row) -> str | None:
    """Return the reason that was typed, or None."""
    return str(values.get("reason") or "").strip()[:REASON] or None


def until_of(values: Row, now: datetime) -> str | None:
    """Return the end of a pause as ISO 8601, or None for one without an end.

    Raises:
        Unfit: if it is no time, or not in the future.
    """
    chosen = str(values.get("until") or "")
    if not chosen:
        return None
    if chosen in {value for value, _ in PAUSES if value.isdigit()}:
        return _iso(now + timedelta(minutes=int(chosen)))
    try:
        at = datetime.fromisoformat(str(values.get("until_at") or ""))
    except ValueError:
        raise Unfit("until", "Give a day and a time.") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= now:
        raise Unfit("until", "This time has passed; give one in the future.")
    if at > now + timedelta(days=LATEST_DAYS):
        raise Unfit("until", "This is more than ten years away.")
    return _iso(at)


def action_of(values: Row, counts: dict[str, int | None]) -> str:
    """Return what shall be done to all jobs that match.

    Raises:
        Unfit: if it is nothing of what was offered, or many jobs were not confirmed.
    """
    action = str(values.get("action") or "")
    if action not in counts:
        raise Unfit("action", "Choose one.")
    if _are_many(counts) and str(values.get("confirm") or "").strip() != "all":
        raise Unfit("confirm", "Type all.")
    return action


def begun(action: str, count: int | None) -> str:
    """Return what is said when an action has begun."""
    return f"{_many(count)} {'is' if count == 1 else 'are'} being {MATCHING[action][1]}."


def cleaning_of(values: Row) -> tuple[float, list[str]]:
    """Return the age in seconds and the states of the jobs to delete.

    Raises:
        Unfit: if either is missing or makes no sense.
    """
    number, unit = (*_listed(values.get("older")), None, None)[:2]
    try:
        age_s = float(str(number)) * UNITS_S[str(unit)]
    except (KeyError, ValueError):
        raise Unfit("older", "Give a number, 0 or more.") from None
    if not 0 <= age_s <= LATEST_DAYS * 86400:
        raise Unfit("older", "Give a number between 0 and ten years.")
    states = [state.value for state in STATES if state.is_final and state.value in _listed(values.get("status"))]
    if not states:
        raise Unfit("status", "Choose one at least.")
    return age_s, states


def arguments_text(data: Any) -> str | None:
    """Return a job's arguments as JSON to edit; None if they are not known whole."""
    if not isinstance(data, dict) or "$cut" in data:
        return None
    return json.dumps(data, indent=2, ensure_ascii=False, default=repr).encode("utf-8", "replace").decode()


def edited_arguments(text: Any, data: Any) -> Row:
    """Return the arguments that differ from those the job had; only these are sent, so hidden ones stay as they are.

    Raises:
        Unfit: if it is no JSON object, leaves an argument out, or changes one that holds a hidden value.
    """
    known: Row = data if isinstance(data, dict) else {}
    if text is None:
        return {}
    try:
        found = json.loads(str(text), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Unfit(
            "arguments", f"Line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}."
        ) from None
    except (ValueError, RecursionError) as error:
        raise Unfit("arguments", f"This is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Unfit("arguments", "This must be an object: names with their values, in braces.")
    for name in known:
        if name not in found:
            raise Unfit(f"arguments.{name}", "is missing; an argument keeps its place, change its value instead")
    changed = {name: value for name, value in found.items() if name not in known or _text(value) != _text(known[name])}
    for name, value in changed.items():
        if MASK in _text(value) and MASK in _text(known.get(name)):
            raise Unfit(f"arguments.{name}", "holds a hidden secret; give its true value, or leave it all as it was")
    return changed


def refuse_hidden(arguments: Row) -> None:
    """Return if no argument holds the mask of a hidden secret, which a new job would take for its value.

    Raises:
        Unfit: naming the argument.
    """
    for name, value in arguments.items():
        if MASK in _text(value):
            raise Unfit(f"data.{name}", "holds a hidden secret; give its true value")


def until_field() -> Row:
    """Return the field that asks for how long."""
    return {
        "kind": "choice",
        "name": "until",
        "label": "For how long",
        "options": [list(p) for p in PAUSES],
        "value": "",
    }


def reason_field() -> Row:
    """Return the field that asks why."""
    return {"kind": "text", "name": "reason", "label": "Reason (optional)", "max": REASON, "value": ""}


def _name(row: Row) -> str:
    return str(row.get("type") or "this job")


def _many(count: int | None) -> str:
    return "an unknown number of jobs" if count is None else f"{count:,} {_jobs(count)}"


def _are_many(counts: dict[str, int | None]) -> bool:
    return any(count is None or count > TYPE_ABOVE for count in counts.values())


def _jobs(count: int) -> str:
    return "job" if count == 1 else "jobs"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not known to JSON; use null or a text")
