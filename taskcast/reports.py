"""What running jobs tell: a buffer per attempt, which the `Reporter` of the worker empties.

Telling never blocks and never raises. A buffer that is full drops new log lines, and a line in their place says how
many there were.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from taskcast.engine.jobs import ItemKind
from taskcast.events import Logged, Progressed
from taskcast.values import LINE_BYTES, STACK_TRACE_BYTES, cut, cut_middle, cut_text, encode, encode_plain, text_of

if TYPE_CHECKING:
    from taskcast.reporter import Reporter

logger = logging.getLogger("taskcast.reports")

FLUSH_AT_EVENTS = 100
PROGRESS_EVERY_S = 0.1
PROGRESS_SLACK_S = 0.08
"""How much too early a progress may be sent, as a GCRA has it: one that is told every tenth of a second is not held up."""
LINES_PER_JOB = 1000
BYTES_PER_JOB = 1024 * 1024
ITEMS_PER_JOB = 200

LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})
_LEVEL_NAMES = {"WARN": "WARNING", "CRITICAL": "ERROR", "FATAL": "ERROR", "EXCEPTION": "ERROR"}

Item = tuple[ItemKind, bytes]
_Progress = tuple[Any, Any, Any, Any, Any, Any, int]


class LogLine(NamedTuple):
    """A line as it was written, cut to its sizes; `fields` is JSON text, `at_ms` when."""

    level: str
    text: str
    fields: bytes | None
    trace: str | None
    at_ms: int

    @classmethod
    def of(cls, message: object, level: str, context: dict[str, Any] | None, stack_trace: str | None) -> LogLine:
        """Convert now, because the objects may change before the line is sent."""
        return cls(
            level,
            cut_text(message if type(message) is str else text_of(message), LINE_BYTES),
            None if context is None else cut(encode(context), LINE_BYTES),
            None if stack_trace is None else cut_middle(stack_trace, STACK_TRACE_BYTES),
            int(time.time() * 1000),
        )

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return len(self.text) + len(self.fields or b"") + len(self.trace or "")


class JobReports:
    """What one attempt has told and the server has not confirmed; filled by any thread, emptied by the loop's."""

    __slots__ = (
        "_bytes", "_dirty", "_dropped", "_lines", "_next_line", "_outbox", "_progress", "_progress_due", "_reporter",
        "_timer", "_unwritten", "attempt", "closed", "job",
    )  # fmt: skip

    def __init__(self, reporter: Reporter, job: str, attempt: int) -> None:
        self.job, self.attempt, self.closed = job, attempt, False
        self._reporter = reporter
        self._lines: deque[LogLine] | None = None
        self._progress: _Progress | None = None
        self._outbox: list[Item] | None = None
        self._next_line = 1
        self._bytes = 0
        self._dropped = 0
        self._unwritten = 0
        self._dirty = False
        self._progress_due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def progress(  # noqa: PLR0917 - a hot path, called by JobContext alone
        self, percentage: object, step: object, completed: object, total: object, message: object, eta_s: object
    ) -> None:
        """Remember the latest progress; encoded when it is sent."""
        self.keep_progress((percentage, step, completed, total, message, eta_s), int(time.time() * 1000))

    def keep_progress(self, values: tuple[Any, Any, Any, Any, Any, Any], at_ms: int) -> None:
        """Remember a progress that was told at `at_ms`."""
        if self.closed:
            return
        self._progress = (*values, at_ms)
        if not self._dirty:
            self._reporter.mark(self)

    def log(
        self, message: object, level: str, context: dict[str, Any] | None = None, stack_trace: str | None = None
    ) -> None:
        """Remember a log line; it gets its number when it is sent."""
        if self.closed:
            return
        if self.is_full:
            self.drop(1)
            return
        try:
            line = LogLine.of(message, level, context, stack_trace)
        except Exception:
            logger.exception("a log line could not be kept", extra={"job_id": self.job})
            return
        self.keep(line)

    @property
    def is_full(self) -> bool:
        """Whether the next line would be dropped."""
        lines = self._lines
        return lines is not None and (len(lines) >= LINES_PER_JOB or self._bytes >= BYTES_PER_JOB)

    def drop(self, count: int) -> None:
        """Note that lines were dropped here."""
        self._dropped += count

    def keep(self, line: LogLine) -> None:
        """Remember a line that is converted already."""
        if self.closed:
            return
        if self._lines is None:
            self._lines = deque()
        self._bytes += line.size_bytes
        self._lines.append(line)
        self._reporter.count += 1
        if not self._dirty or self._reporter.count >= FLUSH_AT_EVENTS:
            self._reporter.mark(self)

    def gather(self, now: float, *, last: bool = False) -> bool:
        """Number and encode what was told since; return whether anything is to be sent now."""
        self._dirty = False
        outbox = self._outbox
        if last or outbox is None or len(outbox) < ITEMS_PER_JOB:  # else the server is behind, or away
            if self._lines:
                outbox = self._outbox = outbox if outbox is not None else []
                while self._lines:
                    outbox.append(("logged", self._encoded_line(self._lines.popleft())))
                self._bytes = 0
            if self._dropped:
                outbox = self._outbox = outbox if outbox is not None else []
                self._tell_dropped(outbox)
        if self._progress is not None:
            if last or now >= self._progress_due - PROGRESS_SLACK_S:
                progress, self._progress = self._progress, None
                outbox = self._outbox = outbox if outbox is not None else []
                if outbox and outbox[-1][0] == "progressed":
                    outbox.pop()
                outbox.append(("progressed", self._encoded_progress(progress)))
                self._progress_due = max(now, self._progress_due) + PROGRESS_EVERY_S
            elif self._timer is None:
                self._timer = self._reporter.later(self, self._progress_due - PROGRESS_SLACK_S)
        return bool(outbox)

    def unsent(self) -> list[Item]:
        """Return what is numbered and not confirmed, in order."""
        return self._outbox or []

    def confirm(self, count: int, *, written: bool = True) -> None:
        """Forget the first `count` items of the outbox: the server has them, or had no memory for them."""
        if not self.closed and self._outbox is not None:
            if not written:
                self._unwritten += sum(kind == "logged" for kind, _ in self._outbox[:count])
            del self._outbox[:count]
            if (self._lines or self._dropped) and not self._dirty:  # they were left for when there is room
                self._reporter.mark(self)

    def close(self) -> list[Item]:
        """Return all that was not confirmed, the last progress included, and take nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.gather(0.0, last=True)
        if self._unwritten:  # ends are written even then
            self._outbox = self._outbox if self._outbox is not None else []
            self._note(self._outbox, self._unwritten, "the memory of the queue server was nearly used up")
        self.closed = True
        return self._outbox or []

    def wake(self) -> None:
        """Look again, because a progress has become due."""
        self._timer = None
        if not self.closed:
            self._reporter.mark(self)

    def set_dirty(self) -> None:
        """Note that the reporter knows of this buffer."""
        self._dirty = True

    @property
    def is_dirty(self) -> bool:
        """Whether the reporter will look at this buffer."""
        return self._dirty

    def _tell_dropped(self, outbox: list[Item]) -> None:
        dropped, self._dropped = self._dropped, 0
        self._reporter.dropped += dropped
        self._note(outbox, dropped, "the job wrote faster than they could be sent")

    def _note(self, outbox: list[Item], dropped: int, why: str) -> None:
        note = f"{dropped} log lines were dropped here: {why}"
        context = encode_plain({"dropped": dropped})
        outbox.append(("logged", self._encoded_line(LogLine("WARNING", note, context, None, int(time.time() * 1000)))))

    def _encoded_line(self, told: LogLine) -> bytes:
        level, text, fields, trace, at = told
        redactor = self._reporter.redactor
        line = self._next_line
        self._next_line += 1
        return encode_plain(
            Logged(
                line=line,
                level=level if level in LEVELS else _level_name(level),
                message=redactor.text(text),
                context=None if fields is None else _fields(redactor.json(fields)),
                stack_trace=None if trace is None else redactor.text(trace),
                worker_at=at,
            )
        )

    def _encoded_progress(self, told: _Progress) -> bytes:
        percentage, step, completed, total, message, eta_s, at = told
        done, whole = _whole_number(completed), _whole_number(total)
        share = _number(percentage)
        if share is None and percentage is None and done is not None and whole:
            share = round(100 * done / whole, 2)
        return encode_plain(
            Progressed(
                percentage=None if share is None else min(100.0, max(0.0, share)),
                current_step=self._text(step),
                total_steps=whole,
                completed_steps=done,
                message=self._text(message),
                eta_s=_number(eta_s),
                worker_at=at,
            )
        )

    def _text(self, value: object) -> str | None:
        if value is None:
            return None
        return self._reporter.redactor.text(cut_text(value if type(value) is str else text_of(value), 1024))


def first_line(items: Sequence[Item]) -> int:
    """Return the number of the first log line, 1 if there is none."""
    return next((_line_of(data).line for kind, data in items if kind == "logged"), 1)


class _LineNumber(msgspec.Struct):
    line: int = 1


_line_of = msgspec.json.Decoder(_LineNumber).decode


def _fields(encoded: bytes) -> Any:
    return msgspec.Raw(encoded)


def _level_name(level: object) -> str:
    name = level.upper() if isinstance(level, str) else "INFO"
    name = _LEVEL_NAMES.get(name, name)
    return name if name in LEVELS else "INFO"


def _number(value: object) -> float | None:
    """Return a finite number or None; a job's wrong argument must not end the job."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 1e15 else None


def _whole_number(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
