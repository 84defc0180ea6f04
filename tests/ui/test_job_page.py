from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcast.states import JobState
from ui.components.element import encode
from ui.durations import duration
from ui.job_page import empty_log, job_page, shown, timeline
from ui.model import millis
from ui.rows import delta, table_row

ROW: dict[str, Any] = {
    "id": "a", "type": "import", "queue": "imports", "status": "completed", "priority": "NORMAL", "attempt": 1, "errors": 0,
    "max_attempts": 3, "created_at": "2026-11-24T00:00:00.000Z", "started_at": "2026-11-24T00:00:01.000Z",
    "completed_at": "2026-11-24T00:00:03.000Z", "duration_ms": 2000, "data": {"file": "x"}, "result": None, "progress": None,
}  # fmt: skip

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (42, "42"),
        (2**80, str(2**80)),
        ("<script>", '"<script>"'),
        ({"$bytes": "AP8="}, '"$bytes"'),
        ({"a": [1, {":key": "() => alert(1)"}]}, '":key"'),
        ("NaN", '"NaN"'),
        (float("nan"), "NaN"),
        ("\ud800", "?"),
    ],
)
def test_a_result_of_any_kind_becomes_text(value: Any, text: str) -> None:
    found = shown(value)

    assert text in found["text"]
    assert found["cut"] is None


def test_a_cut_value_says_how_much_there_is() -> None:
    assert shown({"$cut": {"bytes": 5_242_880, "head": "xx"}}) == {"text": "xx", "cut": "5.2 MB"}


@given(anything, anything, st.sampled_from(list(JobState)))
def test_no_job_breaks_its_page(result: Any, data: Any, state: JobState) -> None:
    row = ROW | {
        "result": result,
        "data": data,
        "status": state.value,
        "metadata": {"k": data},
        "error": {"type": "E", "message": result},
    }

    page = job_page(row)

    assert json.loads(encode(page))["job"]["status"] == state
    assert json.loads(encode(table_row(row)))["id"] == "a"


def test_the_timeline_runs_across_all_attempts() -> None:
    attempts = [
        {"attempt": 1, "state": "retrying", "worker": "w1", "waited_ms": 3, "started_at": "2026-11-24T00:00:01.000Z",
         "ended_at": "2026-11-24T00:00:02.000Z", "error": {"type": "app.BadLine", "message": "line 17"}, "duration_ms": 1000},
        {"attempt": 2, "state": "running", "worker": "w2", "waited_ms": 3, "started_at": "2026-11-24T00:00:05.000Z", "ended_at": None},
    ]  # fmt: skip

    items = timeline(ROW | {"status": "running", "completed_at": None, "attempts": attempts})

    assert [item["title"] for item in items] == [
        "Started, attempt 2",
        "Attempt 1 failed",
        "Started, attempt 1",
        "Accepted",
    ]
    assert "BadLine: line 17" in items[1]["text"]
    assert items[0]["now"]


def test_an_error_shows_its_reason_and_its_trace() -> None:
    page = job_page(
        ROW
        | {
            "status": "failed",
            "error": {"type": "E", "message": "m", "code": "c"},
            "final_reason": "timeout",
            "stack_trace": "Traceback",
        }
    )

    assert page["error"] == {
        "type": "E",
        "message": "m",
        "code": "c",
        "reason": "it ran longer than its timeout",
        "trace": "Traceback",
        "final": True,
    }
    assert page["result"] is None


def test_a_cancel_has_three_phases() -> None:
    asked = ROW | {
        "status": "running",
        "cancel_requested_at": "2026-11-24T00:00:02.000Z",
        "cancelled_by": "ada",
        "cancel_reason": "wrong",
    }

    cancel = job_page(asked)["cancel"]

    assert (cancel["seen"], cancel["stopped"], cancel["by"]) == (None, None, "by ada · “wrong”")
    stopped = asked | {
        "status": "cancelled",
        "cancel_seen_at": "2026-11-24T00:00:02.100Z",
        "cancelled_at": "2026-11-24T00:00:03.000Z",
    }
    assert None not in (job_page(stopped)["cancel"]["seen"], job_page(stopped)["cancel"]["stopped"])


def test_a_cancel_names_the_worker_that_saw_it() -> None:
    asked = ROW | {"status": "running", "cancel_requested_at": "2026-11-24T00:00:02.000Z", "worker": "w2"}
    seen = asked | {"cancel_seen_at": "2026-11-24T00:00:02.100Z", "cancel_seen_by": "w1"}
    stopped = asked | {"status": "cancelled", "cancelled_at": "2026-11-24T00:00:03.000Z"}

    assert job_page(asked)["cancel"]["worker"] is None
    assert job_page(seen)["cancel"]["worker"] == "w1"
    assert job_page(stopped)["cancel"]["worker"] == "w2"


def test_every_attempt_shows_its_error_worker_and_times() -> None:
    attempts = [
        {"attempt": 1, "state": "retrying", "worker": "w1", "host": "h", "pid": 7, "waited_ms": 3,
         "started_at": "2026-11-24T00:00:01.000Z", "ended_at": "2026-11-24T00:00:02.000Z", "duration_ms": 1000,
         "reason": "timeout", "error": {"type": "app.BadLine", "message": "line 17"}, "stack_trace": "Traceback"},
        {"attempt": 2, "state": "queued", "worker": "w2", "reason": "reclaimed"},
    ]  # fmt: skip

    first, second = job_page(ROW | {"attempts": attempts})["attempts"]

    assert (first["error"], first["trace"], first["worker"], first["process"]) == (
        "BadLine: line 17",
        "Traceback",
        "w1",
        "h · process 7",
    )
    assert (first["ended"] - first["started"], first["took"], first["waited"]) == (1000, 1000, 3)
    assert first["reason"] == "it ran longer than its timeout"
    assert second["reason"] == "taken back from a lost worker"


def test_the_limits_of_a_job_are_facts() -> None:
    limits = {
        "concurrency": {"key": "tenant:7", "limit": 2},
        "rate": {"key": "import", "count": 10, "period_ms": 60_000},
    }

    facts = {fact[0]: fact[1] for fact in job_page(ROW | {"limits": limits, "rate_limit_key": "import"})["facts"]}

    assert facts["Concurrency limit"] == "2 at once, key tenant:7"
    assert facts["Rate limit"] == "10 per minute, key import"
    assert "Rate limit key" not in facts


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"status": "scheduled"}, "The job has not begun; its log lines will appear here."),
        ({"status": "queued"}, "The job has not begun; its log lines will appear here."),
        ({"status": "queued", "attempt": 1}, "Nothing is logged yet; lines will appear here as they come."),
        ({"status": "running", "attempt": 1}, "Nothing is logged yet; lines will appear here as they come."),
        ({"status": "retrying", "attempt": 1}, "Nothing is logged yet; lines will appear here as they come."),
        ({"status": "completed", "attempt": 1, "completed_at": "2026-11-24T12:00:00Z"}, "Nothing was logged."),
        (
            {"status": "completed", "attempt": 1, "completed_at": "2026-11-22T12:00:00Z"},
            "No log lines: nothing was logged, or it is so old that they were deleted.",
        ),
        ({"status": "failed", "attempt": 2}, "Nothing was logged."),
        ({"status": "cancelled", "attempt": 0}, "The job never began, so nothing was logged."),
    ],
)
def test_an_empty_log_says_whether_lines_may_still_come(row: dict[str, Any], words: str) -> None:
    now = millis("2026-11-24T12:01:00Z")
    assert now is not None

    assert empty_log(row, now=now) == words


def test_a_job_looks_stuck_until_it_ends() -> None:
    stuck = {"stuck_at": "2026-11-24T00:00:02.000Z", "stuck_reason": "no_lease"}

    assert table_row(ROW | stuck | {"status": "running"})["stuck"] == "No lease"
    assert table_row(ROW | stuck)["stuck"] is None
    assert table_row(ROW | {"status": "running"})["stuck"] is None


def test_only_what_changed_is_sent() -> None:
    old = table_row(ROW)

    assert delta(None, old) == old
    assert delta(old, table_row(ROW)) == {}
    assert delta(old, table_row(ROW | {"attempt": 2})) == {"attempt": 2}


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "—"),
        (0, "0 ms"),
        (840, "840 ms"),
        (1240, "1.2 s"),
        (5000, "5 s"),
        (900_000, "15 min"),
        (3_600_000, "1 h"),
        (185_000, "3 min 05 s"),
        (7_800_000, "2 h 10 min"),
        (200_000_000, "2 days 7 h"),
    ],
)
def test_durations_are_for_people(ms: int | None, text: str) -> None:
    assert duration(ms) == text


def test_a_lost_worker_is_said_of_its_attempt_and_who_cancelled_of_the_job() -> None:
    lost = {"attempt": 1, "state": "lost", "reason": "worker_lost", "started_at": "2026-11-24T00:00:01.000Z",
            "ended_at": "2026-11-24T00:00:16.000Z"}  # fmt: skip
    page = job_page(
        {"id": "1", "status": "cancelled", "attempts": [lost], "cancelled_by": "ada", "cancel_reason": "late"}
    )

    assert page["attempts"][0]["reason"] == "its worker was lost"
    assert ("Worker lost", "its lease ran out") in [(item["title"], item["text"]) for item in page["timeline"]]
    assert page["job"]["cause"] == "by ada · “late”"
