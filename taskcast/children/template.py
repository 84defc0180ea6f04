"""The template process: has imported what the tasks need, and makes children of itself when the worker asks for one.

It has one thread and runs no jobs, so that forking is safe and takes milliseconds. Where an imported module has begun
threads, or the system forks badly (macOS), a child is a new interpreter instead.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from taskcast.children import child
from taskcast.children.kinship import die_with_parent, hear_of_death_of_parent, kill_group
from taskcast.children.surroundings import Surroundings
from taskcast.children.wire import (
    Exited,
    Kill,
    Ready,
    Splitter,
    Start,
    Started,
    Unable,
    frame,
    read_to_template,
)
from taskcast.values import cut_text

READ_BYTES = 65536
DESCRIPTORS = 16
ENOUGH_CHARACTERS = 8192


def command(module: str, surroundings: Surroundings, *descriptors: int) -> list[str]:
    """Return the command of a new interpreter that runs `main` of a module with these surroundings."""
    code = (
        "import json, sys\n"
        "sys.path[:] = json.loads(sys.argv[1])['path']\n"
        f"from {module} import main\n"
        "main(sys.argv[1], int(sys.argv[2]), [int(number) for number in sys.argv[3:]])\n"
    )
    arguments = [msgspec.json.encode(surroundings).decode(), str(os.getpid()), *map(str, descriptors)]
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # as multiprocessing does
    return [sys.executable, *flags, "-c", code, *arguments]


def main(surroundings: str, parent: int, descriptors: Sequence[int]) -> NoReturn:
    """Run the template of the worker `parent`; its socket is the only descriptor."""
    die_with_parent(parent)
    found = msgspec.json.decode(surroundings, type=Surroundings)
    Template(socket.socket(fileno=descriptors[0]), found, parent=parent).run()


class Template:
    """Makes children and tells how they ended.

    Args:
        control: the socket to the worker; its end is the end of the template and of all children.
        surroundings: the worker's.
        parent: the worker's process.
    """

    def __init__(self, control: socket.socket, surroundings: Surroundings, *, parent: int) -> None:
        self._control, self._surroundings, self._parent = control, surroundings, parent
        self._children: dict[int, int] = {}
        self._descriptors: deque[int] = deque()
        self._frames = Splitter()

    def run(self) -> NoReturn:
        """Import, then serve until the worker has gone."""
        woken, wakes = socket.socketpair()
        woken.setblocking(False)
        wakes.setblocking(False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, _ignore)  # not SIG_IGN, which children's children would inherit
        try:
            self._surroundings.take_on()
        except BaseException as error:
            self._tell(Unable(_described(error)))
            os._exit(1)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        gc.collect()
        gc.freeze()
        # From here on everything is killed in order when the worker ends. Its socket alone would not tell: a process
        # that a job of the worker has forked may hold the other end.
        hear_of_death_of_parent(signal.SIGTERM)
        self._tell(Ready())
        own = (self._control.fileno(), woken.fileno(), wakes.fileno())
        while True:
            readable, _, _ = select.select([self._control, woken], [], [])
            if woken in readable:
                with contextlib.suppress(BlockingIOError):
                    woken.recv(READ_BYTES)
            if os.getppid() != self._parent:
                self._end()
            self._bury()
            if self._control in readable:
                self._read(own)

    def _read(self, own: Sequence[int]) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._control, READ_BYTES, DESCRIPTORS)
        if not data:
            self._end()
        self._descriptors += descriptors
        self._frames.feed(data)
        while (body := self._frames.next()) is not None:
            order = read_to_template(body)
            if isinstance(order, Start):
                self._start(order.number, own)
            elif isinstance(order, Kill) and order.number in self._children:
                kill_group(self._children[order.number])

    def _start(self, number: int, own: Sequence[int]) -> None:
        descriptors = [self._descriptors.popleft(), self._descriptors.popleft()]
        try:
            pid = self._fork(descriptors, own) if _may_fork() else self._spawn(descriptors)
        except OSError as error:
            self._tell(Unable(f"no process could be started: {error}", number))
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self._children[number] = pid
        self._tell(Started(number, pid))

    def _fork(self, descriptors: Sequence[int], own: Sequence[int]) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in own:
                    os.close(descriptor)
                child.run(parent, descriptors)
            finally:
                os._exit(child.BROKEN)
        return pid

    def _spawn(self, descriptors: Sequence[int]) -> int:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        arguments = command("taskcast.children.child", self._surroundings, *descriptors)
        return os.posix_spawn(sys.executable, arguments, os.environ, setpgroup=0)

    def _bury(self) -> None:
        """Tell of the children that have ended; what a crashed one leaves running ends with it."""
        for number, pid in list(self._children.items()):
            if hasattr(os, "waitid"):
                ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is None:
                    continue
                if ended.si_status != 0:
                    kill_group(pid)  # while its number cannot be another's
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._children[number]
                self._tell(Exited(number, status))

    def _tell(self, what: Any) -> None:
        try:
            self._control.sendall(frame(what))
        except OSError:
            self._end()

    def _end(self) -> NoReturn:
        for pid in self._children.values():
            kill_group(pid)
        os._exit(0)


def _may_fork() -> bool:
    """Tell whether a fork copies the whole process: no thread besides this one, whoever began it."""
    if sys.platform != "linux":
        return False
    return len(list(Path("/proc/self/task").iterdir())) == 1


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing: the worker decides when to end."""


def _described(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {error}\n{cut_text(text[-ENOUGH_CHARACTERS:], ENOUGH_CHARACTERS)}"
