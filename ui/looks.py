"""Colour, icon and label of every state, level and priority: the one place, for Python and for the browser alike."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from taskcast.states import JobState, Priority


@dataclass(frozen=True, slots=True)
class Look:
    """How one word is drawn: `tone` names a colour token of app.css, `icon` a file of assets/icons."""

    label: str
    tone: str
    icon: str
    turns: bool = False


STATES: dict[JobState, Look] = {
    JobState.SCHEDULED: Look("Scheduled", "idle", "calendar-clock"),
    JobState.QUEUED: Look("Queued", "idle", "hourglass"),
    JobState.RUNNING: Look("Running", "info", "activity", turns=True),
    JobState.RETRYING: Look("Retrying", "warn", "rotate-ccw"),
    JobState.COMPLETED: Look("Completed", "ok", "circle-check"),
    JobState.FAILED: Look("Failed", "bad", "circle-x"),
    JobState.CANCELLED: Look("Cancelled", "idle", "ban"),
}

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

PRIORITIES: dict[Priority, str] = {
    Priority.CRITICAL: "Critical",
    Priority.HIGH: "High",
    Priority.NORMAL: "Normal",
    Priority.LOW: "Low",
}

FINAL_REASONS = {
    "error": "the task raised an error",
    "timeout": "it ran longer than its timeout",
    "worker_lost": "its worker vanished too often",
    "unknown_task": "no worker knows this task",
    "unreadable": "its message could not be read",
    "forgotten": "the queue server forgot it",
}

DEAD_LETTERS = tuple(reason for reason in FINAL_REASONS if reason != "error")
"""Why a job can be a dead letter: it failed for another reason than an error of its own."""

DEAD_LABELS = {
    "worker_lost": "Worker lost",
    "timeout": "Timeout",
    "unknown_task": "Unknown task",
    "unreadable": "Unreadable",
    "forgotten": "Forgotten",
}

STUCK_REASONS = {
    "past_timeout": "it runs on past its timeout",
    "unknown_to_engine": "the queue server does not know it",
    "misplaced": "the queue server had lost its place",
    "owner_lost": "its worker has gone silent and nobody took it back",
    "no_worker": "no live worker serves its queue",
}

UNITS_S = {"minutes": 60.0, "hours": 3600.0, "days": 86_400.0}

QUEUED_REASONS = {
    "enqueued": "enqueued",
    "due": "its time came",
    "retry": "retried by hand",
    "released": "given back by its worker",
    "reclaimed": "taken back from a lost worker",
    "reconciled": "put back after the queue server forgot it",
}


def as_json() -> str:
    """Return all of it as the JSON that the browser's components read; it holds constants only."""
    return json.dumps(
        {
            "states": {state.value: asdict(look) for state, look in STATES.items()},
            "final": [state.value for state in STATES if state.is_final],
            "levels": LEVELS,
            "priorities": {priority.name: label for priority, label in PRIORITIES.items()},
            "final_reasons": FINAL_REASONS,
            "dead_letters": DEAD_LABELS,
        }
    )
