"""Judges the evidence of a run: each job in one end everywhere, and every second begin explained by a crash.

Each rule is a function from the facts to complaints; `check` asks them all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise

import msgspec

from taskcast.states import FINAL, MOVES, JobState
from tests.scenarios.chaos.app import CONCURRENCY, LEASE_S, POISON_DELIVERIES, RATE, RATE_PERIOD_S
from tests.scenarios.chaos.evidence import Cancelled, Crash, Evidence, Retried, Row, Sent, Told
from tests.scenarios.chaos.ledger import Entry
from tests.scenarios.chaos.plan import Kind, Order

LONG_S = LEASE_S * (1 - 1 / 3 - 1 / 5 - 1 / 10)
"""Stops and cuts of so long may cost a lease: it is renewed every third, a try takes a fifth, the next comes a tenth later."""
ROUNDING_S = 0.02
SLOW_DELIVERIES = 3
OUTAGES = (
    "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError", "BrokenPipeError", "TimeoutError",
    "OSError", "ConnectionError", "asyncio.exceptions.CancelledError", "asyncpg.exceptions.CannotConnectNowError",
    "asyncpg.exceptions.ConnectionDoesNotExistError", "asyncpg.exceptions.AdminShutdownError",
    "asyncpg.exceptions.CrashShutdownError", "asyncpg.exceptions.TooManyConnectionsError", "asyncpg.exceptions._base",
    "redis.exceptions.TimeoutError", "redis.exceptions.ConnectionError", "redis.exceptions.BusyLoadingError",
    "FileNotFoundError",
    "taskcast.errors.EngineUnavailable",
)  # fmt: skip
"""What processes may say, at length, of servers that are away."""
ENDS_FOR: dict[Kind, tuple[str, str | None]] = {
    "quick": ("completed", None), "threaded": ("completed", None), "retrying": ("completed", None),
    "slow": ("completed", None), "delayed": ("completed", None), "twin": ("completed", None),
    "failing": ("failed", "error"), "overtime": ("failed", "timeout"), "poison": ("failed", "worker_lost"),
    "cancel_waiting": ("completed", None), "cancel_racing": ("completed", None), "cancel_running": ("completed", None),
    "repaired": ("failed", "error"), "revived": ("completed", None),
    "process": ("completed", None), "crashing": ("failed", "error"), "narrow": ("completed", None),
    "metered": ("completed", None), "paused_task": ("completed", None), "paused_queue": ("completed", None),
}  # fmt: skip
"""How a job of a kind ends if nobody cancels or retries it."""


class Complaint(msgspec.Struct, frozen=True):
    """What is wrong; `sort` is one of lost, wrong, stuck, cancel, again, half, witness, leftover, process."""

    sort: str
    what: str
    number: int = 0
    job: str = ""

    def __str__(self) -> str:
        return f"{self.sort}: {self.what} (number {self.number}, job {self.job or '-'})"


class Facts:
    """The evidence, sorted by job."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @cached_property
    def orders(self) -> dict[int, Order]:
        return {order.number: order for order in self.evidence.plan.orders}

    @cached_property
    def rows(self) -> dict[str, Row]:
        return {row.job: row for row in self.evidence.rows}

    @cached_property
    def sent(self) -> dict[int, Sent]:
        return {sent.number: sent for sent in self.evidence.sent}

    @cached_property
    def cancels(self) -> dict[str, Cancelled]:
        return {cancel.job: cancel for cancel in self.evidence.cancels}

    @cached_property
    def retries(self) -> dict[str, Retried]:
        return {retry.job: retry for retry in self.evidence.retries if retry.done}

    @cached_property
    def moves(self) -> dict[str, list[Told]]:
        """The moves of each job, in order."""
        found: dict[str, list[Told]] = defaultdict(list)
        for told in self.evidence.stream:
            if told.state and told.job:
                found[told.job].append(told)
        return found

    @cached_property
    def ends(self) -> dict[str, list[Told]]:
        """The final events of each job, in order."""
        return {job: [move for move in moves if move.state in FINAL] for job, moves in self.moves.items()}

    @cached_property
    def kind_of(self) -> dict[str, Kind]:
        return {job: order.kind for order, job in self.existing()}

    @cached_property
    def losses(self) -> Counter[str]:
        return Counter(told.job for told in self.evidence.stream if told.type == "job.lost")

    @cached_property
    def wrote(self) -> dict[str, list[Entry]]:
        """The ledger's lines of each job, in order."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.evidence.ledger:
            found[entry.job].append(entry)
        return found

    @cached_property
    def jobs_of(self) -> dict[int, set[str]]:
        """The ids under which each number is known anywhere."""
        found: dict[int, set[str]] = defaultdict(set)
        for row in self.evidence.rows:
            if row.number:
                found[row.number].add(row.job)
        for entry in self.evidence.ledger:
            found[entry.number].add(entry.job)
        for told in self.evidence.stream:
            if told.number is not None:
                found[told.number].add(told.job)
        for sent in self.evidence.sent:
            if sent.outcome == "accepted" and sent.job:
                found[sent.number].add(sent.job)
        return found

    def accepted(self) -> Iterator[tuple[Order, str]]:
        """Every job whose sending was answered."""
        for sent in self.evidence.sent:
            if sent.outcome == "accepted" and sent.job:
                yield self.orders[sent.number], sent.job

    def existing(self) -> Iterator[tuple[Order, str]]:
        """Every job there is a trace of, whether its sending was answered or not."""
        for number, jobs in sorted(self.jobs_of.items()):
            for job in sorted(jobs):
                yield self.orders[number], job


Rule = Callable[[Facts], Iterator[Complaint]]


def check(evidence: Evidence) -> list[Complaint]:
    """Return everything that is wrong."""
    facts = Facts(evidence)
    return [complaint for rule in RULES for complaint in rule(facts)]


def ran_more_than_once(evidence: Evidence) -> list[tuple[Entry, Entry]]:
    """Return each begin that no end, error or retry of its job led to, with the begin before it."""
    facts = Facts(evidence)
    return [pair for entries in facts.wrote.values() for pair in _again(facts, entries)]


def _sending_was_answered(facts: Facts) -> Iterator[Complaint]:
    for sent in facts.evidence.sent:
        if sent.outcome == "refused":
            yield Complaint("wrong", f"the sending was refused: {sent.note}", sent.number)
        if sent.outcome == "duplicate":
            order = facts.orders[sent.number]
            twins = {
                other.job
                for other in facts.evidence.sent
                if facts.orders[other.number].dedup_key == order.dedup_key and other.number != sent.number
            }
            known = {job for number in facts.jobs_of for job in facts.jobs_of[number]}
            if order.dedup_key is None or (sent.job not in twins and sent.job not in known):
                yield Complaint("wrong", "a duplicate of no other", sent.number, sent.job or "")
            if facts.jobs_of.get(sent.number):
                yield Complaint("half", "a duplicate made a job of its own", sent.number, sent.job or "")


def _one_job_a_number(facts: Facts) -> Iterator[Complaint]:
    for number, jobs in facts.jobs_of.items():
        if len(jobs) > 1:
            yield Complaint("wrong", f"one sending made {len(jobs)} jobs: {', '.join(sorted(jobs))}", number)


def _nothing_is_lost(facts: Facts) -> Iterator[Complaint]:
    for row in facts.evidence.rows:
        if row.number not in facts.orders:
            yield Complaint("half", "its row has lost its arguments", row.number, row.job)
    for order, job in facts.accepted():
        if job not in facts.moves:
            yield Complaint("lost", "accepted, but no event tells of it", order.number, job)
        if job not in facts.rows:
            yield Complaint("lost", "accepted, but the database has no row", order.number, job)
        if job not in facts.evidence.gateway:
            yield Complaint("lost", "accepted, but the gateway does not list it", order.number, job)


def _nothing_is_half(facts: Facts) -> Iterator[Complaint]:
    """Of a job whose sending was not answered there is everything, or nothing."""
    accepted = {job for _, job in facts.accepted()}
    for order, job in facts.existing():
        if job not in accepted and not (job in facts.rows and job in facts.moves and job in facts.evidence.gateway):
            has = [
                name
                for name, known in (("row", facts.rows), ("events", facts.moves), ("ledger", facts.wrote))
                if job in known
            ]
            yield Complaint("half", f"there is only {', '.join(has) or 'nothing'} of it", order.number, job)


def _nothing_is_stuck(facts: Facts) -> Iterator[Complaint]:
    if facts.evidence.unanswered:
        yield Complaint("stuck", "a command is not answered though everything is there again")
    for row in facts.evidence.rows:
        if row.status not in FINAL:
            yield Complaint("stuck", f"its row is {row.status} for ever", row.number, row.job)
    for order, job in facts.existing():
        moves = facts.moves.get(job)
        if moves and moves[-1].state not in FINAL:
            yield Complaint("stuck", f"its last event is {moves[-1].state}", order.number, job)
    for leftover in facts.evidence.leftovers:
        yield Complaint("leftover", f"the queue server still holds {leftover}")


def _one_end_everywhere(facts: Facts) -> Iterator[Complaint]:
    for order, job in facts.existing():
        ends, row = facts.ends.get(job, []), facts.rows.get(job)
        lives = 2 if job in facts.retries else 1
        if len(ends) > lives:
            yield Complaint("wrong", f"it ended {len(ends)} times in {lives} lives", order.number, job)
        if not ends or row is None or row.status not in FINAL:
            continue
        last = ends[-1]
        if row.status != last.state or (last.state == "failed" and row.final_reason != last.final_reason):
            said = f"{row.status} ({row.final_reason})"
            yield Complaint(
                "wrong", f"its row is {said}, its last end {last.state} ({last.final_reason})", order.number, job
            )
        if row.attempts != last.attempt:
            yield Complaint("wrong", f"its row has attempt {row.attempts}, its end {last.attempt}", order.number, job)
        shown = facts.evidence.gateway.get(job)
        if shown is not None and shown != row.status:
            yield Complaint("wrong", f"the gateway shows {shown}, its row is {row.status}", order.number, job)
    counted = Counter(row.status for row in facts.evidence.rows)
    for status in JobState:
        if counted[status] != facts.evidence.counts.get(status, 0):
            kept = facts.evidence.counts.get(status, 0)
            yield Complaint("wrong", f"{counted[status]} jobs are {status}, the kept count says {kept}")


def _every_end_is_counted_once(facts: Facts) -> Iterator[Complaint]:
    told = Counter(end.state for ends in facts.ends.values() for end in ends)
    for state in sorted(FINAL):
        counted = facts.evidence.minutes.get(state, 0)
        if counted != told[state]:
            yield Complaint("wrong", f"{told[state]} jobs ended as {state}, the statistics have {counted}")


def _no_attempt_stays_open(facts: Facts) -> Iterator[Complaint]:
    for attempt in facts.evidence.tries:
        row = facts.rows.get(attempt.job)
        if row is not None and row.status in FINAL and attempt.state == JobState.RUNNING:
            yield Complaint("stuck", f"its attempt {attempt.attempt} is running for ever", row.number, row.job)


def _the_right_end(facts: Facts) -> Iterator[Complaint]:
    for order, job in facts.existing():
        row = facts.rows.get(job)
        if row is None or row.status not in FINAL:
            continue
        may = _may_end(facts, order, job)
        if (row.status, row.final_reason) not in may:
            expected = " or ".join(sorted(f"{state} ({reason})" for state, reason in may))
            yield Complaint("wrong", f"it is {row.status} ({row.final_reason}), not {expected}", order.number, job)
        words = {entry.word for entry in facts.wrote.get(job, [])}
        if row.status == "completed" and "end" not in words:
            yield Complaint("wrong", "completed, but it never came to its end", order.number, job)
        if row.status == "completed" and row.result != order.number:
            yield Complaint("wrong", f"its row's result is {row.result}", order.number, job)
        if row.status == "completed" and facts.evidence.results.get(job) != order.number:
            yield Complaint("lost", f"its kept result is {facts.evidence.results.get(job)}", order.number, job)
        if order.kind == "retrying" and row.status == "completed" and row.errors != order.arguments["errors"]:
            yield Complaint("wrong", f"{row.errors} errors instead of {order.arguments['errors']}", order.number, job)


def _may_end(facts: Facts, order: Order, job: str) -> set[tuple[str, str | None]]:
    """Return the ends that are right for a job, after all that was done to it."""
    may: set[tuple[str, str | None]] = {ENDS_FOR[order.kind]}
    cancel, retried = facts.cancels.get(job), job in facts.retries
    if cancel is not None and cancel.answer == "cancelled":
        may = {("cancelled", None)}
    elif cancel is not None and cancel.answer in {"requested", "final"}:
        may.add(("cancelled", None))  # "final" is also what a repeated cancel is told whose first answer was lost
    if retried:
        may = {("completed", None)}
    if order.kind == "slow" and facts.losses[job] >= SLOW_DELIVERIES:
        may.add(("failed", "worker_lost"))
    if order.kind == "cancel_racing" and facts.losses[job] >= SLOW_DELIVERIES:
        may.add(("failed", "worker_lost"))
    if order.kind == "poison" and facts.losses[job] < POISON_DELIVERIES:
        may = set()
    return may


def _every_move_is_allowed(facts: Facts) -> Iterator[Complaint]:
    for order, job in facts.existing():
        state: JobState | None = None
        for move in facts.moves.get(job, []):
            was = JobState(move.was) if move.was and move.was != "new" else None
            if was != state:
                yield Complaint("wrong", f"event {move.seq} moves it from {was}, but it was {state}", order.number, job)
            assert move.state is not None
            if JobState(move.state) not in MOVES[was]:
                yield Complaint("wrong", f"event {move.seq} moves it from {was} to {move.state}", order.number, job)
            state = JobState(move.state)


def _none_begins_after_its_cancel(facts: Facts) -> Iterator[Complaint]:
    """A job may not be taken after its cancel, nor begin after it was told to be cancelled."""
    for order, job in facts.existing():
        asked = False
        for told in (told for told in facts.evidence.stream if told.job == job):
            if told.type == "job.cancel_requested" or told.state == JobState.CANCELLED:
                asked = True
            elif told.state in {JobState.QUEUED, JobState.SCHEDULED} and told.was in FINAL:
                asked = False
            elif asked and told.state == JobState.RUNNING:
                yield Complaint("cancel", f"event {told.seq} takes it after its cancel", order.number, job)
        cancel = facts.cancels.get(job)
        if cancel is None or cancel.answer != "cancelled" or job in facts.retries:
            continue
        for entry in facts.wrote.get(job, []):
            if entry.word == "begin" and entry.at > cancel.answered_at:
                late = entry.at - cancel.answered_at
                yield Complaint("cancel", f"it began {late:.3f} s after its cancel was acknowledged", order.number, job)


def _none_begins_early(facts: Facts) -> Iterator[Complaint]:
    for order, job in facts.existing():
        sent = facts.sent[order.number]
        begins = [entry for entry in facts.wrote.get(job, []) if entry.word == "begin"]
        if (
            order.delay_s
            and begins
            and job not in facts.retries
            and begins[0].at < sent.sent_at + order.delay_s - ROUNDING_S
        ):
            early = sent.sent_at + order.delay_s - begins[0].at
            yield Complaint("wrong", f"it began {early:.3f} s before it was due", order.number, job)


def _none_begins_in_a_pause(facts: Facts) -> Iterator[Complaint]:
    paused: set[tuple[str, str | None]] = set()
    for told in facts.evidence.stream:
        names = {("queue", told.queue)} if told.queue else set()
        names |= {("task", told.task)} if told.task else set()
        if told.type == "queue.paused":
            paused |= names
        elif told.type == "queue.resumed":
            paused -= names
        elif told.type == "job.started" and names & paused:
            what = " ".join(map(str, min(names & paused)))
            yield Complaint("wrong", f"event {told.seq} takes it while {what} is paused", 0, told.job)


def _no_limit_is_passed(facts: Facts) -> Iterator[Complaint]:
    running: set[str] = set()
    begun: list[int] = []
    for told in facts.evidence.stream:
        kind = facts.kind_of.get(told.job)
        if kind == "narrow" and told.state is not None:
            (running.add if told.state == JobState.RUNNING else running.discard)(told.job)
            if len(running) > CONCURRENCY:
                yield Complaint(
                    "wrong", f"event {told.seq} lets {len(running)} of {CONCURRENCY} run at once", 0, told.job
                )
        elif kind == "metered" and told.state == JobState.RUNNING:
            begun.append(told.seq)
            for back, first in enumerate(reversed(begun), 1):
                seconds = (told.seq - first) / 1_000_000
                if back > RATE * (1 + seconds / RATE_PERIOD_S) + 1:
                    yield Complaint(
                        "wrong", f"{back} began within {seconds:.2f} s, of {RATE} in {RATE_PERIOD_S} s", 0, told.job
                    )
                    break


def _twins_do_not_meet(facts: Facts) -> Iterator[Complaint]:
    """Of two jobs with one key, the second is accepted after the end of the first."""
    by_key: dict[str, list[Row]] = defaultdict(list)
    for row in facts.evidence.rows:
        if row.key is not None:
            by_key[row.key].append(row)
    for rows in by_key.values():
        rows.sort(key=lambda row: row.created_ms)
        for first, second in pairwise(rows):
            if first.ended_ms is None or second.created_ms < first.ended_ms - 1:
                yield Complaint("wrong", f"accepted while {first.job} held its key", second.number, second.job)


def _runs_again_only_after_a_crash(facts: Facts) -> Iterator[Complaint]:
    crashes = list(_crashes(facts))
    for entries in facts.wrote.values():
        for first, second in _again(facts, entries):
            killed = any(_killed(crash, first, second) for crash in crashes)
            if not killed and sum(_silent_s(crash, first, second) for crash in crashes) < LONG_S:
                what = f"attempt {first.attempt} ran in {first.part}, attempt {second.attempt} {second.at - first.at:.1f} s later"
                yield Complaint("again", f"{what} in {second.part}, and no crash explains it", first.number, first.job)


def _again(facts: Facts, entries: list[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Pairs of begins of which the second was not due: the first led to no error or end that counts."""
    ended = {
        (move.job, move.attempt)
        for job in {entry.job for entry in entries}
        for move in facts.moves.get(job, [])
        if move.was == JobState.RUNNING and move.state in {*FINAL, JobState.RETRYING}
    }
    begins = [entry for entry in entries if entry.word == "begin"]
    for first, second in pairwise(begins):
        if first.attempt == second.attempt or (first.job, first.attempt) not in ended:
            yield first, second


def _crashes(facts: Facts) -> Iterator[Crash]:
    yield from facts.evidence.crashes
    for entry in facts.evidence.ledger:
        if entry.word == "poison":
            yield Crash(what="kill", target=entry.part, pids=[entry.pid], began=entry.at, ended=entry.at)


def _killed(crash: Crash, first: Entry, second: Entry) -> bool:
    """Whether a crash ended the worker of the first begin, or the queue server, before the second."""
    if crash.what not in {"blackout", "kill", "kill_child", "restart"} or crash.began > second.at:
        return False
    if crash.what == "restart" and first.pid in crash.pids:
        return True  # a worker asked to end lets go of its jobs much later
    hits = crash.what == "blackout" or crash.target in {first.part, "valkey"}
    return hits and crash.ended >= first.at - ROUNDING_S


def _silent_s(crash: Crash, first: Entry, second: Entry) -> float:
    """For how long a crash kept the worker from renewing the lease under which the first ran."""
    stopped = crash.what == "stop" and (first.pid in crash.pids or crash.target == "valkey")
    cut = crash.target == f"{first.part}-valkey"
    return max(0.0, min(crash.ended, second.at) - max(crash.began, first.at - LEASE_S)) if stopped or cut else 0.0


def _the_listener_was_told(facts: Facts) -> Iterator[Complaint]:
    """The websocket client was told every end once, wherever it was told all; and nothing that did not happen."""
    if facts.evidence.listener_error:
        yield Complaint("witness", facts.evidence.listener_error)
    happened = {(move.job, move.seq): move.state for moves in facts.moves.values() for move in moves}
    ends = [end for ends in facts.ends.values() for end in ends]
    last: dict[str, str] = {}
    for span in facts.evidence.spans:
        last = {row.job: row.state for row in span.rows}
        told = Counter((event.job, event.seq) for event in span.events)
        for event in span.events:
            last[event.job] = event.state
            if happened.get((event.job, event.seq)) != event.state:
                yield Complaint(
                    "witness", f"the websocket told of {event.state} at {event.seq}, which never was", 0, event.job
                )
        for (job, seq), times in told.items():
            if times > 1:
                yield Complaint("witness", f"the websocket told event {seq} {times} times", 0, job)
        for end in ends:
            if span.since < end.seq <= span.until and (end.job, end.seq) not in told:
                yield Complaint("witness", f"the websocket was not told of its end at {end.seq}", 0, end.job)
    for job, state in last.items():
        row = facts.rows.get(job)
        if row is not None and row.status != state:
            yield Complaint("witness", f"the websocket last told {state}, its row is {row.status}", row.number, job)


def _no_process_died_by_itself(facts: Facts) -> Iterator[Complaint]:
    ends_processes = {"kill", "restart", "kill_manager", "kill_child"}
    planned = Counter(crash.target for crash in facts.evidence.crashes if crash.what in ends_processes and crash.pids)
    blackouts = sum(crash.what == "blackout" for crash in facts.evidence.crashes)
    poisoned = Counter(entry.part for entry in facts.evidence.ledger if entry.word == "poison")
    for part, times in facts.evidence.ends.items():
        by_us = planned[part] + blackouts + poisoned[part]
        if times > by_us:
            yield Complaint("process", f"{part} ended {times} times, {by_us} of them by us")
    for process in facts.evidence.survivors:
        yield Complaint("process", f"{process} still ran after everything was stopped")
    for part, error in _tracebacks(facts.evidence.output):
        if not error.startswith(OUTAGES):
            yield Complaint("process", f"{part} printed a traceback: {error}")


def _tracebacks(output: list[str]) -> Iterator[tuple[str, str]]:
    """Which processes printed a traceback, and its last line."""
    open_in: set[str] = set()
    for line in output:
        part, text = line[:9].strip(), line[10:]
        if "Traceback (most recent call last)" in text:
            open_in.add(part)
        elif part in open_in and text and not text.startswith(" "):
            open_in.discard(part)
            yield part, text


RULES: tuple[Rule, ...] = (
    _sending_was_answered,
    _one_job_a_number,
    _nothing_is_lost,
    _nothing_is_half,
    _nothing_is_stuck,
    _one_end_everywhere,
    _every_end_is_counted_once,
    _no_attempt_stays_open,
    _the_right_end,
    _every_move_is_allowed,
    _none_begins_after_its_cancel,
    _none_begins_early,
    _none_begins_in_a_pause,
    _no_limit_is_passed,
    _twins_do_not_meet,
    _runs_again_only_after_a_crash,
    _the_listener_was_told,
    _no_process_died_by_itself,
)
