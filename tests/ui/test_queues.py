from __future__ import annotations

from typing import Any

import pytest

from ui.limits import concurrency_words, held_words, rate_words
from ui.queues import queue_row, task_row

QUEUE: dict[str, Any] = {
    "name": "imports",
    "paused": {"by": "ada", "reason": "bank closed", "at": "2026-11-24T12:00:00.000Z", "until": None},
    "waiting": {"LOW": 1, "NORMAL": 20, "HIGH": 0, "CRITICAL": 3},
    "running": 2, "scheduled": 4, "retrying": 5, "held": 6, "oldest_s": 7.5, "per_minute": 8.2, "slots": 16,
    "concurrency": [{"key": "tenant:7", "limit": 2, "running": 2, "held": 6}], "observed": False,
}  # fmt: skip


def test_a_queue_is_drawn_with_its_pause() -> None:
    row = queue_row(QUEUE)

    assert (row["waiting"], row["held"], row["by"]["CRITICAL"]) == (24, 6, 3)
    assert row["limits"] == [{"key": "tenant:7", "most": 2, "running": 2, "held": 6}]
    assert row["paused"] == {"by": "ada", "reason": "bank closed", "at": 1_795_521_600_000, "until": None}
    assert queue_row(QUEUE | {"paused": None})["paused"] is None


def test_a_queue_that_says_nothing_is_drawn_empty() -> None:
    assert queue_row({"name": "x"})["waiting"] == 0


def test_a_tasks_options_become_words() -> None:
    options = {
        "queue": "imports", "priority": "HIGH", "max_attempts": 3, "backoff": "exponential", "backoff_s": 5.0,
        "timeout_s": 300.0, "rate_limit": "10/m", "concurrency": 2, "concurrency_key": "tenant:{tenant}",
        "executor": "process",
    }  # fmt: skip

    row = task_row({"name": "import", "queue": "imports", "options": options, "paused": None})

    assert (row["attempts"], row["backoff"], row["timeout"]) == (3, "growing from 5 s", "5 min")
    assert (row["rate"], row["concurrency"]) == ("10 per minute", "2 at once per tenant:{tenant}")
    assert row["executor"] == "process"


def test_a_task_without_options_has_the_defaults() -> None:
    row = task_row({"name": "import", "options": {"timeout_s": None}})

    assert (row["attempts"], row["backoff"], row["timeout"], row["rate"], row["executor"]) == (
        1,
        "",
        "none",
        "",
        "thread",
    )


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (None, ""),
        ("5/s", "5 per second"),
        ([10, 60], "10 per minute"),
        ((3, 90), "3 in 1 min 30 s"),
        ({"key": "k", "count": 100, "period_ms": 3_600_000}, "100 per hour"),
        ({"key": "k"}, ""),
    ],
)
def test_a_rate_limit_is_said_in_words(limit: Any, words: str) -> None:
    assert rate_words(limit) == words


@pytest.mark.parametrize(
    ("held_by", "status", "words"),
    [
        ("c:tenant:7", "queued", "Held back by the concurrency limit tenant:7"),
        ("r:import", "queued", "Held back by the rate limit import"),
        ("t:import", "queued", "Held back: task import is paused"),
        ("c:tenant:7", "running", None),
        (None, "queued", None),
        ("x:y", "queued", None),
    ],
)
def test_what_holds_a_job_back_is_named(held_by: str | None, status: str, words: str | None) -> None:
    assert held_words({"held_by": held_by, "status": status}) == words


def test_a_concurrency_limit_is_said_in_words() -> None:
    assert concurrency_words(None) == ""
    assert concurrency_words(2) == "2 at once"
