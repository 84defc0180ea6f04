"""The real scripts on the real server against a model: whatever happens, the table of moves holds.

Replies are thrown away and calls repeated, takes are never heard of, workers lose their leases and come back with what
they believe to hold, queues and tasks are paused and drained, and the server's memory is set back to an earlier moment.
No job is in two places, limits are never exceeded, and whatever may run is taken in the end.
"""

from __future__ import annotations

import asyncio
import copy
import time
import uuid
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from pytest import MonkeyPatch

from taskcast import events
from taskcast.engine import calls
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Report
from taskcast.names import Names
from taskcast.states import FINAL, MOVES, JobState
from tests.taskcast.engine.conftest import LEASE_MS, end, new_job
from tests.taskcast.engine.model import LIMIT, Model, ModelJob, Pair
from tests.taskcast.engine.test_failures import Cut

IDS = [f"j{i}" for i in range(8)]
WORKERS = ["w1", "w2", "w3"]
ENDS = ["completed", "failed", "cancelled", "retrying"]
UNFINISHED = ["scheduled", "queued", "running", "retrying"]
LISTS = [(key, priority) for key in ("c:ck", "r:rk", "t:other") for priority in (2, 4)]
Fields = tuple[str, str | None, bool, int, str]

jobs = st.sampled_from(IDS)
workers = st.sampled_from(WORKERS)
keys = st.sampled_from([None, None, "k"])
lost_reply = st.integers(0, 3).map(lambda n: n == 0)
mostly = st.integers(0, 4).map(lambda n: n > 0)
kinds = st.sampled_from(["", "t", "c", "c", "c", "r", "r", "cr", "ct", "crt"])
pausable = st.sampled_from(["q:default", "t:other"])
new_jobs = st.tuples(jobs, keys, st.integers(0, 3).map(lambda n: n == 0), st.sampled_from([2, 4]), kinds)
ends = st.tuples(jobs, st.integers(0, 3), st.sampled_from(ENDS), mostly)

STEPS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "enqueue": (7, {"batch": st.lists(new_jobs, min_size=1, max_size=4), "lose": lost_reply}),
    "cancel": (3, {"job": jobs, "lose": lost_reply}),
    "retry": (3, {"fields": new_jobs, "after": st.integers(0, 4), "right": mostly, "lose": lost_reply}),
    "register": (1, {"worker": workers, "lose": lost_reply}),
    "take": (
        9,
        {"worker": workers, "want": st.integers(0, 4), "name": st.booleans(), "heard": mostly, "lose": lost_reply},
    ),
    "renew": (3, {"worker": workers, "name": mostly, "lose": lost_reply}),
    "report": (3, {"job": jobs, "first": st.integers(1, 3), "count": st.integers(0, 3), "lose": lost_reply}),
    "finish": (4, {"ends": st.lists(ends, min_size=1, max_size=3), "lose": lost_reply}),
    "finish_held": (6, {"worker": workers, "state": st.sampled_from(ENDS), "lose": lost_reply}),
    "finish_again": (1, {"back": st.integers(1, 4)}),
    "see_cancel": (2, {"job": jobs, "lose": lost_reply}),
    "release": (2, {"worker": workers, "begun": st.booleans(), "lose": lost_reply}),
    "lose_lease": (2, {"worker": workers}),
    "reclaim": (2, {"lose": lost_reply}),
    "promote": (1, {"lose": lost_reply}),
    "sweep": (1, {"lose": lost_reply}),
    "settle": (2, {"worker": workers}),
    "pay_off": (2, {}),
    "pause": (2, {"field": pausable, "ends": st.booleans(), "lose": lost_reply}),
    "resume": (3, {"field": pausable, "lose": lost_reply}),
    "drain": (1, {"lose": lost_reply}),
    "become_due": (3, {"job": jobs}),
    "resend": (
        1,
        {"job": jobs, "attempt": st.integers(0, 2), "was": st.sampled_from(UNFINISHED[1:]), "lose": lost_reply},
    ),
    "forget": (1, {"job": jobs, "was": st.sampled_from(UNFINISHED), "lose": lost_reply}),
    "drop": (2, {"job": jobs, "late": mostly}),
    "let_an_hour_pass": (1, {"job": jobs}),
    "save": (1, {}),
    "set_back": (1, {}),
}
"""What may happen: how often, and with what."""

WEIGHTED = [name for name, (weight, _) in STEPS.items() for _ in range(weight)]


class View:
    """What a worker believes; it may be wrong."""

    def __init__(self) -> None:
        self.number = 0
        self.held: dict[str, int] = {}


class EngineMachine(RuleBasedStateMachine):
    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.names = Names(f"s{uuid.uuid4().hex[:12]}")
        self.client: Cut = self.run(self._connect())
        self.engine = Engine(self.client, self.names)
        self.model = Model()
        self.views = {worker: View() for worker in WORKERS}
        self.saved: tuple[dict[bytes, tuple[bytes, int]], Model] | None = None
        self.told: list[tuple[str, list[tuple[str, int, str]]]] = []
        self.highest = 0
        self.seen: set[int] = set()

    def believer(self, job: str) -> tuple[str, int]:
        """Return a worker that believes to hold a job, and the attempt; the owner if nobody does, else anyone."""
        for worker, view in self.views.items():
            if job in view.held:
                return worker, view.held[job]
        record = self.model.jobs.get(job)
        return (record.owner, record.attempt) if record and record.owner else ("w1", 1)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _connect(self) -> Cut:
        return Cut.from_url(self.url)

    def call(self, work: Coroutine[Any, Any, Any], *, lose: bool = False) -> Any:
        self.client.lose = int(lose)
        try:
            return self.run(work)
        finally:
            self.client.lose = 0

    @initialize()
    def begin(self) -> None:
        for worker in WORKERS:
            self.register(worker, lose=False)
        self.run(self.engine.reclaim(lease_ms=10**15))
        self.run(self.client.hset(self.names.run, "since", 0))

    @rule(step=st.sampled_from(WEIGHTED), data=st.data())
    def step(self, step: str, data: st.DataObject) -> None:
        """Do one of the steps below; one rule, because Hypothesis leaves whole rules out of a run."""
        given = {name: data.draw(strategy, label=f"{step} {name}") for name, strategy in STEPS[step][1].items()}
        getattr(self, step)(**given)

    # Senders

    def enqueue(self, batch: list[Fields], lose: bool) -> None:
        sent = [_new(*fields) for fields in batch]
        expected = self.model.enqueue((job, _record(*fields)) for job, *fields in batch)

        answers = self.call(self.engine.enqueue(sent), lose=lose)

        for answer, outcome in zip(answers, expected, strict=True):
            if outcome in {"accepted", answer.job}:
                assert answer.outcome == ("known" if lose or outcome == answer.job else "accepted")
                assert answer.stands == answer.job
            else:
                assert (answer.outcome, answer.stands) == ("duplicate", outcome)

    def cancel(self, job: str, lose: bool) -> None:
        expected = self.model.cancel(job)
        assert self.call(self.engine.cancel(job, by="ada"), lose=lose) == expected

    def retry(self, fields: Fields, after: int, right: bool, lose: bool) -> None:
        job, *rest = fields
        if job not in self.model.tombs and job not in self.model.jobs:
            return
        if right and job in self.model.tombs:
            after = self.model.tombs[job][1]
        expected = self.model.retry(job, after, _record(*rest))

        answer = self.call(self.engine.retry(_new(*fields), after_attempt=after), lose=lose)

        assert answer == expected

    # Workers

    def register(self, worker: str, lose: bool) -> None:
        info = b'{"worker":"%s","host":"h","pid":1}' % worker.encode()
        self.call(self.engine.register(worker, lease_ms=LEASE_MS, info=info), lose=lose)
        self.model.leases.add(worker)
        self.model.workers.add(worker)

    def take(self, worker: str, want: int, name: bool, heard: bool, lose: bool) -> None:
        view = self.views[worker]
        view.number += 1
        number = view.number
        named = list(view.held.items()) if name else None
        ask = self.engine.take(worker, want, number=number, known=number - 1, held=named, started=b'{"worker":"w","host":"h","pid":1}')  # fmt: skip
        got = self.call(ask, lose=lose)

        if worker not in self.model.leases:
            assert (got.lease_held, got.jobs) == (False, [])
            return
        lost, asked, repeated = set[Pair](), set[Pair](), False
        for again in [False, True] if lose else [False]:
            repeated = again and self.model.numbers.get(worker) == number
            if repeated:
                break
            self.model.promote()
            before = self.model.available()
            lost, asked = self.model.claims(worker, number - 1, named)
            taken = {job.job for job in got.jobs}
            if again or not lose:
                assert taken <= before
                assert len(taken) >= min(want, len([job for job in before if self._is_free(job)]))
            if taken <= before:
                assert len(got.jobs) <= want
                for job in got.jobs:
                    self.model.take(job.job, worker, number)
        assert {(job.job, job.attempt) for job in got.jobs} == {
            (job, record.attempt) for job, record in self.model.owned(worker).items() if record.take == number
        }
        if not repeated:
            assert set(got.lost) == lost
            assert {(cancel.job, cancel.attempt) for cancel in got.cancels} == asked
        if heard:
            view.held |= {job.job: job.attempt for job in got.jobs}
        for job, attempt in got.lost:
            if view.held.get(job) == attempt and (job, attempt) not in {(j.job, j.attempt) for j in got.jobs}:
                del view.held[job]

    def _is_free(self, job: str) -> bool:
        kind = self.model.jobs[job].kind
        return not {"c", "r"} & set(kind) and self.model.may_run(job)

    def settle(self, worker: str) -> None:
        """Take until nothing comes: then nothing is left that may run."""
        if worker in self.model.leases:
            for _ in range(6):
                self.run(self._let_moments_pass())
                self.take(worker, len(IDS), name=True, heard=True, lose=False)
            assert [job for job in self.model.available() if self.model.may_run(job)] == []

    async def _let_moments_pass(self) -> None:
        soon = await self.client.zrangebyscore(self.names.wakes, "-inf", time.time() * 1000 + 100)
        if soon:
            await self.client.zadd(self.names.wakes, dict.fromkeys(soon, 0))

    def renew(self, worker: str, name: bool, lose: bool) -> None:
        view = self.views[worker]
        named = list(view.held.items()) if name else None
        lost, asked = self.model.claims(worker, view.number, named)
        held = worker in self.model.leases or lose
        self.model.leases.add(worker)
        self.model.workers.add(worker)

        got = self.call(self.engine.renew(worker, lease_ms=LEASE_MS, known=view.number, held=named), lose=lose)

        assert got.lease_held == held
        assert set(got.lost) == lost
        assert {(cancel.job, cancel.attempt) for cancel in got.cancels} == asked
        for job, _ in got.lost:
            del view.held[job]

    def report(self, job: str, first: int, count: int, lose: bool) -> None:
        worker, attempt = self.believer(job)
        items = [("logged", b'{"line":%d,"level":"INFO","message":"x"}' % (first + i)) for i in range(count)]
        report = Report(job=job, attempt=attempt, items=items, first_line=first)  # type: ignore[arg-type]
        before = self._lines()

        (answer,) = self.call(self.engine.report(worker, [report]), lose=lose)

        written = self._lines() - before
        if not self.model.owns(worker, job, attempt):
            assert answer is False
            assert written == 0
            return
        record = self.model.jobs[job]
        assert written == len([i for i in range(first, first + count) if i > record.line])
        record.line = max(record.line, first + count - 1)
        assert (answer is True) == (not record.asked or record.seen)

    def finish(self, ends: list[tuple[str, int, str, bool]], lose: bool) -> None:
        self.finish_of(self.believer(ends[0][0])[0], ends, lose)

    def finish_of(self, worker: str, ends: list[tuple[str, int, str, bool]], lose: bool) -> None:
        held = self.views[worker].held
        told = [(job, held.get(job, attempt) if own else attempt, state) for job, attempt, state, own in ends]
        expected = self.model.finish(worker, told)
        self.told.append((worker, told))

        said = [end(job, attempt, state, delay_ms=10**9) for job, attempt, state in told]
        answers = self.call(self.engine.finish(worker, said), lose=lose)

        outcomes = [answer.outcome for answer in answers]
        assert outcomes == [("already" if lose and word == "done" else word) for word in expected]
        for job, attempt, _ in told:
            if held.get(job) == attempt:
                del held[job]

    def finish_held(self, worker: str, state: str, lose: bool) -> None:
        held = list(self.views[worker].held)
        if held:
            self.finish_of(worker, [(job, 0, state, True) for job in held], lose)

    def finish_again(self, back: int) -> None:
        """Tell an end that was told before, as a worker does that never heard an answer."""
        if len(self.told) >= back:
            worker, told = self.told[-back]
            expected = self.model.finish(worker, told)
            said = [end(job, attempt, state, delay_ms=10**9) for job, attempt, state in told]
            assert [answer.outcome for answer in self.run(self.engine.finish(worker, said))] == expected

    def see_cancel(self, job: str, lose: bool) -> None:
        worker, attempt = self.believer(job)
        expected = self.model.owns(worker, job, attempt) and self.model.jobs[job].asked
        if expected:
            self.model.jobs[job].seen = True
        assert self.call(self.engine.cancel_seen(worker, job, attempt), lose=lose) == expected

    def release(self, worker: str, begun: bool, lose: bool) -> None:
        held = self.views[worker].held
        mine = [pair for pair in held.items() if self.model.owns(worker, *pair)]
        pairs = [*held.items()]
        held.clear()
        for job, _ in mine:
            self.model.give_back(job, worker, begun=begun)

        count = self.call(self.engine.release(worker, pairs, begun=begun), lose=lose)

        assert count == (0 if lose else len(mine))

    def lose_lease(self, worker: str) -> None:
        self.run(self.client.delete(self.names.lease(worker)))
        self.model.leases.discard(worker)

    # Rescuers

    def reclaim(self, lose: bool) -> None:
        expected = self.model.reclaim()
        count = self.call(self.engine.reclaim(lease_ms=LEASE_MS), lose=lose)
        assert count == (0 if lose else expected)

    def promote(self, lose: bool) -> None:
        expected = self.model.promote()
        count, _ = self.call(self.engine.promote(), lose=lose)
        assert count == (0 if lose else expected)

    def sweep(self, lose: bool) -> None:
        self.call(self.engine.sweep(keep=0), lose=lose)

    # Who steers

    def pause(self, field: str, ends: bool, lose: bool) -> None:
        expected = field not in self.model.paused
        self.model.paused[field] = ends
        until_ms = 1 if ends else None
        assert self.call(self.engine.pause(**_named(field), until_ms=until_ms), lose=lose) == expected

    def resume(self, field: str, lose: bool) -> None:
        expected = self.model.paused.pop(field, None) is not None
        assert self.call(self.engine.resume(**_named(field)), lose=lose) == expected

    def drain(self, lose: bool) -> None:
        expected = self.model.drain()
        assert self.call(self.engine.drain("default", by="ada"), lose=lose) == expected

    def pay_off(self) -> None:
        """Let an hour pass for the rate."""
        self.model.pay_off()
        self.run(self._pay_off())

    async def _pay_off(self) -> None:
        paid = await self.client.get(self.names.rate("rk"))
        if paid is not None:
            await self.client.set(self.names.rate("rk"), int(paid) - 3_600_000_000, keepttl=True)
        await self.client.zadd(self.names.wakes, {"r:rk": 0}, xx=True)

    def become_due(self, job: str) -> None:
        record = self.model.jobs.get(job)
        if record and record.state in {"scheduled", "retrying"}:
            record.due = True
            self.run(self.client.zadd(self.names.delayed, {job: 0}, xx=True))

    def resend(self, job: str, attempt: int, was: str, lose: bool) -> None:
        known = job in self.model.jobs or job in self.model.tombs
        if not known:
            self.model.add(job, ModelJob(attempt=attempt, errors=1, deliveries=1, kind="c"))
        send = self.engine.resend(_new(job, None, False, 2, "c"), attempt=attempt, errors=1, deliveries=1, was=was)
        assert self.call(send, lose=lose) == (not known)

    def forget(self, job: str, was: str, lose: bool) -> None:
        known = job in self.model.jobs or job in self.model.tombs
        if not known:
            self.model.tombs[job] = ("cancelled" if was == "scheduled" else "failed", 1, None)
            self.model.doubles.pop(job, None)
        work = self.engine.forget(job, task="work", queue="default", user_id=None, attempt=1, was=was)
        assert self.call(work, lose=lose) == (not known)

    def drop(self, job: str, late: bool) -> None:
        seq = self.highest + 1 if late else 1
        there = job in self.model.jobs and late
        if there:
            self.model.end(job, "completed", None)
            self.model.drops.append((job, self.highest, "completed"))
        assert self.call(self.engine.drop(job, seq=seq, state="completed")) == there

    # The server forgets

    def let_an_hour_pass(self, job: str) -> None:
        """Let the tombstone of a job expire."""
        self.run(self.client.delete(self.names.tombstone(job)))
        self.model.doubles.pop(job, None)
        if self.model.tombs.pop(job, None) and job not in self.model.jobs:
            self.model.drops.append((job, self.highest, None))

    def save(self) -> None:
        self.saved = (self.run(self._dump()), copy.deepcopy(self.model))

    def set_back(self) -> None:
        if self.saved is None:
            return
        self.run(self._restore(self.saved[0]))
        self.model = copy.deepcopy(self.saved[1])

    async def _keys(self) -> list[bytes]:
        pattern = self.names.tag.replace("{", "\\{") + "*"
        return [key async for key in self.client.scan_iter(match=pattern, count=10_000)]

    async def _dump(self) -> dict[bytes, tuple[bytes, int]]:
        keys = await self._keys()
        return {key: (await self.client.dump(key), max(0, await self.client.pttl(key))) for key in keys}

    async def _restore(self, saved: dict[bytes, tuple[bytes, int]]) -> None:
        await self.client.delete(*await self._keys())
        for key, (value, ttl) in saved.items():
            await self.client.restore(key, ttl, value)

    # What must be true after every step

    @invariant()
    def server_and_model_agree(self) -> None:
        stream = self.run(self._compare())
        self._check_stream(stream)

    async def _compare(self) -> list[Any]:
        pipe = self.client.pipeline(transaction=True)
        for job in IDS:
            pipe.hmget(self.names.job(job), ["s", "a", "e", "l", "w", "z"])
            pipe.get(self.names.tombstone(job))
        for key, priority in LISTS:
            pipe.lrange(self.names.hold(key, "default", priority), 0, -1)
        pipe.zrange(self.names.holds, 0, -1)
        pipe.smembers(self.names.concurrency("ck"))
        pipe.hkeys(self.names.paused)
        for priority in (2, 4):
            pipe.lrange(self.names.lane("default", priority), 0, -1)
        pipe.zrange(self.names.delayed, 0, -1)
        for worker in WORKERS:
            pipe.hgetall(self.names.held(worker))
        pipe.hgetall(self.names.counts)
        pipe.get(self.names.dedup("k"))
        pipe.xrange(self.names.events)
        found = await pipe.execute()
        for i, job in enumerate(IDS):
            self._compare_job(job, found[2 * i], found[2 * i + 1])
        places = 2 * len(IDS) + len(LISTS)
        self._compare_holds(found[2 * len(IDS) : places], found[: 2 * len(IDS) : 2], *found[places : places + 3])
        *lanes, delayed, held1, held2, held3, counts, holder, stream = found[places + 3 :]
        held_back = dict(zip(LISTS, found[2 * len(IDS) : places], strict=True))
        for lane, priority in zip(lanes, (2, 4), strict=True):
            waiting = [job for job, r in self.model.jobs.items() if r.state == "queued" and r.priority == priority]
            held_of = [job for (_, of), ids in held_back.items() if of == priority for job in ids]
            assert sorted(job.decode() for job in lane + held_of) == sorted(waiting)
        states = Counter(record.state for record in self.model.jobs.values())
        assert len(delayed) == states["scheduled"] + states["retrying"]
        for held, worker in zip((held1, held2, held3), WORKERS, strict=True):
            ids = {field.decode() for field in held if field[:1] not in b"#!@"}
            assert ids == set(self.model.owned(worker))
        counted = {field.decode().split(":")[1]: int(value) for field, value in counts.items() if int(value)}
        held_count = sum(map(len, held_back.values()))
        assert counted == {s: n for s, n in states.items() if s != "queued"} | (
            {"held": held_count} if held_count else {}
        )
        assert holder == (self.model.keys["k"].encode() if "k" in self.model.keys else None)
        return stream

    def _compare_holds(
        self, lists: list[list[bytes]], records: list[Any], holds: list[bytes], members: set[bytes], paused: list[bytes]
    ) -> None:
        """No list is forgotten, no record names a list that it is not in, and running jobs alone have a place."""
        assert {tuple(member.decode().split("\n")) for member in holds} == {
            (key, f"default:{priority}") for (key, priority), ids in zip(LISTS, lists, strict=True) if ids
        }
        named = {job: record[5] for job, record in zip(IDS, records, strict=True) if record[0] == b"queued"}
        assert {(job, key) for job, key in named.items() if key not in {None, b"-"}} == {
            (job.decode(), key.encode()) for (key, _), ids in zip(LISTS, lists, strict=True) for job in ids
        }
        assert {member.decode() for member in members} == self.model.concurrent()
        assert len(members) <= LIMIT
        there = {field.decode() for field in paused}
        assert {field for field in self.model.paused if self.model.is_paused(field)} <= there <= set(self.model.paused)
        self.model.paused = {field: over for field, over in self.model.paused.items() if field in there}

    def _compare_job(self, job: str, found: list[bytes | None], tomb: bytes | None) -> None:
        record = self.model.jobs.get(job)
        state, attempt, errors, deliveries, worker, _ = found
        if record is None:
            assert state is None
        else:
            assert state == record.state.encode()
            numbers = (int(attempt or 0), int(errors or 0), int(deliveries or 0))
            assert numbers == (record.attempt, record.errors, record.deliveries)
            assert worker == (record.owner.encode() if record.owner else None)
        if job in self.model.tombs:
            assert tomb is not None
            assert tomb.decode().split()[:2] == [str(value) for value in self.model.tombs[job][:2]]
        elif job not in self.model.doubles:
            assert tomb is None

    def _check_stream(self, stream: list[Any]) -> None:
        """Check that seqs have no holes, never go back, and that each job moved as the table has it."""
        stories: dict[str, list[events.Event]] = {}
        prev, told = 0, set[int]()
        for entry, fields in stream:
            batch = [events.decode(line) for line in fields[b"e"].split(b"\n")]
            assert int(fields[b"p"]) == prev
            prev = int(entry.partition(b"-")[0])
            told.add(prev)
            assert [event.seq for event in batch] == list(range(prev - len(batch) + 1, prev + 1))
            for event in batch:
                if event.job and event.state:
                    stories.setdefault(event.job, []).append(event)
        new = told - self.seen
        assert all(seq > self.highest for seq in new)
        self.seen |= new
        self.highest = max([self.highest, *new])
        for job, story in stories.items():
            self._check_story(job, story)

    def _check_story(self, job: str, story: list[events.Event]) -> None:
        state: str | None = None
        drops = [(seq, to) for dropped, seq, to in self.model.drops if dropped == job]
        for event in story:
            while drops and drops[0][0] < event.seq:
                state = drops.pop(0)[1]
            reason = getattr(event.data, "reason", None)
            known_to_the_row = state is None and (reason == "reconciled" or _is_forgotten(event))
            assert event.was == state or known_to_the_row, (job, event.was, state)
            if reason != "reconciled" or event.was != event.state:
                assert JobState(event.state or "") in MOVES[JobState(event.was) if event.was else None]
            if event.was in FINAL:
                assert reason == "retry"
            state = event.state
        if drops:
            state = drops[-1][1]
        if job in self.model.jobs:
            assert state == self.model.jobs[job].state
        elif job in self.model.tombs:
            assert state == self.model.tombs[job][0]
        else:
            assert state is None

    def _lines(self) -> int:
        entries = self.run(self.client.xrange(self.names.events))
        return sum(fields[b"e"].count(b'"job.logged"') for _, fields in entries)

    def teardown(self) -> None:
        async def clean() -> None:
            keys = await self._keys()
            if keys:
                await self.client.unlink(*keys)
            await self.client.aclose()

        self.run(clean())
        self.runner.close()


def _new(job: str, key: str | None, later: bool, priority: int, kind: str) -> Any:
    limits: dict[str, Any] = {"task": "other" if "t" in kind else "work"}
    if "c" in kind:
        limits |= {"concurrency": LIMIT, "concurrency_key": "ck"}
    if "r" in kind:
        limits |= {"rate_count": LIMIT, "rate_period_ms": LIMIT * 3_600_000, "rate_limit_key": "rk"}
    delay = 10**9 if later else None
    return new_job(
        job, deduplication_key=key, delay_ms=delay, priority=priority, max_attempts=9, max_deliveries=2, **limits
    )


def _record(key: str | None, later: bool, priority: int, kind: str) -> ModelJob:
    return ModelJob(state="scheduled" if later else "queued", key=key, priority=priority, kind=kind)


def _named(field: str) -> dict[str, str]:
    return {"queue" if field[0] == "q" else "task": field[2:]}


def _is_forgotten(event: events.Event) -> bool:
    return "forgotten" in {getattr(event.data, "final_reason", None), getattr(event.data, "reason", None)}


@pytest.mark.timeout(600)
def test_scripts_do_what_the_model_does(redis_url: str, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAUSES_S", (0.0,))
    machine = type("Machine", (EngineMachine,), {"url": redis_url})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
