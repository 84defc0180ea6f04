from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskcast import events as ev
from ui.model import apply, apply_detail, iso, millis, newer

JOB = "01a20afc-5720-7144-a0cc-542d9c05ea05"
START = 1_790_000_000_000_000


def event(
    cls: type[ev.Event], n: int, data: Any, *, state: str | None = None, was: str | None = None, attempt: int = 0
) -> ev.Event:
    seq = START + n * 1000
    return cls(
        seq=seq,
        at=seq // 1000,
        job=JOB,
        task="import",
        queue="imports",
        user="ada",
        attempt=attempt,
        was=was,
        state=state,
        data=data,
    )


def queued(n: int, reason: str = "enqueued", **more: Any) -> ev.Event:
    row = ev.JobRow(
        priority=3, data={"file": "x"}, created_at="2026-11-24T00:00:00.000Z", reason=reason, max_attempts=3
    )
    return event(ev.JobQueued, n, row, state="queued", **more)


def started(n: int, attempt: int = 1) -> ev.Event:
    return event(
        ev.JobStarted,
        n,
        ev.Started(worker=f"w{attempt}", host="h", pid=1, waited_ms=5),
        state="running",
        was="queued",
        attempt=attempt,
    )


ERROR = ev.ErrorInfo(type="ValueError", message="no")
LIFE = [
    queued(1),
    started(2),
    event(ev.JobProgressed, 3, ev.Progressed(percentage=40, current_step="Reading"), attempt=1),
    event(
        ev.JobRetrying,
        4,
        ev.Retrying(error=ERROR, run_at="2026-11-24T00:01:00.000Z", errors=1, max_attempts=3, stack_trace="trace 1"),
        state="retrying",
        was="running",
        attempt=1,
    ),
    queued(5, "due", was="retrying", attempt=1),
    started(6, 2),
    event(ev.JobCancelRequested, 7, ev.CancelRequested(by="ada", reason="wrong file"), attempt=2),
    event(ev.JobCancelSeen, 8, ev.CancelSeen(worker="w2"), attempt=2),
    event(
        ev.JobCompleted,
        9,
        ev.Completed(duration_ms=700, result={"imported": 5}),
        state="completed",
        was="running",
        attempt=2,
    ),
]


def live(events: list[ev.Event]) -> dict[str, Any]:
    row = None
    for each in events:
        row = apply_detail(row, each)
    assert row is not None
    return row


def test_a_life_becomes_a_row() -> None:
    row = live(LIFE)

    assert (row["status"], row["attempt"], row["errors"], row["priority"]) == ("completed", 2, 1, "HIGH")
    assert row["result"] == {"imported": 5}
    assert row["error"] is None
    assert [(a["attempt"], a["state"], a["worker"]) for a in row["attempts"]] == [
        (1, "retrying", "w1"),
        (2, "completed", "w2"),
    ]
    assert row["attempts"][0]["stack_trace"] == "trace 1"
    assert row["cancel_requested_at"] == iso(START // 1000 + 7)


@given(st.lists(st.integers(0, len(LIFE) - 1), max_size=30))
def test_events_that_come_again_or_late_change_nothing(extra: list[int]) -> None:
    row = live(LIFE)

    for index in extra:
        assert apply_detail(row, LIFE[index]) is row


@given(st.integers(0, len(LIFE) - 1))
def test_apply_leaves_its_row_untouched(index: int) -> None:
    before = live(LIFE[: index + 1])
    kept = {**before}

    for later in LIFE[index + 1 :]:
        apply(before, later)

    assert before == kept


def test_a_retry_by_hand_forgets_the_end_and_keeps_the_attempts() -> None:
    row = apply_detail(live(LIFE), queued(20, "retry", was="completed", attempt=2))

    assert row is not None
    assert (row["status"], row["result"], row["completed_at"], row["progress"], row["cancel_requested_at"]) == (
        "queued",
        None,
        None,
        None,
        None,
    )
    assert len(row["attempts"]) == 2


def test_a_job_first_heard_of_in_the_middle_is_partial_until_it_was_read() -> None:
    row = apply(None, started(2))

    assert row is not None
    assert (row["is_partial"], row["status"], row["worker"], row["max_attempts"]) == (True, "running", "w1", None)
    read = newer(row, {"id": JOB, "seq": START, "max_attempts": 3, "status": "queued", "priority": "LOW"})
    assert (read["is_partial"], read["status"], read["max_attempts"], read["priority"]) == (False, "running", 3, "LOW")


def test_a_deleted_job_is_gone() -> None:
    assert apply(live(LIFE), event(ev.JobDeleted, 30, ev.By(by="ada"))) is None


def test_a_job_given_back_shows_its_attempt_as_ended() -> None:
    row = live([queued(1), started(2), queued(3, "reclaimed", was="running", attempt=1)])

    assert (row["status"], row["worker"], row["attempts"][0]["reason"]) == ("queued", None, "reclaimed")
    assert row["attempts"][0]["ended_at"] is not None


@given(st.integers(0, 4_000_000_000_000))
def test_times_survive_their_text(at: int) -> None:
    assert millis(iso(at)) == at
