"""Sends what the child's jobs tell to the worker: at once while the pipe has room, from a thread when it is full."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from taskcast.children.wire import Dropped, Line, Raised, Returned, Secrets, Told, frame
from taskcast.reports import LogLine
from taskcast.values import text_of

logger = logging.getLogger("taskcast.reports")

LINES = 5000
LINES_BYTES = 4 * 1024 * 1024
PROGRESS_EVERY_S = 0.05

_PLAIN = frozenset({type(None), bool, float, str})


class Telling:
    """Where one job tells its progress and lines, until its end."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._closed = False

    def progress(  # noqa: PLR0917 - called by JobContext alone
        self, percentage: object, step: object, completed: object, total: object, message: object, eta_s: object
    ) -> None:
        """Remember the latest progress."""
        if not self._closed:
            values = (percentage, step, completed, total, message, eta_s)
            told = Told(tuple(map(_plain, values)), int(time.time() * 1000))  # type: ignore[arg-type]
            self._teller.keep_progress(told)

    def log(
        self, message: object, level: str, context: dict[str, Any] | None = None, stack_trace: str | None = None
    ) -> None:
        """Remember a log line, or that there was one."""
        if self._closed:
            return
        if self._teller.is_full:
            self._teller.drop()
            return
        try:
            line = LogLine.of(message, level, context, stack_trace)
        except Exception:
            logger.exception("a log line could not be kept")
            return
        self._teller.keep(line)

    def close(self) -> list[Any]:
        """Take nothing more; what was told goes before the end of the job."""
        self._closed = True
        return []


class Teller:
    """What one child tells, of one job after another; the worker numbers, redacts and publishes it.

    At most 5,000 lines or 4 MiB wait for the pipe; what comes above is dropped, and counted in its place.
    """

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._lines: deque[LogLine] = deque()
        self._bytes = 0
        self._dropped = 0
        self._secrets: list[str] = []
        self._progress: Told | None = None
        self._progress_at = 0.0
        self._rest = b""
        self._told = threading.Event()
        self._sending = threading.Lock()
        self._telling: Telling | None = None

    def start(self) -> None:
        """Begin to send."""
        os.register_at_fork(after_in_child=self._be_quiet)
        threading.Thread(target=self._loop, name="taskcast-teller", daemon=True).start()

    def open(self) -> Telling:
        """Return where the next job tells; what the one before still tells is nobody's."""
        self._telling = Telling(self)
        return self._telling

    def keep(self, line: LogLine) -> None:
        """Remember a log line."""
        self._bytes += line.size_bytes
        self._lines.append(line)
        self._send_what_fits()

    def drop(self) -> None:
        """Note that a log line was dropped here."""
        self._dropped += 1

    @property
    def is_full(self) -> bool:
        """Whether the next line must be dropped."""
        return len(self._lines) >= LINES or self._bytes >= LINES_BYTES

    def keep_progress(self, progress: Told) -> None:
        """Remember the latest progress."""
        self._progress = progress
        if time.monotonic() >= self._progress_at:
            self._send_what_fits()
        else:
            self._told.set()

    def secrets(self, values: Sequence[str]) -> None:
        """Tell the worker's redactor of values that the job has registered."""
        self._secrets += values
        self._told.set()

    def send(self, body: msgspec.Struct) -> None:
        """Send a frame at once."""
        with self._sending:
            self._link.sendall(frame(body))

    def end(self, outcome: Returned | Raised) -> None:
        """Send all that the job has told, and how it ended."""
        if self._telling is not None:
            self._telling.close()
        with self._sending:
            rest, self._rest = self._rest, b""
            self._link.sendall(rest + self._gathered(last=True) + frame(outcome))

    def _be_quiet(self) -> None:
        """Tell nothing in a process that the job forks: two must not write into one pipe."""
        if self._telling is not None:
            self._telling.close()

    def _send_what_fits(self) -> None:
        """Send at once what the pipe takes, so that a crash in the next moment leaves it; the thread sends the rest."""
        if self._rest or not self._sending.acquire(blocking=False):
            self._told.set()
            return
        try:
            data = self._rest = self._gathered()
            self._rest = data[self._link.send(data, socket.MSG_DONTWAIT) :] if data else b""
        except OSError:  # the pipe is full, or the worker has gone and the other thread ends the process
            pass
        finally:
            self._sending.release()
        if self._rest:
            self._told.set()

    def _loop(self) -> None:
        while True:
            self._told.wait()
            self._told.clear()
            with self._sending:
                data, self._rest = self._rest + self._gathered(), b""
                try:
                    self._link.sendall(data)
                except OSError:  # the worker has gone; the other thread ends the process
                    return
            if self._progress is not None:
                time.sleep(PROGRESS_EVERY_S)
                self._told.set()

    def _gathered(self, *, last: bool = False) -> bytes:
        parts = []
        if self._secrets:
            secrets, self._secrets = self._secrets, []
            parts.append(frame(Secrets(secrets)))
        for _ in range(len(self._lines)):
            line = self._lines.popleft()
            self._bytes -= line.size_bytes
            parts.append(frame(Line(line.level, line.text, line.fields, line.trace, line.at_ms)))
        if not self._lines:
            self._bytes = 0  # two threads count, so it may have drifted
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            parts.append(frame(Dropped(dropped)))
        progress = self._progress
        if progress is not None and (last or time.monotonic() >= self._progress_at):
            self._progress = None
            self._progress_at = time.monotonic() + PROGRESS_EVERY_S
            parts.append(frame(progress))
        return b"".join(parts)


def _plain(value: object) -> object:
    """Return a value as MessagePack knows it; others as their text, which the worker reads as it does in the loop."""
    if type(value) in _PLAIN or (type(value) is int and abs(value) < 2**63):
        return value
    return text_of(value)
