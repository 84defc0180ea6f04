"""The checker can fail: each kind of broken evidence brings its complaint, and good evidence none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.scenarios.chaos.checker import check, ran_more_than_once
from tests.scenarios.chaos.evidence import (
    Cancelled,
    Crash,
    Evidence,
    Retried,
    Row,
    Seen,
    Sent,
    Span,
    Told,
    Try,
    load,
)
from tests.scenarios.chaos.ledger import Entry
from tests.scenarios.chaos.plan import Order, Plan

QUICK, CANCELLED, TWIN, OTHER_TWIN, DELAYED, REPAIRED, UNKNOWN = range(1, 8)


def order(number: int, kind: str, **more: object) -> Order:
    return Order(number=number, kind=kind, task="quick", at=0.0, via="broker", **more)  # type: ignore[arg-type]


def moves(number: int, *states: str, first_attempt: int = 0, final_reason: str | None = None) -> list[Told]:
    """The events of a job that goes through these states, one after the other, from nothing."""
    told, was, attempt = [], None, first_attempt
    for step, state in enumerate(states):
        attempt += state == "running"
        told.append(
            Told(
                seq=number * 1000 + step, type="job.started" if state == "running" else f"job.{state}",
                job=f"j{number}", attempt=attempt, was=was, state=state, number=number if state == "queued" else None,
                final_reason=final_reason if state == "failed" else None,
            )
        )  # fmt: skip
        was = state
    return told


def wrote(number: int, word: str, at: float, attempt: int = 1, pid: int = 100) -> Entry:
    return Entry(word, f"j{number}", attempt, number, "worker1", pid, at)


def good() -> Evidence:
    """Seven orders, each of another fate, as they should be."""
    stream = [
        *moves(QUICK, "queued", "running", "completed"),
        *moves(CANCELLED, "scheduled", "cancelled"),
        *moves(TWIN, "queued", "running", "completed"),
        *moves(DELAYED, "scheduled", "queued", "running", "completed"),
        *moves(REPAIRED, "queued", "running", "failed", "queued", "running", "completed", final_reason="error"),
    ]
    rows = [
        Row(job=f"j{QUICK}", number=QUICK, status="completed", attempts=1, errors=0, deliveries=0),
        Row(job=f"j{CANCELLED}", number=CANCELLED, status="cancelled", attempts=0, errors=0, deliveries=0),
        Row(
            job=f"j{TWIN}", number=TWIN, status="completed", attempts=1, errors=0, deliveries=0, key="k",
            created_ms=1000, ended_ms=2000,
        ),
        Row(job=f"j{DELAYED}", number=DELAYED, status="completed", attempts=1, errors=0, deliveries=0),
        Row(job=f"j{REPAIRED}", number=REPAIRED, status="completed", attempts=2, errors=0, deliveries=0),
    ]  # fmt: skip
    ledger = [
        wrote(QUICK, "begin", 10.0), wrote(QUICK, "end", 10.1),
        wrote(TWIN, "begin", 11.0), wrote(TWIN, "end", 11.1),
        wrote(DELAYED, "begin", 16.1), wrote(DELAYED, "end", 16.2),
        wrote(REPAIRED, "begin", 12.0), wrote(REPAIRED, "error", 12.1),
        wrote(REPAIRED, "begin", 13.0, attempt=2), wrote(REPAIRED, "end", 13.1, attempt=2),
    ]  # fmt: skip
    rows = [msgspec.structs.replace(row, result=row.number) if row.status == "completed" else row for row in rows]
    accepted = (QUICK, CANCELLED, TWIN, DELAYED, REPAIRED)
    events = [Seen(job=told.job, seq=told.seq, state=told.state or "") for told in stream]
    return Evidence(
        plan=Plan(
            seed=1,
            seconds=10.0,
            orders=[
                order(QUICK, "quick"), order(CANCELLED, "cancel_waiting", delay_s=60.0),
                order(TWIN, "twin", dedup_key="k"), order(OTHER_TWIN, "twin", dedup_key="k"),
                order(DELAYED, "delayed", delay_s=5.0), order(REPAIRED, "repaired", retry=True), order(UNKNOWN, "quick"),
            ],
            troubles=[],
        ),
        sent=[
            *(Sent(number=n, outcome="accepted", job=f"j{n}", sent_at=10.0, answered_at=11.0) for n in accepted),
            Sent(number=OTHER_TWIN, outcome="duplicate", job=f"j{TWIN}"),
            Sent(number=UNKNOWN),
        ],
        cancels=[Cancelled(number=CANCELLED, job=f"j{CANCELLED}", answer="cancelled", tries=1, answered_at=12.0)],
        retries=[Retried(number=REPAIRED, job=f"j{REPAIRED}", done=True, answers=["accepted"])],
        ledger=ledger,
        stream=stream,
        rows=rows,
        tries=[Try(row.job, row.attempts, row.status) for row in rows if row.attempts],
        counts={"completed": 4, "cancelled": 1},
        minutes={"completed": 4, "failed": 1, "cancelled": 1},
        results={row.job: row.result for row in rows},
        gateway={row.job: row.status for row in rows},
        spans=[Span(since=0, until=9999, events=events)],
    )  # fmt: skip


def complaints(evidence: Evidence) -> str:
    return "\n".join(map(str, check(evidence)))


def without_job(evidence: Evidence, job: str) -> None:
    """Take a job out of all that outlives its sending."""
    evidence.stream = [told for told in evidence.stream if told.job != job]
    evidence.rows = [row for row in evidence.rows if row.job != job]
    evidence.ledger = [entry for entry in evidence.ledger if entry.job != job]
    evidence.spans[0].events = [event for event in evidence.spans[0].events if event.job != job]
    evidence.gateway.pop(job, None)


def change_row(evidence: Evidence, number: int, **fields: object) -> None:
    evidence.rows = [msgspec.structs.replace(row, **fields) if row.number == number else row for row in evidence.rows]


def test_good_evidence_brings_no_complaint() -> None:
    assert complaints(good()) == ""
    assert ran_more_than_once(good()) == []


def test_evidence_is_the_same_after_it_was_kept(tmp_path: Path) -> None:
    good().save(tmp_path / "evidence.json")

    assert load(tmp_path / "evidence.json") == good()


def test_a_job_that_was_accepted_and_is_nowhere_is_lost() -> None:
    evidence = good()
    without_job(evidence, f"j{QUICK}")

    said = complaints(evidence)

    assert "lost: accepted, but no event tells of it (number 1" in said
    assert "lost: accepted, but the database has no row (number 1" in said
    assert "lost: accepted, but the gateway does not list it (number 1" in said


def test_a_row_that_stays_unfinished_is_stuck() -> None:
    evidence = good()
    change_row(evidence, QUICK, status="running")

    assert "stuck: its row is running for ever (number 1" in complaints(evidence)


def test_a_job_whose_last_event_is_no_end_is_stuck() -> None:
    evidence = good()
    evidence.stream.remove(next(told for told in evidence.stream if told.job == "j1" and told.state == "completed"))

    assert "stuck: its last event is running (number 1" in complaints(evidence)


def test_a_command_that_is_never_answered_is_stuck() -> None:
    evidence = good()
    evidence.unanswered = True

    assert "stuck: a command is not answered though everything is there again" in complaints(evidence)


def test_a_second_end_is_told() -> None:
    evidence = good()
    evidence.stream.append(Told(seq=1500, type="job.failed", job="j1", attempt=1, was="running", state="failed"))

    said = complaints(evidence)

    assert "wrong: it ended 2 times in 1 lives (number 1" in said
    assert "wrong: event 1500 moves it from running, but it was completed (number 1" in said


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"status": "failed", "final_reason": "error"}, "its row is failed (error), its last end completed"),
        ({"attempts": 2}, "its row has attempt 2, its end 1"),
        ({"status": "cancelled"}, "it is cancelled (None), not completed (None)"),
    ],
)
def test_a_row_that_tells_another_end_than_the_events_is_wrong(fields: dict[str, object], complaint: str) -> None:
    evidence = good()
    change_row(evidence, QUICK, **fields)

    assert complaint in complaints(evidence)


def test_a_gateway_that_shows_another_state_than_the_database_is_wrong() -> None:
    evidence = good()
    evidence.gateway["j1"] = "running"

    assert "wrong: the gateway shows running, its row is completed (number 1" in complaints(evidence)


def test_kept_counts_that_differ_from_the_rows_are_wrong() -> None:
    evidence = good()
    evidence.counts["completed"] = 5

    assert "4 jobs are completed, the kept count says 5" in complaints(evidence)


def test_an_end_that_the_statistics_count_twice_is_wrong() -> None:
    evidence = good()
    evidence.minutes["failed"] = 2

    assert "1 jobs ended as failed, the statistics have 2" in complaints(evidence)


def test_an_attempt_that_stays_open_is_stuck() -> None:
    evidence = good()
    evidence.tries.append(Try("j1", 2, "running"))

    assert "stuck: its attempt 2 is running for ever (number 1" in complaints(evidence)


def test_a_job_completed_without_its_work_is_wrong() -> None:
    evidence = good()
    evidence.ledger = [entry for entry in evidence.ledger if entry.job != "j1"]

    assert "wrong: completed, but it never came to its end (number 1" in complaints(evidence)


def test_a_result_that_is_gone_or_another_is_told() -> None:
    evidence = good()
    change_row(evidence, QUICK, result=8)
    del evidence.results[f"j{TWIN}"]

    said = complaints(evidence)

    assert "wrong: its row's result is 8 (number 1" in said
    assert "lost: its kept result is None (number 3" in said


def test_a_job_that_completes_with_fewer_errors_than_it_raised_is_wrong() -> None:
    evidence = good()
    evidence.plan.orders[0] = order(QUICK, "retrying", arguments={"errors": 2})
    change_row(evidence, QUICK, errors=1)

    assert "wrong: 1 errors instead of 2 (number 1" in complaints(evidence)


def test_a_job_that_completes_though_its_cancel_was_acknowledged_is_wrong() -> None:
    evidence = good()
    change_row(evidence, CANCELLED, status="completed")

    assert "it is completed (None), not cancelled (None) (number 2" in complaints(evidence)


def test_a_job_that_begins_after_its_cancel_is_told_by_the_ledger() -> None:
    evidence = good()
    evidence.ledger.append(wrote(CANCELLED, "begin", 12.5))

    assert "cancel: it began 0.500 s after its cancel was acknowledged (number 2" in complaints(evidence)


def test_a_job_that_is_taken_after_its_cancel_is_told_by_the_events() -> None:
    evidence = good()
    evidence.stream.append(Told(seq=2900, type="job.started", job="j2", attempt=1, was="cancelled", state="running"))

    assert "cancel: event 2900 takes it after its cancel (number 2" in complaints(evidence)


def test_a_job_asked_to_stop_may_not_be_taken_again() -> None:
    evidence = good()
    stream = moves(QUICK, "queued", "running", "queued", "running", "completed")
    stream.insert(2, Told(seq=1001, type="job.cancel_requested", job="j1", attempt=1))
    evidence.stream = stream + [told for told in evidence.stream if told.job != "j1"]

    assert "cancel: event 1003 takes it after its cancel (number 1" in complaints(evidence)


def test_a_second_run_without_a_crash_is_told() -> None:
    evidence = good()
    run_twice(evidence)

    assert "again: attempt 1 ran in worker1, attempt 2 9.9 s later in worker1, and no crash" in complaints(evidence)
    assert len(ran_more_than_once(evidence)) == 1


def test_a_retry_that_was_handed_back_before_its_begin_is_no_second_run() -> None:
    evidence = good()
    # Handed back, the job bears the number of the attempt before again, which had ended in an error.
    told = moves(QUICK, "queued", "running", "retrying", "queued", "running", "queued", "running", "completed")
    attempts = (0, 1, 1, 1, 2, 1, 2, 2)
    first = [msgspec.structs.replace(each, attempt=attempt) for each, attempt in zip(told, attempts, strict=True)]
    evidence.stream = first + [told for told in evidence.stream if told.job != "j1"]
    evidence.ledger += [wrote(QUICK, "begin", 19.9, attempt=2), wrote(QUICK, "end", 20.0, attempt=2)]

    assert ran_more_than_once(evidence) == []


@pytest.mark.parametrize(
    "crash",
    [
        Crash(what="kill", target="worker1", pids=[99, 100], began=10.2, ended=10.2),
        Crash(what="stop", target="worker1", pids=[100], began=10.2, ended=16.0),
        Crash(what="refuse", target="worker1-valkey", began=9.0, ended=16.0),
        Crash(what="kill", target="valkey", pids=[7], began=10.2, ended=10.2),
    ],
    ids=lambda crash: f"{crash.what} {crash.target}",
)
def test_a_second_run_is_explained_by_a_crash_of_its_worker_or_of_the_server(crash: Crash) -> None:
    evidence = good()
    run_twice(evidence)
    evidence.crashes = [crash]

    assert complaints(evidence) == ""


@pytest.mark.parametrize(
    "crash",
    [
        Crash(what="kill", target="worker2", pids=[200], began=10.2, ended=10.2),
        Crash(what="kill", target="worker1", pids=[100], began=5.0, ended=5.0),
        Crash(what="kill_manager", target="worker1", pids=[99], began=10.2, ended=10.2),
        Crash(what="stop", target="worker1", pids=[100], began=10.2, ended=10.9),
        Crash(what="cut", target="worker1-valkey", began=10.2, ended=10.2),
        Crash(what="refuse", target="gateway-valkey", began=9.0, ended=16.0),
        Crash(what="kill", target="recorder", pids=[8], began=10.2, ended=10.2),
    ],
    ids=lambda crash: f"{crash.what} {crash.target} {crash.began}",
)
def test_a_second_run_is_not_explained_by_a_crash_elsewhere_or_at_another_time(crash: Crash) -> None:
    evidence = good()
    run_twice(evidence)
    evidence.crashes = [crash]

    assert "and no crash explains it (number 1" in complaints(evidence)


def test_a_job_that_begins_before_it_is_due_is_wrong() -> None:
    evidence = good()
    evidence.ledger = [
        msgspec.structs.replace(entry, at=entry.at - 2) if entry.number == DELAYED else entry
        for entry in evidence.ledger
    ]

    assert "wrong: it began 0.900 s before it was due (number 5" in complaints(evidence)


@pytest.mark.parametrize(
    "paused", [{"queue": "chaos-paused"}, {"task": "stoppable"}], ids=lambda paused: next(iter(paused))
)
def test_a_job_that_is_taken_while_its_queue_or_task_is_paused_is_wrong(paused: dict[str, str]) -> None:
    evidence = good()
    evidence.stream = [
        Told(seq=1, type="queue.paused", **paused),
        *(msgspec.structs.replace(told, **paused) for told in evidence.stream),
        Told(seq=9999, type="queue.resumed", **paused),
    ]

    said = complaints(evidence)

    assert f"wrong: event 1001 takes it while {' '.join(*paused.items())} is paused (number 0, job j1)" in said


def test_a_job_that_is_taken_after_its_pause_is_right() -> None:
    evidence = good()
    evidence.stream = [
        Told(seq=1, type="queue.paused", queue="q"),
        Told(seq=2, type="queue.resumed", queue="q"),
        *(msgspec.structs.replace(told, queue="q") for told in evidence.stream),
    ]

    assert complaints(evidence) == ""


def test_more_jobs_at_once_than_their_limit_allows_are_wrong() -> None:
    evidence = with_many("narrow", begins=[1, 2, 3], ends=[4, 5, 6])

    assert "wrong: event 10003 lets 3 of 2 run at once (number 0, job j12)" in complaints(evidence)


def test_as_many_jobs_at_once_as_their_limit_allows_are_right() -> None:
    assert complaints(with_many("narrow", begins=[1, 2, 4], ends=[3, 5, 6])) == ""


def test_more_jobs_in_a_period_than_their_rate_allows_are_wrong() -> None:
    evidence = with_many("metered", begins=range(1, 14), ends=range(20, 33))

    assert "wrong: 12 began within 0.00 s, of 10 in 2 s (number 0, job j21)" in complaints(evidence)


def test_as_many_jobs_in_a_period_as_their_rate_allows_are_right() -> None:
    begins = [*range(1, 11), *(number * 200_000 for number in range(1, 6))]

    assert complaints(with_many("metered", begins=begins, ends=[at + 15 for at in begins])) == ""


def test_a_duplicate_that_made_a_job_of_its_own_is_half() -> None:
    evidence = good()
    evidence.ledger.append(wrote(OTHER_TWIN, "begin", 12.0))

    assert "half: a duplicate made a job of its own (number 4" in complaints(evidence)


def test_twins_that_stand_at_the_same_time_are_wrong() -> None:
    evidence = good()
    evidence.sent[5] = Sent(number=OTHER_TWIN, outcome="accepted", job=f"j{OTHER_TWIN}")
    evidence.stream += moves(OTHER_TWIN, "queued", "running", "completed")
    evidence.spans = []
    evidence.ledger += [wrote(OTHER_TWIN, "begin", 12.0), wrote(OTHER_TWIN, "end", 12.1)]
    evidence.rows.append(
        Row(
            job=f"j{OTHER_TWIN}", number=OTHER_TWIN, status="completed", attempts=1, errors=0, deliveries=0, key="k",
            created_ms=1500, ended_ms=2500, result=OTHER_TWIN,
        )
    )  # fmt: skip
    evidence.gateway[f"j{OTHER_TWIN}"], evidence.counts["completed"] = "completed", 5
    evidence.minutes["completed"], evidence.results[f"j{OTHER_TWIN}"] = 5, OTHER_TWIN

    assert complaints(evidence) == f"wrong: accepted while j{TWIN} held its key (number 4, job j4)"


def test_a_job_whose_sending_was_not_answered_may_not_be_there_in_part() -> None:
    evidence = good()
    evidence.stream += moves(UNKNOWN, "queued", "running", "completed")
    evidence.spans = []

    assert "half: there is only events of it (number 7" in complaints(evidence)


def test_two_jobs_of_one_sending_are_wrong() -> None:
    evidence = good()
    evidence.rows.append(Row(job="j99", number=QUICK, status="completed", attempts=1, errors=0, deliveries=0))

    assert "wrong: one sending made 2 jobs: j1, j99 (number 1" in complaints(evidence)


def test_a_sending_that_was_refused_is_wrong() -> None:
    evidence = good()
    evidence.sent[-1] = Sent(number=UNKNOWN, outcome="refused", note="422 invalid")

    assert "wrong: the sending was refused: 422 invalid (number 7" in complaints(evidence)


def test_what_the_queue_server_still_holds_is_told() -> None:
    evidence = good()
    evidence.leftovers = ["dedup:k: string"]

    assert "leftover: the queue server still holds dedup:k: string" in complaints(evidence)


def test_an_end_that_the_websocket_was_not_told_is_a_complaint() -> None:
    evidence = good()
    evidence.spans[0].events = [event for event in evidence.spans[0].events if event.seq != 1002]

    said = complaints(evidence)

    assert "witness: the websocket was not told of its end at 1002 (number 0, job j1)" in said
    assert "witness: the websocket last told running, its row is completed (number 1, job j1)" in said


def test_an_end_that_the_websocket_was_told_twice_is_a_complaint() -> None:
    evidence = good()
    evidence.spans[0].events.append(evidence.spans[0].events[2])

    assert "witness: the websocket told event 1002 2 times (number 0, job j1)" in complaints(evidence)


def test_an_end_that_never_was_is_a_complaint_about_the_websocket() -> None:
    evidence = good()
    evidence.spans[0].events.append(Seen(job="j1", seq=1777, state="failed"))

    assert "witness: the websocket told of failed at 1777, which never was (number 0, job j1)" in complaints(evidence)


def test_a_websocket_subscription_that_ends_is_a_complaint() -> None:
    evidence = good()
    evidence.listener_error = "the subscription ended: no"

    assert "witness: the subscription ended: no" in complaints(evidence)


def test_a_process_that_ends_without_our_doing_is_a_complaint() -> None:
    evidence = good()
    evidence.crashes = [Crash(what="kill", target="recorder", pids=[8])]
    evidence.ends = {"recorder": 2}

    assert "process: recorder ended 2 times, 1 of them by us" in complaints(evidence)


def test_a_process_that_survives_the_stop_is_a_complaint() -> None:
    evidence = good()
    evidence.survivors = ["worker1 4711"]

    assert "process: worker1 4711 still ran after everything was stopped" in complaints(evidence)


def test_a_traceback_is_a_complaint_unless_a_server_was_away() -> None:
    evidence = good()
    evidence.output = [
        "recorder  Traceback (most recent call last):", "recorder    File ...", "recorder  ValueError: what is this",
        "gateway   Traceback (most recent call last):", "gateway     File ...", "gateway   ConnectionResetError: gone",
        "gateway   Traceback (most recent call last):", "gateway   redis.exceptions.BusyLoadingError: it reads its file",
    ]  # fmt: skip

    assert complaints(evidence) == "process: recorder printed a traceback: ValueError: what is this (number 0, job -)"


def with_many(kind: str, *, begins: Sequence[int], ends: Sequence[int]) -> Evidence:
    """Good evidence and jobs of one more kind, which begin and end at these microseconds."""
    evidence = good()
    events = []
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True), 10):
        job = f"j{number}"
        evidence.plan.orders.append(order(number, kind))
        evidence.sent.append(Sent(number=number, outcome="accepted", job=job))
        evidence.rows.append(
            Row(job=job, number=number, status="completed", attempts=1, errors=0, deliveries=0, result=number)
        )
        evidence.gateway[job], evidence.results[job] = "completed", number
        evidence.ledger += [wrote(number, "begin", 20.0), wrote(number, "end", 20.1)]
        events += [
            Told(seq=9000, type="job.queued", job=job, attempt=0, state="queued", number=number),
            Told(seq=10_000 + begin, type="job.started", job=job, attempt=1, was="queued", state="running"),
            Told(seq=10_000 + end, type="job.completed", job=job, attempt=1, was="running", state="completed"),
        ]
    evidence.stream += sorted(events, key=lambda told: told.seq)
    evidence.counts["completed"] += len(begins)
    evidence.minutes["completed"] += len(begins)
    evidence.spans = []
    return evidence


def run_twice(evidence: Evidence) -> None:
    """Let the first job lose its owner and run again, in every detail but for the crash."""
    evidence.stream = moves(QUICK, "queued", "running", "queued", "running", "completed") + [
        told for told in evidence.stream if told.job != "j1"
    ]
    evidence.spans = []
    evidence.ledger += [wrote(QUICK, "begin", 19.9, attempt=2, pid=100), wrote(QUICK, "end", 20.0, attempt=2)]
    change_row(evidence, QUICK, attempts=2)
