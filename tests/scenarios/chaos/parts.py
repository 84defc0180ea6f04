"""The processes of a running system, by name, and what can be done to them."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

from tests.scenarios.chaos.ledger import PART
from tests.scenarios.chaos.plan import EVERYTHING, PROCESSES
from tests.scenarios.system import System

SERVERS = ("valkey", "postgres")
RECEIVER = "--receiver"
"""What is in the command line of a worker, and of its manager."""


class Parts:
    """Finds the processes of a system by what its environment or command line says."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stopped: set[int] = set()

    def pids(self, name: str) -> list[int]:
        """Return a part's processes: the one that the supervisor started first, orphans of a killed one among the rest."""
        if name in SERVERS:
            return self._system.pids(name)
        found = [process.pid for process in self._ours() if _said(process).get(PART) == name]
        return sorted(found, key=lambda pid: (_parent(pid) != self._system.pid, pid))

    def chosen(self, name: str, what: str) -> list[int]:
        """Return those of a part's processes that a trouble is for: all, its manager alone, or what that started."""
        if name == EVERYTHING:
            return [pid for part in (*SERVERS, *PROCESSES) for pid in self.pids(part)]
        pids = self.pids(name)
        if name in SERVERS:
            return pids[1:2] if what == "kill_child" else pids
        managers = [pid for pid in pids if _parent(pid) == self._system.pid]
        if what == "kill_manager":
            return managers
        if what == "kill_child":  # what takes jobs, but not the processes that it runs some of them in
            return [pid for pid in pids if pid not in managers and RECEIVER in _command(pid)]
        return pids

    def kill(self, pids: list[int]) -> None:
        """Kill -9."""
        self._signal(pids, signal.SIGKILL)

    def end(self, pids: list[int], *, fast: bool = False) -> None:
        """Ask to end: SIGTERM, or SIGINT, which is what PostgreSQL calls fast."""
        self._signal(pids, signal.SIGINT if fast else signal.SIGTERM)

    def stop(self, pids: list[int]) -> None:
        """Hold the processes where they are."""
        self._signal(pids, signal.SIGSTOP)
        self._stopped |= set(pids)

    def go_on(self, pids: list[int]) -> None:
        """Let held processes go on."""
        self._signal(pids, signal.SIGCONT)
        self._stopped -= set(pids)

    def go_on_all(self) -> None:
        """Let all go on that were held."""
        self.go_on(list(self._stopped))

    def kill_leftovers(self) -> list[str]:
        """Kill what still runs in this system's name after it was stopped, and return what that was."""
        left = {process.pid: f"{_said(process).get(PART)} {process.pid}" for process in self._ours()}
        self.kill(list(left))
        return list(left.values())

    def _ours(self) -> list[psutil.Process]:
        folder = str((self._system.folder / "data").resolve())
        found = []
        for process in psutil.process_iter():
            said = _said(process)
            if said.get(PART) and said.get("TASKCAST_DATA_DIR") == folder:
                found.append(process)
        return found

    @staticmethod
    def _signal(pids: list[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _said(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):  # it has just ended, or is somebody else's
        return {}


def _parent(pid: int) -> int:
    try:
        return int(psutil.Process(pid).ppid())
    except psutil.Error:
        return 0


def _command(pid: int) -> list[str]:
    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []
