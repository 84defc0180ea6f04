"""The worker's children: at most as many as slots, kept for the next job, and none left when the worker ends."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable

from taskcast.children.call import ChildCall
from taskcast.children.link import ChildLink
from taskcast.children.surroundings import Surroundings
from taskcast.children.template import command
from taskcast.children.wire import (
    Begin,
    Exited,
    Kill,
    Ready,
    Splitter,
    Start,
    Started,
    Unable,
    frame,
    read_from_template,
)
from taskcast.context import JobContext
from taskcast.failures import RaisedInChild
from taskcast.redaction import Redactor

logger = logging.getLogger("taskcast.children")

JOBS_PER_CHILD = 1000
GROWTH_BYTES = 256 * 1024 * 1024
"""After so many jobs, or so much growth of its memory since the first, a child is replaced."""
IDLE_S = 60.0
TRIES = 3
READ_BYTES = 65536
TEMPLATE_AGAIN_S = 1.0
END_WITHIN_S = 5.0
START_WITHIN_S = 120.0
"""How long the template may take to import the tasks, or to start a child; then it is replaced."""


class ChildPool:
    """Runs jobs in child processes.

    Args:
        surroundings: returns what the children must share with this process.
        redactor: learns which values jobs have registered as secret.
        most: how many children there may be.
    """

    def __init__(
        self,
        *,
        surroundings: Callable[[], Surroundings],
        redactor: Redactor,
        most: int,
    ) -> None:
        self.redactor, self.tries = redactor, TRIES
        self._surroundings, self._most = surroundings, most
        self._template: subprocess.Popen[bytes] | None = None
        self._former: list[subprocess.Popen[bytes]] = []
        self._control: socket.socket | None = None
        self._frames = Splitter()
        self._started_at = -TEMPLATE_AGAIN_S
        self._is_ready = self._stopping = False
        self._why_unable = ""
        self._links: dict[int, ChildLink] = {}
        self._starting: set[int] = set()
        self._idle: list[ChildLink] = []
        self._waiting: deque[ChildCall] = deque()
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the template, so that the first child begins in milliseconds."""
        self._loop = asyncio.get_running_loop()
        self._started_at = time.monotonic()
        if self._template is not None:
            self._former = [former for former in (*self._former, self._template) if former.poll() is None]
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._frames, self._why_unable, self._is_ready = Splitter(), "", False
        arguments = command("taskcast.children.template", self._surroundings(), theirs.fileno())
        with theirs:
            # A session of its own: the terminal's Ctrl-C is not for it. It ends when its socket does.
            self._template = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
            )
        self._control = ours
        self._loop.add_reader(ours, self._hear_template)

    async def stop(self) -> None:
        """Kill what still runs and end the template."""
        self._stopping = True
        self._template_ended()
        if self._template is not None and not self._is_ready:
            self._template.kill()  # it still imports, and has no children
        for call in [*self._waiting]:
            call.cancel()
        for template in (self._template, *self._former):
            if template is None:
                continue
            try:
                await asyncio.to_thread(template.wait, END_WITHIN_S)
            except subprocess.TimeoutExpired:
                template.kill()
                await asyncio.to_thread(template.wait)
        self._template, self._former = None, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def template_pid(self) -> int:
        """The template's process, 0 if there is none."""
        return 0 if self._template is None else self._template.pid

    def submit(self, begin: Begin, job: JobContext, on_begun: Callable[[], None]) -> ChildCall:
        """Run a job in a child, a new one if none is idle; see `ChildCall`."""
        call = ChildCall(begin, job, on_begun=on_begun, pool=self)
        self._waiting.append(call)
        self._serve()
        return call

    def withdraw(self, call: ChildCall) -> None:
        """Forget a job that waits for a child."""
        if call in self._waiting:
            self._waiting.remove(call)

    def put_back(self, call: ChildCall) -> None:
        """Run a job in another child: the one it was given to ended before it began."""
        self._waiting.appendleft(call)
        self._serve()

    def free(self, link: ChildLink) -> None:
        """Take back a child whose job has ended."""
        if link.jobs >= JOBS_PER_CHILD or link.grown_bytes > GROWTH_BYTES:
            link.let_go()
            return
        link.idle_since = self._loop.time()
        self._idle.append(link)
        self._serve()
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_S, self._let_idle_go)

    def gone(self, link: ChildLink) -> None:
        """Forget a child that has ended."""
        self._links.pop(link.number, None)
        self._starting.discard(link.number)
        if link in self._idle:
            self._idle.remove(link)
        self._serve()

    def kill(self, link: ChildLink) -> None:
        """Have a child killed by its parent, which knows that the number is still its own."""
        self._order(frame(Kill(link.number)))

    def _serve(self) -> None:
        """Give the waiting jobs to idle children, and start some for the rest."""
        while self._waiting and self._idle:
            link = self._idle.pop()
            if link.is_free:
                link.begin(self._waiting.popleft())
        try:
            self._start_what_lacks()
        except OSError as error:
            self._why_unable = str(error)
            logger.error("child processes cannot be started: %s", error)
            self._fail_waiting()

    def _start_what_lacks(self) -> None:
        while not self._stopping and len(self._starting) < len(self._waiting) and len(self._links) < self._most:
            if self._control is None and not self._start_template():
                break
            self._start_child()

    # Children

    def _start_child(self) -> None:
        self._number += 1
        number = self._number
        ours, theirs = socket.socketpair()
        heard, said = os.pipe()
        link = ChildLink(number, pool=self, last_words=heard)
        self._links[number] = link
        self._starting.add(number)
        with theirs:
            self._order(frame(Start(number)), theirs.fileno(), said)
        os.close(said)
        self._loop.call_later(START_WITHIN_S, self._is_late, number)
        task = self._loop.create_task(self._connect(link, ours), name="taskcast-child")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, link: ChildLink, ours: socket.socket) -> None:
        await self._loop.create_unix_connection(lambda: link, sock=ours)
        self._use(link)

    def _use(self, link: ChildLink) -> None:
        """Use a child that runs and is connected: both must be so, in either order."""
        if link.is_ready and link.number in self._starting:
            self._starting.discard(link.number)
            self.free(link)

    def _is_late(self, number: int) -> None:
        if number in self._starting and self._template is not None and not self._stopping:
            logger.error("the process that starts children has not done so for %.0f s; it ends", START_WITHIN_S)
            self._template.kill()

    def _let_idle_go(self) -> None:
        now = self._loop.time()
        for link in [link for link in self._idle if now - link.idle_since >= IDLE_S]:
            self._idle.remove(link)
            link.let_go()
        self._timer = self._loop.call_later(IDLE_S / 2, self._let_idle_go) if self._idle else None

    # The template

    def _start_template(self) -> bool:
        if time.monotonic() - self._started_at < TEMPLATE_AGAIN_S:
            self._loop.call_later(TEMPLATE_AGAIN_S, self._serve)
            return False
        self.start()
        return True

    def _order(self, data: bytes, *descriptors: int) -> None:
        if self._control is None:
            return
        try:
            socket.send_fds(self._control, [data], descriptors)
        except OSError as error:
            logger.error("the template process does not listen: %s", error)
            self._template_ended()

    def _hear_template(self) -> None:
        try:
            data = self._control.recv(READ_BYTES) if self._control is not None else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._frames.feed(data)
        while (body := self._frames.next()) is not None:
            told = read_from_template(body)
            if isinstance(told, Started) and told.number in self._links:
                self._links[told.number].pid = told.pid
                self._use(self._links[told.number])
            elif isinstance(told, Ready):
                self._is_ready = True
            elif isinstance(told, Exited) and told.number in self._links:
                self._links[told.number].exited(told.status)
            elif isinstance(told, Unable):
                self._unable(told)
        if not data:
            self._template_ended()

    def _unable(self, told: Unable) -> None:
        logger.error("child processes cannot be started: %s", told.why)
        self._why_unable = told.why
        if told.number in self._links:
            self._fail_waiting()
            self._links[told.number].exited(None)

    def _template_ended(self) -> None:
        """Give up all its children: they end with it."""
        control, self._control = self._control, None
        if control is None:
            return
        self._loop.remove_reader(control)
        control.close()
        if not self._is_ready and not self._stopping and not self._why_unable:
            self._why_unable = "the process that starts them ended while it imported the tasks"
            logger.error("child processes cannot be started: %s", self._why_unable)
        for link in list(self._links.values()):
            link.exited(None)
            link.abandon()
        if self._why_unable:
            self._fail_waiting()
        self._serve()

    def _fail_waiting(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for call in waiting:
            call.leave(None, RaisedInChild.died(f"no child process can be started: {self._why_unable}"))
