"""What the engine should do, said again in plain Python: the other side of the stateful test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Pair = tuple[str, int]
LIMIT = 1
"""Of running jobs of kind `c`, and of begins of kind `r` at once."""


@dataclass
class ModelJob:
    state: str = "queued"
    attempt: int = 0
    errors: int = 0
    deliveries: int = 0
    max_deliveries: int = 2
    key: str | None = None
    priority: int = 2
    kind: str = ""  # of letters: c concurrency, r rate, t the task that is paused now and then
    due: bool = False
    owner: str | None = None
    take: int = 0
    asked: bool = False
    seen: bool = False
    line: int = 0
    ended: Pair | None = None  # (worker, attempt) of the last end that led to another attempt


@dataclass
class Model:
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    tombs: dict[str, tuple[str, int, str | None]] = field(default_factory=dict)  # state, attempt, worker that ended it
    doubles: dict[str, str] = field(default_factory=dict)  # id of a duplicate to the id that stands
    keys: dict[str, str] = field(default_factory=dict)
    leases: set[str] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    drops: list[tuple[str, int, str | None]] = field(default_factory=list)  # id, seq, state: moves without an event
    paused: dict[str, bool] = field(default_factory=dict)  # field to whether the pause is over by itself
    begun: int = 0  # under the rate, not paid off yet

    def holder(self, job: str, key: str | None) -> str | None:
        other = self.keys.get(key) if key else None
        return other if other in self.jobs and other != job else None

    def add(self, job: str, new: ModelJob) -> None:
        self.jobs[job] = new
        if new.key:
            self.keys[new.key] = job

    def enqueue(self, batch: Iterable[tuple[str, ModelJob]]) -> list[str]:
        answers, seen = [], dict[str, str]()
        for job, new in batch:
            if job in seen:
                answer = seen[job]
            elif job in self.jobs or job in self.tombs:
                answer = seen[job] = job
            elif job in self.doubles:
                answer = seen[job] = self.doubles[job]
            elif stands := self.holder(job, new.key):
                answer = seen[job] = self.doubles[job] = stands
            else:
                self.add(job, new)
                answer, seen[job] = "accepted", job
            answers.append(answer)
        return answers

    def end(self, job: str, state: str, worker: str | None) -> None:
        gone = self.jobs.pop(job)
        self.tombs[job] = (state, gone.attempt, worker)
        self.doubles.pop(job, None)
        if gone.key and self.keys.get(gone.key) == job:
            del self.keys[gone.key]

    def give_back(self, job: str, worker: str, *, begun: bool) -> None:
        record = self.jobs[job]
        if record.asked:
            self.end(job, "cancelled", worker)
        else:
            self._to_lane(record)
            record.attempt -= not begun

    def _to_lane(self, record: ModelJob) -> None:
        record.state, record.owner, record.take, record.line, record.seen = "queued", None, 0, 0, False

    def promote(self) -> int:
        ripe = [record for record in self.jobs.values() if record.due and record.state in {"scheduled", "retrying"}]
        for record in ripe:
            record.state, record.due = "queued", False
        return len(ripe)

    def owned(self, worker: str) -> dict[str, ModelJob]:
        return {job: record for job, record in self.jobs.items() if record.owner == worker}

    def owns(self, worker: str, job: str, attempt: int) -> bool:
        record = self.jobs.get(job)
        return record is not None and (record.owner, record.attempt) == (worker, attempt)

    def claims(self, worker: str, known: int, named: list[Pair] | None) -> tuple[set[Pair], set[Pair]]:
        """Give back what is not named; return what is lost and who was asked to stop."""
        if named is not None:
            for job, record in self.owned(worker).items():
                if record.take <= known and (job, record.attempt) not in named:
                    self.give_back(job, worker, begun=True)
        lost = {pair for pair in named or [] if not self.owns(worker, *pair)}
        asked = {(job, r.attempt) for job, r in self.owned(worker).items() if r.asked and not r.seen}
        return lost, asked

    def available(self) -> set[str]:
        return {job for job, record in self.jobs.items() if record.state == "queued"}

    def is_paused(self, field: str) -> bool:
        return self.paused.get(field) is False

    def concurrent(self) -> set[str]:
        return {job for job, record in self.jobs.items() if record.state == "running" and "c" in record.kind}

    def may_run(self, job: str) -> bool:
        kind = self.jobs[job].kind
        return not (
            self.is_paused("q:default")
            or ("t" in kind and self.is_paused("t:other"))
            or ("c" in kind and len(self.concurrent()) >= LIMIT)
            or ("r" in kind and self.begun >= LIMIT)
        )

    def pay_off(self) -> None:
        self.begun = max(0, self.begun - 1)

    def drain(self) -> int:
        waiting = self.available()
        for job in waiting:
            self.end(job, "cancelled", None)
        return len(waiting)

    def take(self, job: str, worker: str, number: int) -> None:
        record = self.jobs[job]
        assert self.may_run(job), job
        self.begun += "r" in record.kind
        record.state, record.owner, record.take = "running", worker, number
        record.attempt += 1
        self.numbers[worker] = number

    def finish(self, worker: str, ends: Iterable[tuple[str, int, str]]) -> list[str]:
        answers, seen = [], dict[str, int]()
        for job, attempt, state in ends:
            record = self.jobs.get(job)
            if job in seen:
                answers.append("already" if seen[job] == attempt else "refused")
            elif record and self.owns(worker, job, attempt):
                seen[job] = attempt
                answers.append("done")
                if state != "retrying":
                    self.end(job, state, worker)
                elif record.asked:
                    self.end(job, "cancelled", worker)
                else:
                    self._to_lane(record)
                    record.state, record.errors, record.ended = "retrying", record.errors + 1, (worker, attempt)
            else:
                tomb = self.tombs.get(job)
                again = (record and record.ended == (worker, attempt)) or (tomb and tomb[1:] == (attempt, worker))
                answers.append("already" if again else "refused")
        return answers

    def reclaim(self) -> int:
        count = 0
        for worker in self.workers - self.leases:
            for job, record in self.owned(worker).items():
                count += 1
                record.deliveries += 1
                if record.asked:
                    self.end(job, "cancelled", None)
                elif record.deliveries >= record.max_deliveries:
                    self.end(job, "failed", None)
                else:
                    self._to_lane(record)
            self.numbers.pop(worker, None)
        self.workers &= self.leases
        return count

    def cancel(self, job: str) -> str:
        record = self.jobs.get(job)
        if record is None:
            return "final" if job in self.tombs else "unknown"
        if record.state == "running":
            record.asked = True
            return "requested"
        self.end(job, "cancelled", None)
        return "cancelled"

    def retry(self, job: str, after: int, new: ModelJob) -> str:
        if job in self.jobs:
            return "unfinished"
        if job in self.tombs and self.tombs[job][1] != after:
            return "changed"
        if self.holder(job, new.key):
            return "duplicate"
        new.attempt = after
        self.add(job, new)
        return "accepted"
