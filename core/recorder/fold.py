"""Events into rows, purely: the last known state of each job, whatever order the events came in.

Two guards keep a row from ever being wrong. `seq`: an event that is not newer than the row changes no state. The table
of moves: a move it has no arrow for is ignored, and a job that has ended stays as it ended until an attempt of a higher
number, or a new life (a retry, the same id enqueued again), is heard of. Both are counted.

An event says what is true at its seq. So one that follows a hole is believed: a report of attempt 2 means that the job
runs, even if its start was never heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar

from core.recorder.changes import Changes, EndWord, LogLine, PauseNews, QueueNews, TaskNews, WorkerNews
from core.recorder.decoding import (
    EndData,
    Heard,
    LoggedData,
    NoteData,
    QueueData,
    RowData,
    StartedData,
    cut,
    data_of,
    instant,
    int4,
    int8,
    moment,
    raw,
    raw_object,
)
from core.recorder.row import MOVED, PROGRESSED, Row
from taskcast.events import WorkerInfo
from taskcast.states import JobState, QueuedReason, may_move

LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
STATES = frozenset(str(state) for state in JobState)
NEW_LIFE = frozenset({QueuedReason.ENQUEUED, QueuedReason.RETRY})
"""Reasons for which a job comes into its lane although it may have ended before."""


class Fold:
    """The rows of one batch, and everything else it changes."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = {row.id: row for row in rows}
        self.changes = Changes()

    def hear(self, event: Heard, message: bytes | None = None) -> None:
        """Take in one event; `message` is the job's encrypted message where the event came with one."""
        handler = self._handlers.get(event.type)
        if handler is None:
            if not event.type.startswith(("schedule.", "operation.", "alert.")):
                self.changes.counted["unknown"] += 1
            return
        known = self.rows.get(event.job) if event.job else None
        if known is not None and known.gone and event.seq <= known.seq:
            self.changes.counted["late"] += 1  # older than the deletion of its job
            return
        handler(self, event, message)

    # Moves

    def _accepted(self, event: Heard, message: bytes | None) -> None:
        data = self._data(event, RowData)
        state = event.state if event.state in STATES else event.type.removeprefix("job.")
        row = self._row(event)
        late = row is not None and event.seq <= row.seq
        if row is not None and late and not row.bare:
            self.changes.counted["late"] += 1
            return
        if row is None:
            row = self._new_row(event, instant(data.created_at))
            self._define(row, event, data)
        elif late:
            self._define(row, event, data)
            row.created_at = instant(data.created_at) or row.created_at
            row.touch = MOVED
        elif not self._may_accept(row, event, state, data.reason):
            return
        else:
            self._leave_attempt(row, event, data.reason)
            if data.reason in NEW_LIFE:
                self._reopen(row, event, data)
            if data.reason in NEW_LIFE or row.bare:
                self._define(row, event, data)
        if message is not None:
            row.message = message
        if late:
            return
        row.status, row.attempts = state, event.attempt
        row.queued_at = event.at if state == JobState.QUEUED else row.queued_at
        row.run_at = instant(data.run_at) or (row.run_at if data.reason == "due" else None)
        row.started_at = row.processed_by = row.waited_ms = row.duration_ms = None
        row.move_on()
        row.set_progress(None)
        self._touch(row, event)
        queue = self._saw_queue(row.queue_name, event.at)
        if data.observed:
            queue.observed_at = event.at
        else:
            queue.own_at = event.at

    def _started(self, event: Heard, _message: bytes | None) -> None:
        data = self._data(event, StartedData)
        row, _was = self._moving(event, JobState.RUNNING)
        if row is None:
            return
        row.attempts, row.started_at = event.attempt, event.at
        row.processed_by, row.waited_ms = cut(data.worker, 255), int8(data.waited_ms)
        row.duration_ms = None
        row.move_on()
        row.set_progress(None)
        attempt = self.changes.begin(row.id, event.attempt)
        attempt.worker, attempt.host, attempt.pid = row.processed_by, cut(data.host, 255), int4(data.pid)
        attempt.waited_ms, attempt.started_at = row.waited_ms, event.at

    def _ended(self, event: Heard, _message: bytes | None) -> None:
        data = self._data(event, EndData)
        state = JobState(event.type.removeprefix("job."))
        row, was = self._moving(event, state)
        if row is None:
            return
        began = (event.was or was) == JobState.RUNNING
        row.attempts = event.attempt
        row.move_on()
        duration = int8(data.duration_ms)
        if duration is None and began and row.started_at:
            duration = max(int((event.at - row.started_at).total_seconds() * 1000), 0)
        row.duration_ms = duration
        error, stack_trace = raw_object(data.error), data.stack_trace
        word: EndWord = "retried"
        reason = cut(data.final_reason, 32)
        if state is JobState.COMPLETED:
            word, row.completed_at = "completed", event.at
            row.set_result(raw(data.result))
            row.set_error(None, None)
        elif state is JobState.FAILED:
            word, row.failed_at, row.final_reason = "failed", event.at, reason or "error"
            row.errors += began and row.final_reason in {"error", "timeout"}
            row.set_error(error, stack_trace)
        elif state is JobState.CANCELLED:
            word, row.cancelled_at, reason = "cancelled", event.at, cut(data.reason, 32)
            row.cancelled_by = cut(data.by, 255) or row.cancelled_by
            row.cancel_reason = data.reason or row.cancel_reason
        else:
            # A job handed back unbegun has used up no try, and says so with the number it had.
            row.errors = row.errors + 1 if data.errors is None else int4(data.errors) or 0
            row.run_at = instant(data.run_at)
            row.set_error(error, stack_trace)
        self.changes.end(event.at, row.type, row.queue_name, word, duration)
        if not began:
            return
        attempt = self.changes.attempt(row.id, event.attempt)
        attempt.state, attempt.ended_at, attempt.duration_ms = str(state), event.at, duration
        attempt.reason, attempt.error, attempt.stack_trace = reason, error, stack_trace

    # What happens beside the moves

    def _progressed(self, event: Heard, _message: bytes | None) -> None:
        row = self._running(event)
        if row is None:
            return
        progress = raw_object(event.data)
        if progress is None:
            self.changes.counted["damaged"] += 1
            return
        row.set_progress(progress)
        self._touch(row, event, PROGRESSED)

    def _logged(self, event: Heard, _message: bytes | None) -> None:
        data = self._data(event, LoggedData)
        row = self._row(event)
        if row is None or (event.seq > row.seq and (row.status != JobState.RUNNING or row.attempts != event.attempt)):
            self._running(event)
        level = data.level.upper()
        line = LogLine(
            str(event.job),
            event.attempt,
            int4(data.line) or 0,
            level if level in LEVELS else "INFO",
            data.message,
            raw_object(data.context),
            data.stack_trace,
            event.at if data.worker_at is None else moment(int8(data.worker_at) or 0),
        )
        self.changes.logs[line.job_id, line.attempt, line.line] = line

    def _noted(self, event: Heard, _message: bytes | None) -> None:
        data = self._data(event, NoteData)
        row = self._running(event)
        if row is None:
            return
        kind = event.type.removeprefix("job.")
        if kind == "cancel_requested":
            row.cancel_requested_at = event.at
            row.cancelled_by, row.cancel_reason = cut(data.by, 255), data.reason
        elif kind == "cancel_seen":
            row.cancel_seen_at = event.at
        else:
            row.deliveries = int4(data.deliveries) or row.deliveries + 1
            attempt = self.changes.attempt(row.id, event.attempt)
            attempt.state, attempt.ended_at, attempt.reason = "lost", event.at, "worker_lost"
        self._touch(row, event)

    def _stuck(self, event: Heard, _message: bytes | None) -> None:
        data = self._data(event, NoteData)
        row = self._row(event)
        if row is None or event.seq <= row.seq or row.is_final:
            self.changes.counted["late"] += 1
            return
        # It says nothing of the state the job is in, so the row's seq stays: a move told meanwhile must count.
        row.stuck_at, row.stuck_reason, row.touch = event.at, cut(data.reason, 32) or "unknown", MOVED

    def _deduplicated(self, event: Heard, _message: bytes | None) -> None:
        row = self._row(event)
        if row is not None and event.seq > row.seq:
            # It says nothing of the state the job is in, so the row's seq stays.
            row.is_duplicate, row.updated_at, row.touch = True, event.at, MOVED

    def _deleted(self, event: Heard, _message: bytes | None) -> None:
        row = self._row(event)
        if row is None:
            return
        if event.seq <= row.seq or not row.is_final:
            self.changes.counted["refused"] += 1
            return
        self.changes.forget(row.id)
        row.gone = True
        self._touch(row, event)

    # Workers, tasks, queues

    def _worker(self, event: Heard, _message: bytes | None) -> None:
        info: WorkerInfo | None = self._data(event, WorkerInfo)
        if info is None or not info.worker:
            return
        before = self.changes.workers.get(info.worker)
        kind = event.type.removeprefix("worker.")
        state = "running" if kind != "stopped" else "stopped" if info.slots else "lost"  # the dead tell no slots
        news = WorkerNews(info, state, event.at)
        if kind == "started":
            news.started_at = event.at
        elif before is not None:
            news.started_at = before.started_at
        if state == "lost" and before is not None:
            news.info = before.info
        self.changes.workers[info.worker] = news
        for name, options in (info.tasks or {}).items():
            self.changes.tasks[name] = TaskNews(options if isinstance(options, dict) else {}, event.at)

    def _queue(self, event: Heard, _message: bytes | None) -> None:
        data = self._data(event, QueueData)
        if data.queue:
            self._saw_queue(data.queue[:64], event.at)
        key = f"t:{data.task[:255]}" if data.task else f"q:{data.queue[:64]}" if data.queue else None
        if key is None or event.type == "queue.drained":
            return
        paused = event.type == "queue.paused"
        self.changes.pauses[key] = (
            PauseNews(event.at, cut(data.by, 255), data.reason, instant(data.until)) if paused else None
        )

    # Helpers

    def _row(self, event: Heard) -> Row | None:
        row = self.rows.get(str(event.job))
        return None if row is None or row.gone else row

    def _data(self, event: Heard, shape: type) -> Any:
        data, sound = data_of(event, shape)
        if not sound:
            self.changes.counted["damaged"] += 1
        return data

    def _new_row(self, event: Heard, created_at: datetime | None = None) -> Row:
        """Make a row from an event's head; whatever the table held under that id belongs to an earlier life."""
        job, at, earlier = str(event.job), event.at, self.rows.get(str(event.job))
        row = Row(
            id=job,
            queue_name=(event.queue or "default")[:64],
            type=(event.task or "unknown")[:255],
            status=str(JobState.QUEUED),
            seq=event.seq,
            created_at=created_at or at,
            updated_at=at,
            user_id=cut(event.user, 255),
            attempts=event.attempt,
        )
        if earlier is not None:
            row.stored, row.before, row.purge = earlier.stored, earlier.before, True
            row.renamed = True
            for clear in (row.set_progress, row.set_result):
                clear(None)
            row.failed = True
        self.rows[job] = row
        return row

    def _define(self, row: Row, event: Heard, data: RowData) -> None:
        row.bare, row.defined = False, True
        row.data, row.timeout_s = raw(data.data), data.timeout_s
        row.deduplication_key, row.rate_limit_key = cut(data.deduplication_key, 255), cut(data.rate_limit_key, 255)
        row.limits, row.max_deliveries = raw_object(data.limits), int4(data.max_deliveries) or 3
        row.metadata = raw_object(data.metadata) or "{}"
        row.priority, row.max_attempts = (
            data.priority if data.priority in {1, 2, 3, 4} else 2,
            int4(data.max_attempts) or 1,
        )
        queue, name = (event.queue or row.queue_name)[:64], (event.task or row.type)[:255]
        row.renamed = row.renamed or (queue, name) != (row.queue_name, row.type)
        row.queue_name, row.type, row.user_id = queue, name, cut(event.user, 255)

    def _may_accept(self, row: Row, event: Heard, state: str, reason: str) -> bool:
        """Tell whether a job that has a row may come into its lane again."""
        again = reason == "reconciled" and event.was == state  # sent again, because the queue server forgot it
        if event.was in STATES and not again and not may_move(JobState(event.was), JobState(state)):
            return self._refuse()
        if not row.is_final or event.attempt > row.attempts or event.was is None:
            return True
        return True if reason in NEW_LIFE else self._refuse()

    def _reopen(self, row: Row, event: Heard, data: RowData) -> None:
        """Clear how a job ended; a retry keeps its history, the same id enqueued anew does not."""
        if data.reason != "retry" and event.was is None:
            self.changes.forget(row.id)
            row.purge = True
            row.created_at = instant(data.created_at) or event.at
        row.errors = row.deliveries = 0
        row.completed_at = row.failed_at = row.cancelled_at = row.final_reason = row.run_at = None
        row.cancelled_by = row.cancel_reason = row.cancel_requested_at = row.cancel_seen_at = None
        row.is_duplicate = False
        row.set_result(None)
        row.set_error(None, None)

    def _leave_attempt(self, row: Row, event: Heard, reason: str) -> None:
        """End the attempt that a release, a reclaim or a reconciliation breaks off."""
        if row.status != JobState.RUNNING:
            return
        attempt = self.changes.attempt(row.id, row.attempts)
        attempt.state = "lost" if attempt.state == "lost" or reason == "reclaimed" else "released"
        attempt.ended_at, attempt.reason = event.at, attempt.reason or cut(reason, 32)
        if row.started_at:
            attempt.duration_ms = max(int((event.at - row.started_at).total_seconds() * 1000), 0)

    def _moving(self, event: Heard, state: JobState) -> tuple[Row | None, str | None]:
        """Return the row that this move changes, with its new state, and the state it leaves; no row if it does not count."""
        if event.was in STATES and not may_move(JobState(event.was), state):
            self._refuse()
            return None, None
        row, was = self._row(event), None
        if row is None:
            row = self._new_row(event)
        elif event.seq <= row.seq:
            self.changes.counted["late"] += 1
            return None, None
        elif row.is_final and event.attempt <= row.attempts:
            self._refuse()
            return None, None
        else:
            was = row.status
            if row.is_final:
                self._missed_retry(row)
        row.status = str(state)
        self._touch(row, event)
        return row, was

    def _running(self, event: Heard) -> Row | None:
        """Return the row of a job that runs, as this event shows; None if the event does not count."""
        row = self._row(event)
        if row is not None and (event.seq <= row.seq or (row.is_final and event.attempt <= row.attempts)):
            self.changes.counted["late"] += 1
            return None
        if row is None or row.status != JobState.RUNNING or row.attempts != event.attempt:
            row = row or self._new_row(event)
            if row.is_final:
                self._missed_retry(row)
            row.status, row.attempts = str(JobState.RUNNING), event.attempt
            row.started_at = row.started_at or event.at
            self._touch(row, event)
            self.changes.counted["inferred"] += 1
        return row

    def _missed_retry(self, row: Row) -> None:
        """Reopen a job whose retry was not heard of: an attempt of a higher number proves it."""
        row.completed_at = row.failed_at = row.cancelled_at = row.final_reason = row.started_at = None
        row.cancelled_by = row.cancel_reason = row.cancel_requested_at = row.cancel_seen_at = None
        row.set_result(None)
        row.set_error(None, None)

    def _touch(self, row: Row, event: Heard, kind: int = MOVED) -> None:
        row.seq, row.updated_at = max(row.seq, event.seq), event.at
        row.touch = max(row.touch, kind)

    def _saw_queue(self, name: str, at: datetime) -> QueueNews:
        return self.changes.queues.setdefault(name, QueueNews(at))

    def _refuse(self) -> bool:
        self.changes.counted["refused"] += 1
        return False

    _handlers: ClassVar[dict[str, Callable[[Fold, Heard, bytes | None], None]]] = {
        "job.scheduled": _accepted,
        "job.queued": _accepted,
        "job.started": _started,
        "job.progressed": _progressed,
        "job.logged": _logged,
        "job.completed": _ended,
        "job.failed": _ended,
        "job.retrying": _ended,
        "job.cancelled": _ended,
        "job.cancel_requested": _noted,
        "job.cancel_seen": _noted,
        "job.lost": _noted,
        "job.stuck": _stuck,
        "job.deduplicated": _deduplicated,
        "job.deleted": _deleted,
        "worker.started": _worker,
        "worker.beat": _worker,
        "worker.stopped": _worker,
        "queue.paused": _queue,
        "queue.resumed": _queue,
        "queue.drained": _queue,
    }
