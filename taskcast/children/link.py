"""The worker's end of one child process: gives it a job, hears what that tells, and learns how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from taskcast import context
from taskcast.children.call import ChildCall
from taskcast.children.deaths import death
from taskcast.children.kinship import kill_group
from taskcast.children.wire import (
    Began,
    FromChild,
    Leave,
    Line,
    Raised,
    Returned,
    Secrets,
    Splitter,
    Stop,
    frame,
    read_from_child,
)
from taskcast.failures import RaisedInChild

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskcast.children.pool import ChildPool

GRACE_S = 0.15
"""How long a job may clean up after it was asked to stop; then its process is killed."""
BEGIN_WITHIN_S = 120.0
CLOSES_WITHIN_S = 1.0
"""How long the template may take to kill a child and to tell of it, and a dead child's socket to close."""
LAST_WORDS_BYTES = 65536
LINES_AT_ONCE = 1000
PAUSE_S = 0.02
PAUSES = 5
"""How often a child's flood of lines waits for the reporter, before what does not fit is dropped and counted."""


class ChildLink(asyncio.Protocol):
    """One child.

    Args:
        number: which, among the pool's.
        pool: whose it is.
        last_words: the read end of the pipe into which a crashing interpreter writes where it was; closed here.

    Attributes:
        pid: its process, 0 until that is known.
        jobs: how many it has run.
        grown_bytes: by how much its memory has grown since its first job.
        idle_since: by the loop's clock.
    """

    def __init__(self, number: int, *, pool: ChildPool, last_words: int) -> None:
        self.number, self.pid = number, 0
        self.jobs, self.grown_bytes, self.idle_since = 0, 0, 0.0
        self._first_rss_bytes = 0
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._last_words = last_words
        self._transport: asyncio.Transport | None = None
        self._frames = Splitter()
        self._call: ChildCall | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pauses = 0
        self._paused = self._closed = self._gone = False
        self._asked = self._killed = self._late = self._garbled = False
        self._exited = False
        self._status: int | None = None

    def begin(self, call: ChildCall) -> None:
        """Run a job in the child."""
        self._call, call.link = call, self
        call.tries += 1
        self._after(BEGIN_WITHIN_S, self._does_not_begin)
        self._write(call.begin)

    def stop(self, why: context.Stop | None) -> None:
        """Ask the job to stop and kill the process soon; at once if there is nothing to clean up or nobody to ask."""
        if self._call is None or self._killed:
            return
        if why is None or why.kind == "lost" or not self._call.begun:
            self.kill()
        elif not self._asked:
            self._asked = True
            self._write(Stop(why.kind, why.by, why.reason))
            self._after(GRACE_S, self.kill)

    def kill(self) -> None:
        """Kill the process; its end is heard in a moment."""
        if not self._killed:
            self._killed = True
            self._pool.kill(self)
            self._after(CLOSES_WITHIN_S, self._kill_directly)

    def let_go(self) -> None:
        """Let the child end: it has no job."""
        self._killed = True
        self._write(Leave())

    def exited(self, status: int | None) -> None:
        """Take how the process ended, as `os.waitpid` says it; None if nobody knows."""
        self._exited, self._status = True, status
        self._maybe_gone()
        if not self._gone:
            # What the job has started and left behind may hold the other end open.
            self._loop.call_later(CLOSES_WITHIN_S, self.abandon)

    def abandon(self) -> None:
        """Close this end."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_ready(self) -> bool:
        """Whether its process runs and it is connected."""
        return self.pid > 0 and self._transport is not None and not self._exited

    @property
    def is_free(self) -> bool:
        """Whether it can be given a job."""
        return self._call is None and not (self._killed or self._closed or self._exited)

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Take what the child has sent."""
        self._frames.feed(data)
        if not self._paused:
            self._read()

    def connection_lost(self, _error: Exception | None) -> None:
        """Read what is left; half a frame is nothing."""
        self._closed = True
        self._read()
        self._maybe_gone()
        if not self._exited:
            self._loop.call_later(CLOSES_WITHIN_S, self._exited_unseen)

    def _read(self) -> None:
        """Hear what has come; a flood of lines is taken in parts, so that most of it waits in the child."""
        lines = 0
        while (told := self._next()) is not None:
            call = self._call
            if isinstance(told, Secrets):
                self._pool.redactor.add_values(*told.values)
            elif call is None:
                continue
            elif isinstance(told, Began):
                self._after(None)
                call.begins()
            elif isinstance(told, Returned | Raised):
                self._ended(call, told)
            else:
                call.hear(told)
                lines += isinstance(told, Line)
                if not self._closed and lines and (lines >= LINES_AT_ONCE or call.is_full):
                    self._pause()
                    return

    def _next(self) -> FromChild | None:
        """Return what the child told next; one that cannot be understood is killed."""
        try:
            body = None if self._garbled else self._frames.next()
            return None if body is None else read_from_child(body)
        except ValueError:  # msgspec.DecodeError is one
            self._garbled = True
            self.kill()
            self.abandon()
            return None

    def _pause(self) -> None:
        self._paused = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        if self._closed:
            return
        self._pauses += 1
        if self._call is not None and self._call.is_full and self._pauses % PAUSES:
            self._loop.call_later(PAUSE_S, self._resume)
            return
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._read()

    def _ended(self, call: ChildCall, outcome: Returned | Raised) -> None:
        self._call = None
        self.jobs += 1
        self._first_rss_bytes = self._first_rss_bytes or outcome.rss_bytes
        self.grown_bytes = outcome.rss_bytes - self._first_rss_bytes
        self._after(None)
        call.ends(outcome)
        if self._asked:
            self.kill()  # it was torn out of what it did
        elif not self._killed:
            self._pool.free(self)

    def _kill_directly(self) -> None:
        """Kill the process without the template, which has not done so."""
        if not self._exited and self.pid:
            kill_group(self.pid)

    def _exited_unseen(self) -> None:
        if not self._exited:
            self._kill_directly()
            self.exited(None)

    def _does_not_begin(self) -> None:
        self._late = True
        self.kill()

    def _maybe_gone(self) -> None:
        if self._gone or not (self._closed and self._exited):
            return
        self._gone = True
        self._after(None)
        last_words = self._read_last_words()
        call, self._call = self._call, None
        self._pool.gone(self)
        if call is None:
            return
        if call.job._stop is not None:
            call.cancel_now()
        elif self._late:
            call.leave(None, RaisedInChild.died(f"the job's process did not begin within {BEGIN_WITHIN_S:.0f} s"))
        elif self._garbled:
            call.leave(None, RaisedInChild.died("the job's process has written into its connection to the worker"))
        elif not call.begun and call.tries < self._pool.tries:
            call.link = None
            self._pool.put_back(call)
        else:
            call.leave(None, RaisedInChild.died(death(self._status), last_words))

    def _read_last_words(self) -> str:
        os.set_blocking(self._last_words, False)
        words = b""
        with contextlib.suppress(OSError):
            words = os.read(self._last_words, LAST_WORDS_BYTES)
        os.close(self._last_words)
        return words.decode("utf-8", "replace")

    def _write(self, body: msgspec.Struct) -> None:
        if self._transport is not None and not self._closed:
            self._transport.write(frame(body))

    def _after(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        """Do something later instead of what was to be done later; None for nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None or then is None else self._loop.call_later(seconds, then)
