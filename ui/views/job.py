"""One job as its page and its panel show it: the row with its attempts, and its log lines."""

from __future__ import annotations

from collections import deque
from typing import Any

from taskcast import events as ev
from taskcast.client import EventMessage, Gap, GatewayError, Message, Snapshot, Subscription
from ui.job_page import empty_log, job_page
from ui.model import Row, apply_detail, millis, newer
from ui.rows import delta
from ui.upstream import Upstream
from ui.views.jobs import now_ms
from ui.views.view import View
from ui.words import explain

TAIL = 1000
KEPT_LINES = 5000
MOST_LINES = 50_000

Line = list[Any]
"""`[key, at in ms, level, attempt, message, details or None, job's type or None]`; a gap has the level GAP."""


class JobView(View):
    """The detail of one job, its log, and what of them was drawn."""

    def __init__(self, upstream: Upstream, job_id: str) -> None:
        super().__init__(upstream)
        self.job_id = job_id
        self.topic = f"job:{job_id}"
        self.row: Row | None = None
        self.lines: deque[Line] = deque(maxlen=KEPT_LINES)
        self.drawn: Row = {}
        self.is_missing = False
        self.has_earlier = False
        self._new_lines: list[Line] = []
        self._logs_reset = False
        self._is_reading = False

    @property
    def empty_log(self) -> str:
        """What to say while there are no log lines."""
        return empty_log(self.row or {}, now=now_ms()) if self.is_loaded else "The log is being loaded."

    async def subscribe(self) -> Subscription:
        """Subscribe to the job with the tail of its log."""
        live = await self.upstream.live()
        return await live.subscribe(self.topic, tail=TAIL)

    def receive(self, batch: list[Message]) -> None:
        """Take snapshots, events and gaps."""
        for message in batch:
            if isinstance(message, Snapshot):
                self._begin(message)
            elif isinstance(message, EventMessage):
                self._take(message.event)
            elif isinstance(message, Gap):
                self._add([gap_line(message)])
            else:
                continue
            self.changed()

    def failed(self) -> None:
        """Read the job from REST at least, so that there is something to see."""
        if self.row is None:
            self._read()

    def was_refused(self, error: GatewayError) -> None:
        """Say that there is no such job, or that it is not for this person."""
        self.is_missing = error.code != "forbidden"
        super().was_refused(error)

    def flush(self) -> None:
        """Send the parts of the page that changed, and the new lines."""
        page = {"missing": self.is_missing, "problem": self.error} if self.row is None else job_page(self.row)
        change = delta(self.drawn or None, page)
        self.drawn = page
        lines, self._new_lines = self._new_lines, []
        reset, self._logs_reset = self._logs_reset, False
        for element in self.elements:
            element.draw_job(change, list(self.lines) if reset else lines, reset)

    async def read_all(self) -> None:
        """Read every line of the log from REST.

        Raises:
            GatewayError: if the gateway cannot give them.
        """
        found: list[Line] = []
        async for line in self.upstream.client.all_logs(self.job_id, limit=200):
            found.append(log_line(line))
            if len(found) >= MOST_LINES:
                break
        known = {line[0] for line in found}
        found.extend(line for line in self.lines if line[0] not in known and line[2] != "GAP")
        self.lines = deque(sorted(found, key=lambda line: (line[3], line[7])), maxlen=max(KEPT_LINES, len(found)))
        self.has_earlier = False
        self._new_lines, self._logs_reset = [], True
        self.changed()

    def _begin(self, snapshot: Snapshot) -> None:
        self.row = snapshot.job
        self.is_missing = snapshot.job is None
        self.is_loaded = True
        self.lines = deque((log_line(line) for line in snapshot.logs), maxlen=KEPT_LINES)
        first = snapshot.logs[0] if snapshot.logs else {}
        self.has_earlier = len(snapshot.logs) >= TAIL or (first.get("line") or 1) > 1
        self._new_lines, self._logs_reset = [], True
        if snapshot.job is None:
            self._read()

    def _take(self, event: ev.Event) -> None:
        if isinstance(event, ev.JobLogged):
            self._add([event_line(event)])
            return
        was_partial = self.row is None
        self.row = apply_detail(self.row, event)
        self.is_missing = self.row is None
        if self.row is not None and (was_partial or is_cut(event)):
            self._read()

    def _add(self, lines: list[Line]) -> None:
        self.lines.extend(lines)
        self._new_lines.extend(lines)

    def _read(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self.spawn(self._read_row(), "reading of a job")

    async def _read_row(self) -> None:
        try:
            self.row = newer(self.row, await self.upstream.client.job(self.job_id))
            self.is_missing = False
        except GatewayError as error:
            self.is_missing = self.row is None and error.status == 404
            self.error = None if error.status == 404 else explain(error)
        finally:
            self._is_reading = False
        self.changed()


def log_line(row: Row) -> Line:
    """Return a line of REST as the viewer draws it."""
    return _line(row.get("attempt") or 0, row.get("line") or 0, millis(row.get("at")), row.get("level"),
                 row.get("message"), row.get("context"), row.get("stack_trace"))  # fmt: skip


def event_line(event: ev.JobLogged) -> Line:
    """Return a line of an event as the viewer draws it."""
    data = event.data
    at = data.worker_at or event.at
    return _line(event.attempt, data.line, at, data.level, data.message, data.context, data.stack_trace)


def is_cut(event: ev.Event) -> bool:
    """Tell whether the event brings less than the job's row has: the live way cuts what is over 64 KiB."""
    if isinstance(event, ev.JobCompleted):
        return isinstance(event.data.result, dict) and "$cut" in event.data.result
    trace = event.data.stack_trace if isinstance(event, ev.JobFailed | ev.JobRetrying) else None
    return trace is not None and "... [cut from " in trace


def gap_line(gap: Gap) -> Line:
    """Return the line that says which lines are missing."""
    count = gap.to_line - gap.from_line + 1
    text = f"{count} line{'s' * (count != 1)} not shown here ({gap.from_line} to {gap.to_line}); load the whole log to see them"
    return [f"{gap.attempt}:{gap.from_line}g", None, "GAP", gap.attempt, text, None, None, gap.from_line]


def _line(  # noqa: PLR0917  # the fields of a line, in their order
    attempt: int, number: int, at: int | None, level: Any, message: Any, context: Any, trace: Any
) -> Line:
    text = "" if message is None else str(message)
    lines = text.split("\n")
    details = []
    if len(lines) > 1:
        details.append(text)
    if context:
        details.append("\n".join(f"{key}={value!r}" for key, value in context.items()))
    if trace:
        details.append(str(trace))
    shown = lines[0] + (f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else "")
    word = str(level or "INFO").upper()
    return [f"{attempt}:{number}", at, word, attempt, shown, "\n\n".join(details) or None, None, number]
