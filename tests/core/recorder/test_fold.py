from __future__ import annotations

from collections.abc import Iterable

import pytest

from core.recorder.decoding import Unreadable, instant, read
from core.recorder.fold import Fold
from core.recorder.row import Row
from tests.core.recorder.history import History, Told


def fold(told: Iterable[Told], rows: Iterable[Row] = ()) -> Fold:
    folded = Fold(rows)
    for one in told:
        folded.hear(read(one.line))
    return folded


def row_of(history: History) -> Row:
    return fold(history.told).rows["j"]


def test_a_job_that_ran_has_its_times_worker_and_result() -> None:
    history = History()
    history.queued()
    history.started()
    history.progressed(percentage=70)
    history.completed(result={"imported": 3}, duration_ms=120)

    row = row_of(history)

    assert (row.status, row.attempts, row.processed_by, row.duration_ms, row.waited_ms) == (
        "completed",
        1,
        "w1",
        120,
        12,
    )
    assert row.queued_at and row.started_at and row.completed_at
    assert row.queued_at < row.started_at < row.completed_at
    assert row.result == '{"imported":3}'


def test_an_error_with_tries_left_is_kept_until_the_job_completes() -> None:
    history = History()
    history.queued()
    history.started()
    history.retrying(errors=1)
    middle = row_of(history)
    history.queued(reason="due")
    history.started()
    history.completed()

    folded = fold(history.told)
    row = folded.rows["j"]

    assert (middle.status, middle.errors, middle.has_error) == ("retrying", 1, True)
    assert (row.status, row.attempts, row.errors, row.has_error) == ("completed", 2, 1, False)
    assert [(a.attempt, a.state) for a in folded.changes.attempts.values()] == [(1, "retrying"), (2, "completed")]
    assert "away" in str(folded.changes.attempts["j", 1].error)


def test_a_job_handed_back_as_unknown_has_used_up_no_try() -> None:
    history = History()
    history.queued()
    history.started()
    history.retrying(errors=0)

    row = row_of(history)

    assert (row.status, row.attempts, row.errors) == ("retrying", 1, 0)


def test_a_retry_reopens_an_ended_job_and_keeps_its_attempts() -> None:
    history = History()
    history.queued()
    history.started()
    history.failed()
    history.queued(reason="retry", data={"file": "july.csv"})

    folded = fold(history.told)
    row = folded.rows["j"]

    assert (row.status, row.attempts, row.errors) == ("queued", 1, 0)
    assert (row.failed_at, row.final_reason, row.error, row.stack_trace, row.has_error) == (
        None,
        None,
        None,
        None,
        False,
    )
    assert row.data == '{"file":"july.csv"}'
    assert not row.purge
    assert folded.changes.attempts["j", 1].state == "failed"


def test_the_same_id_enqueued_anew_loses_its_history() -> None:
    history = History()
    history.queued()
    history.started()
    history.logged()
    history.failed()
    history.states.clear()
    history.attempts.clear()
    history.queued()

    folded = fold(history.told)

    assert folded.rows["j"].purge
    assert not folded.changes.attempts
    assert not folded.changes.logs


def test_an_end_is_final_whatever_the_same_attempt_tells_later() -> None:
    history = History()
    history.queued()
    history.started()
    history.completed()
    history.tell("job.failed", "j", {"error": {"type": "E", "message": "m"}}, was="running", state="failed", attempt=1)
    history.tell("job.started", "j", {"worker": "w2"}, was="queued", state="running", attempt=1)
    history.progressed()

    folded = fold(history.told)

    assert folded.rows["j"].status == "completed"
    assert folded.changes.counted["refused"] == 2
    assert folded.changes.counted["late"] == 1


def test_a_move_that_the_table_does_not_have_is_ignored() -> None:
    history = History()
    history.queued()
    history.tell("job.completed", "j", {"result": 1}, was="queued", state="completed", attempt=0)

    folded = fold(history.told)

    assert folded.rows["j"].status == "queued"
    assert folded.changes.counted["refused"] == 1


def test_an_attempt_of_a_higher_number_proves_a_retry_that_was_not_heard() -> None:
    history = History()
    history.queued()
    history.started()
    history.failed()
    missed = history.queued(reason="retry")
    history.started()

    folded = fold([one for one in history.told if one is not missed])

    row = folded.rows["j"]
    assert (row.status, row.attempts, row.failed_at, row.has_error) == ("running", 2, None, False)


@pytest.mark.parametrize("heard", ["started", "progressed", "logged", "completed"])
def test_a_job_first_heard_of_later_gets_a_row_from_the_head(heard: str) -> None:
    history = History()
    history.queued()
    history.started()
    told = history.told[-1] if heard == "started" else getattr(history, heard)()

    row = fold([told]).rows["j"]

    assert (row.type, row.queue_name, row.user_id, row.attempts, row.bare) == ("TASK", "default", "ada", 1, True)
    assert row.status == ("completed" if heard == "completed" else "running")


def test_a_late_acceptance_fills_in_what_is_not_known_and_changes_no_state() -> None:
    history = History()
    history.queued(priority=4, data={"a": 1})
    history.started()

    row = fold(reversed(history.told)).rows["j"]

    assert (row.status, row.priority, row.data, row.bare) == ("running", 4, '{"a":1}', False)


def test_a_release_before_the_begin_gives_the_attempt_back() -> None:
    history = History()
    history.queued()
    history.started()
    history.queued(reason="released", attempt=0)

    folded = fold(history.told)

    row = folded.rows["j"]
    assert (row.status, row.attempts, row.started_at, row.processed_by) == ("queued", 0, None, None)
    assert folded.changes.attempts["j", 1].state == "released"


def test_a_lost_worker_is_seen_in_the_attempt_and_the_deliveries() -> None:
    history = History()
    history.queued()
    history.started()
    history.note("lost", worker="w1", deliveries=1)
    history.queued(reason="reclaimed")

    folded = fold(history.told)

    assert folded.rows["j"].deliveries == 1
    assert (folded.changes.attempts["j", 1].state, folded.changes.attempts["j", 1].reason) == ("lost", "worker_lost")


def test_a_forgotten_job_that_is_sent_again_is_queued_though_it_was() -> None:
    history = History()
    history.queued()
    history.queued(reason="reconciled")

    folded = fold(history.told)

    assert folded.rows["j"].status == "queued"
    assert not folded.changes.counted["refused"]


def test_deletion_is_of_ended_jobs_only_and_older_events_do_not_bring_them_back() -> None:
    history = History()
    history.queued()
    early = history.note("deleted", by="ada")
    history.started()
    late = history.logged()
    history.completed()
    history.note("deleted", by="ada")

    folded = fold([*history.told, late])

    assert early.seq < late.seq
    assert folded.rows["j"].gone
    assert not folded.changes.logs
    assert folded.changes.counted["refused"] == 1


def test_ends_are_counted_by_minute_with_their_durations() -> None:
    history = History()
    for job in ("a", "b", "c"):
        history.queued(job)
        history.started(job)
    history.completed("a", duration_ms=100)
    history.failed("b")
    history.cancelled("c")

    (ends,) = fold(history.told).changes.minutes.values()

    assert (ends.completed, ends.failed, ends.cancelled, ends.duration_ms_sum) == (1, 1, 1, 200)
    assert ends.histogram == {20: 2}


@pytest.mark.parametrize(
    "line",
    [b"", b"nonsense", b"[]", b'{"type":"job.queued"}', b'{"type":"job.queued","seq":-1,"job":"j"}', b'{"seq":1}',
     b'{"type":"job.queued","seq":5}', b'{"type":"job.queued","seq":1e300,"job":"j"}', b"\xff\xfe", b"{" * 100_000,
     b'{"type":"job.started","seq":5,"job":"j","attempt":99999999999999999999}'],
)  # fmt: skip
def test_a_line_that_is_no_event_is_told(line: bytes) -> None:
    with pytest.raises(Unreadable):
        read(line)


def test_data_of_a_wrong_shape_leaves_the_move_and_is_counted() -> None:
    history = History()
    history.queued()
    history.tell("job.started", "j", {"pid": [], "worker": {}}, was="queued", state="running", attempt=1)
    history.tell("job.failed", "j", ["?"], was="running", state="failed", attempt=1)

    folded = fold(history.told)

    assert (folded.rows["j"].status, folded.rows["j"].final_reason) == ("failed", "error")
    assert folded.changes.counted["damaged"] == 2


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000-23:00", "no time", "-0001-01-01"]
)
def test_time_that_no_reader_can_show_is_none(text: str) -> None:
    assert instant(text) is None
