"""A child process: runs one job after another in its main thread, until the worker lets it go or kills it.

A request to stop is raised in the function where it is, as `JobCancelled` or `JobTimeout`, so that it may clean up;
a short while later the process is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import faulthandler
import inspect
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Sequence
from typing import Any, NoReturn

import msgspec

from taskcast import context
from taskcast.children.functions import resolve
from taskcast.children.kinship import die_with_parent, offer_to_oom_killer
from taskcast.children.surroundings import Surroundings
from taskcast.children.teller import Teller
from taskcast.children.wire import Began, Begin, Leave, Raised, Returned, Splitter, Stop, read_to_child
from taskcast.context import JobContext
from taskcast.failures import Failure
from taskcast.memory import rss_bytes
from taskcast.message import decode
from taskcast.options import TaskOptions
from taskcast.plan import Plan
from taskcast.redaction import Redactor
from taskcast.values import encode

BROKEN = 70
READ_BYTES = 262144


def main(surroundings: str, parent: int, descriptors: Sequence[int]) -> NoReturn:
    """Run a child that is an interpreter of its own."""
    die_with_parent(parent)
    msgspec.json.decode(surroundings, type=Surroundings).take_on()
    run(parent, descriptors)


def run(parent: int, descriptors: Sequence[int]) -> NoReturn:
    """Run a child whose modules are imported; its socket and the pipe for its last words are the descriptors."""
    die_with_parent(parent)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    offer_to_oom_killer()
    _renew_randomness()
    faulthandler.enable(descriptors[1], all_threads=False)
    try:
        Child(socket.socket(fileno=descriptors[0])).run()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(0)


class Child:
    """Runs the jobs that come through a socket."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._teller = Teller(link)
        self._jobs: queue.SimpleQueue[tuple[Begin, JobContext] | None] = queue.SimpleQueue()
        self._job: JobContext | None = None
        self._plans: dict[tuple[str, bool], Plan] = {}
        self._pid = os.getpid()
        self._stoppable = False

    def run(self) -> None:
        """Run jobs until the worker says that no more will come."""
        signal.signal(signal.SIGTERM, self._on_terminate)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_interrupt)
        threading.Thread(target=self._listen, name="taskcast-orders", daemon=True).start()
        self._teller.start()
        Redactor.on_added = self._teller.secrets
        while (ordered := self._jobs.get()) is not None:
            begin, job = ordered
            outcome = contextvars.copy_context().run(self._run, begin, job)
            if os.getpid() != self._pid:
                os._exit(0)  # a process that the function has forked, and that returned from it too
            self._job = None
            self._teller.end(outcome)

    def _listen(self) -> None:
        """Read what the worker wants; when it has gone, so do we."""
        frames = Splitter()
        while data := self._receive():
            frames.feed(data)
            while (body := frames.next()) is not None:
                order = read_to_child(body)
                if isinstance(order, Begin):
                    self._job = self._context_of(order)
                    self._jobs.put((order, self._job))
                elif isinstance(order, Stop):
                    self._stop(order)
                elif isinstance(order, Leave):
                    self._jobs.put(None)
                    return
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def _receive(self) -> bytes:
        try:
            return self._link.recv(READ_BYTES)
        except OSError:
            return b""

    def _context_of(self, begin: Begin) -> JobContext:
        job = JobContext()
        job.id, job.task_id, job.task, job.queue = begin.job, begin.task_id, begin.task, begin.queue
        job.attempt, job.errors = begin.attempt, begin.errors
        job.max_attempts, job.timeout_s = begin.max_attempts, begin.timeout_s
        job._reports = self._teller.open()
        return job

    def _run(self, begin: Begin, job: JobContext) -> Returned | Raised:
        """Run one job to its end; nothing it raises ends the process."""
        context.current.set(job)
        try:
            message = decode(begin.message)
            job._labels = message.parsed_labels
            plan = self._plan(begin)
            args, kwargs = plan.arguments(message, job)
            for name in plan.injected:
                kwargs[name] = job
            self._teller.send(Began())
            self._stoppable = True  # not before: half a frame must not be left in the pipe
            job.raise_if_stopped()
            value = plan.function(*args, **kwargs)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
            self._stoppable = False
            return Returned(encode(value), rss_bytes())
        except BaseException as error:
            self._stoppable = False
            return Failure.of(error).raised(rss_bytes())

    def _plan(self, begin: Begin) -> Plan:
        plan = self._plans.get((begin.function, begin.validate))
        if plan is None:
            plan = Plan(resolve(begin.function), TaskOptions(executor="process"), validate=begin.validate)
            self._plans[begin.function, begin.validate] = plan
        return plan

    def _stop(self, order: Stop) -> None:
        job = self._job
        if job is None:
            return
        job._stop = context.Stop(order.kind, by=order.by, reason=order.reason)
        if self._stoppable:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def _on_terminate(self, number: int, _frame: object) -> None:
        """Raise the request to stop where the function is; without one the signal was for the worker, who decides."""
        if os.getpid() != self._pid:
            _die_of(number)
        job = self._job
        if self._stoppable and job is not None:
            self._stoppable = False
            job.raise_if_stopped()
            self._stoppable = True

    def _on_interrupt(self, number: int, _frame: object) -> None:
        if os.getpid() != self._pid:
            _die_of(number)


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _die_of(number: int) -> None:
    """Do what the signal does by default: in a process that the job forked it is not ours."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _renew_randomness() -> None:
    """Give a forked child random numbers of its own; Python's `random` does so by itself."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
