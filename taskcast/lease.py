"""Keeps a worker's lease from a thread of its own, and watches the event loop from there.

A blocked loop must not cost the worker its jobs; a loop that stays blocked must. A lease that could not be renewed
stops nothing by itself: the next renewal tells what was given to others meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence

from taskcast.engine.jobs import Held, Renewed
from taskcast.engine.lease import beat, connect_sync, renew
from taskcast.errors import TaskcastError
from taskcast.names import Names

logger = logging.getLogger("taskcast.lease")

EXIT_CODE = 70
"""With which a worker whose event loop is blocked for good ends; from sysexits.h, EX_SOFTWARE."""
OVERDUE_S = 30.0
WATCH_EVERY_S = 1.0
ASLEEP_S = 0.5
"""A thread that wakes so much too late was asleep with its whole process, which says nothing of the event loop."""


class LeaseThread:
    """Renews every third of the lease, and at once when asked.

    Args:
        url: the queue server.
        names: the installation's keys.
        worker: whose lease it is.
        lease_s: how long it lasts without a renewal.
        claims: returns the highest take that is over and the attempts held; called in this thread.
        on_renewed: called in the event loop with each answer.
        info: returns what a worker says of itself while its loop is blocked, given for how long; called in this thread.
        overdue: returns the ids of jobs whose time was up more than 30 s ago; asked in this thread when the loop is blocked.
        loop_blocked_s: after how many seconds a blocked loop is logged.
        loop_kill_s: after how many it ends the process.
    """

    def __init__(
        self,
        *,
        url: str,
        names: Names,
        worker: str,
        lease_s: float,
        claims: Callable[[], tuple[int, Sequence[Held]]],
        on_renewed: Callable[[Renewed], None],
        info: Callable[[float], bytes],
        overdue: Callable[[], Sequence[str]],
        loop_blocked_s: float = 60.0,
        loop_kill_s: float = 600.0,
    ) -> None:
        self.loop_seen_at = time.monotonic()
        self.renewed_at = time.monotonic()
        self._url, self._names, self._worker = url, names, worker
        self._lease_s = lease_s
        self._claims, self._on_renewed, self._info, self._overdue = claims, on_renewed, info, overdue
        self._blocked_s, self._kill_s = loop_blocked_s, loop_kill_s
        self._wake = threading.Event()
        self._stopping = False
        self._told_blocked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._loop_thread = 0

    def start(self) -> None:
        """Begin; the lease itself was begun by `Engine.register`."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self.loop_seen_at = self.renewed_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="taskcast-lease", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the thread; the lease is left to `Engine.unregister`."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 10.0)
            self._thread = None

    def renew_now(self) -> None:
        """Renew at once, because an answer is wanted."""
        self._wake.set()

    def loop_is_alive(self) -> None:
        """Note that the event loop turns; the receiver calls it four times a second."""
        self.loop_seen_at = time.monotonic()
        if self._told_blocked:
            self._told_blocked = False
            logger.warning("the event loop of worker %s turns again", self._worker)

    def _run(self) -> None:
        client = connect_sync(self._url, self._names, socket_timeout=max(1.0, self._lease_s / 5))
        next_at = time.monotonic() + self._lease_s / 3
        failed = False
        while not self._is_stopping():
            self._wait(max(0.01, min(WATCH_EVERY_S, next_at - time.monotonic())))
            if self._is_stopping():
                break
            try:
                self._watch_loop()
            except Exception:
                logger.exception("the event loop could not be watched")
            if time.monotonic() < next_at and not self._wake.is_set():
                continue
            self._wake.clear()
            next_at = time.monotonic() + self._lease_s / 3
            try:
                known, held = self._claims()
                if self._told_blocked:
                    beat(client, self._names, self._worker, self._info(self._blocked_for_s()))
                answer = renew(
                    client, self._names, self._worker, lease_ms=int(self._lease_s * 1000), known=known, held=held
                )
            except (TaskcastError, OSError) as error:
                if not failed:
                    logger.warning("the lease could not be renewed, the jobs go on: %s", error)
                failed = True
                next_at = time.monotonic() + min(1.0, self._lease_s / 10)
                continue
            except Exception:
                logger.exception("the lease could not be renewed, the jobs go on")
                next_at = time.monotonic() + min(1.0, self._lease_s / 10)
                continue
            if failed:
                logger.info("the lease is renewed again")
            failed = False
            self.renewed_at = time.monotonic()
            self._tell(answer)
        client.close()

    def _wait(self, seconds: float) -> None:
        """Wait to be woken; a wait in which the process was stopped does not count against its loop."""
        began = time.monotonic()
        self._wake.wait(seconds)
        waited_s = time.monotonic() - began
        if waited_s - seconds > ASLEEP_S:  # who knows since when
            self.loop_seen_at = min(self.loop_seen_at + waited_s, time.monotonic())

    def _is_stopping(self) -> bool:
        return self._stopping

    def _tell(self, answer: Renewed) -> None:
        if self._loop is None or (answer.lease_held and not answer.lost and not answer.cancels):
            return
        try:
            self._loop.call_soon_threadsafe(self._on_renewed, answer)
        except RuntimeError:  # the loop is closed
            self._stopping = True

    def _watch_loop(self) -> None:
        blocked_s = self._blocked_for_s()
        if blocked_s < min(self._blocked_s, self._kill_s, OVERDUE_S):
            return
        if blocked_s >= self._blocked_s and not self._told_blocked:
            self._told_blocked = True
            logger.error(
                "the event loop is blocked for %.0f s; a sync call in an async function does that:\n%s",
                blocked_s,
                self._where(),
            )
        overdue = self._overdue()
        if overdue or blocked_s >= self._kill_s:
            why = f"jobs {', '.join(overdue[:5])} are overdue" if overdue else f"it was blocked for {blocked_s:.0f} s"
            logger.critical("the process ends because its event loop is blocked and %s:\n%s", why, self._where())
            for handler in logging.getLogger().handlers:
                handler.flush()
            os._exit(EXIT_CODE)

    def _blocked_for_s(self) -> float:
        return time.monotonic() - self.loop_seen_at

    def _where(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        return "".join(traceback.format_stack(frame)) if frame is not None else ""
