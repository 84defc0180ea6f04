"""Events as the engine tells them, made by hand, and what they truly came to."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from taskcast.feed import Batch
from taskcast.states import FINAL, JobState

BEGINNING = 1_795_000_000_000_000
Q, S, R, T = JobState.QUEUED, JobState.SCHEDULED, JobState.RUNNING, JobState.RETRYING


@dataclass(frozen=True)
class Told:
    """One event: its seq, its line, and the job's truth after it."""

    seq: int
    line: bytes
    job: str | None
    state: str | None = None
    attempt: int = 0


class History:
    """Tells one event after another, and remembers each job's state and attempt."""

    def __init__(self, seq: int = BEGINNING) -> None:
        self.seq = seq
        self.told: list[Told] = []
        self.states: dict[str, JobState] = {}
        self.attempts: dict[str, int] = {}
        self.lines: dict[tuple[str, int], int] = {}

    def tell(
        self,
        kind: str,
        job: str | None,
        data: Any,
        *,
        was: str | None = None,
        state: str | None = None,
        attempt: int = 0,
    ) -> Told:
        self.seq += 1000
        head = (
            {} if job is None else {"job": job, "task": "TASK", "queue": "default", "user": "ada", "attempt": attempt}
        )
        event = {"type": kind, "seq": self.seq, "at": self.seq // 1000, **head}
        event |= {"was": was, "state": state} if state else {}
        line = json.dumps(event | {"data": data}, separators=(",", ":")).encode()
        told = Told(self.seq, line, job, str(self.states.get(job or "", "")) or None, attempt)
        self.told.append(told)
        return told

    def move(self, job: str, state: JobState, data: Any, *, attempt: int | None = None) -> Told:
        was = self.states.get(job)
        self.attempts[job] = self.attempts.get(job, 0) if attempt is None else attempt
        self.states[job] = state
        kind = "job.started" if state is R else f"job.{state}"
        return self.tell(kind, job, data, was=was, state=state, attempt=self.attempts[job])

    def row(self, reason: str = "enqueued", **changes: Any) -> dict[str, Any]:
        row = {"priority": 2, "data": {"file": "june.csv"}, "created_at": "2026-11-24T00:00:00.000Z", "reason": reason}
        row |= {"by": None, "run_at": None, "max_attempts": 3, "timeout_s": 60.0, "deduplication_key": None}
        return row | {"rate_limit_key": None, "metadata": {}} | changes

    def queued(self, job: str = "j", reason: str = "enqueued", attempt: int | None = None, **row: Any) -> Told:
        return self.move(job, Q, self.row(reason, **row), attempt=attempt)

    def scheduled(self, job: str = "j", reason: str = "enqueued", **row: Any) -> Told:
        return self.move(job, S, self.row(reason, run_at="2026-12-01T00:00:00.000Z", **row))

    def started(self, job: str = "j", worker: str = "w1") -> Told:
        data = {"worker": worker, "host": "here", "pid": 7, "waited_ms": 12}
        return self.move(job, R, data, attempt=self.attempts.get(job, 0) + 1)

    def progressed(self, job: str = "j", percentage: float = 50, **data: Any) -> Told:
        data = {"percentage": percentage, "current_step": "reading", "message": None} | data
        return self.tell("job.progressed", job, data, attempt=self.attempts[job])

    def logged(self, job: str = "j", message: str = "a line", **data: Any) -> Told:
        attempt = self.attempts[job]
        line = self.lines[job, attempt] = self.lines.get((job, attempt), 0) + 1
        data = {"line": line, "level": "INFO", "message": message, "worker_at": self.seq // 1000} | data
        return self.tell("job.logged", job, data, attempt=attempt)

    def completed(self, job: str = "j", result: Any = 42, duration_ms: int = 100) -> Told:
        return self.move(job, JobState.COMPLETED, {"duration_ms": duration_ms, "result": result})

    def failed(self, job: str = "j", message: str = "broken", final_reason: str = "error") -> Told:
        data = {"error": {"type": "ValueError", "message": message}, "stack_trace": "Traceback", "duration_ms": 100}
        return self.move(job, JobState.FAILED, data | {"final_reason": final_reason})

    def retrying(self, job: str = "j", errors: int = 1) -> Told:
        data = {"error": {"type": "OSError", "message": "away"}, "stack_trace": "Traceback", "duration_ms": 5}
        return self.move(job, T, data | {"run_at": "2026-12-01T00:00:00.000Z", "errors": errors, "max_attempts": 3})

    def cancelled(self, job: str = "j", by: str | None = "ada") -> Told:
        return self.move(job, JobState.CANCELLED, {"by": by, "reason": "not needed"})

    def note(self, kind: str, job: str = "j", **data: Any) -> Told:
        return self.tell(f"job.{kind}", job, data, attempt=self.attempts.get(job, 0))

    def live(self, steps: int, jobs: int, chance: random.Random) -> None:
        """Let some jobs live at random, in moves that the engine allows."""
        for _ in range(steps):
            self.step(f"job-{chance.randrange(jobs)}", chance)

    def step(self, job: str, chance: random.Random) -> None:
        state = self.states.get(job)
        if state is None:
            chance.choice((self.queued, self.queued, self.scheduled))(job)
        elif state is S:
            chance.choice((lambda: self.queued(job, "due"), lambda: self.cancelled(job)))()
        elif state is Q:
            chance.choice(
                (*[lambda: self.started(job)] * 6, lambda: self.cancelled(job), lambda: self.note("deduplicated", job))
            )()
        elif state is T:
            chance.choice((lambda: self.queued(job, "due"), lambda: self.cancelled(job)))()
        elif state is R:
            attempt = self.attempts[job]
            chance.choice(
                (
                    *[lambda: self.progressed(job)] * 3,
                    *[lambda: self.logged(job)] * 3,
                    lambda: self.completed(job),
                    lambda: self.failed(job),
                    lambda: self.cancelled(job),
                    lambda: self.retrying(job, errors=attempt),
                    lambda: self.queued(job, "released"),
                    lambda: self.queued(job, "released", attempt=attempt - 1),
                    lambda: self.note("cancel_requested", job, by="ada", reason="slow"),
                    lambda: self.note("cancel_seen", job, worker="w1"),
                    lambda: (self.note("lost", job, worker="w1", deliveries=1), self.queued(job, "reclaimed")),
                )
            )()
        elif chance.random() < 0.3:
            chance.choice((self.queued, self.scheduled))(job, "retry")

    def batch(self, told: list[Told] | None = None, prev: int = 0, messages: dict[str, bytes] | None = None) -> Batch:
        told = self.told if told is None else told
        return Batch(prev, told[-1].seq, [one.line for one in told], messages or {}, from_stream=True)

    def batches(self, size: int, prev: int = 0) -> list[Batch]:
        found = []
        for start in range(0, len(self.told), size):
            part = self.told[start : start + size]
            found.append(self.batch(part, prev))
            prev = part[-1].seq
        return found

    @property
    def truth(self) -> dict[str, tuple[str, int]]:
        """Return each job's state and attempt now."""
        return {job: (str(state), self.attempts[job]) for job, state in self.states.items()}

    @property
    def moments(self) -> dict[tuple[str, int], tuple[str, int]]:
        """Return each job's state and attempt after each of its events."""
        return {(one.job, one.seq): (one.state or "", one.attempt) for one in self.told if one.job}

    @property
    def ended(self) -> int:
        return sum(state in FINAL for state in self.states.values())
