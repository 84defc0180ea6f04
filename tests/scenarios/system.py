"""A whole Taskcast of real processes in a folder of its own, as `taskcast up` starts it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from taskcast.client import Client
from tests.ports import free_port
from tests.waiting import eventually, eventually_sync

ROOT = Path(__file__).resolve().parents[2]
EMAIL, PASSWORD = "admin@example.com", "a password of the scenarios"
MARKS = {
    "gateway": "core.gateway",
    "recorder": "core.recorder",
    "worker": "--receiver",
    "scheduler": "schedules.scheduler",
    "dashboard": "-m ui",
    "valkey": "valkey-server",
    "postgres": "unix_socket_directories=",
    "household": "workers.household",
}
"""What each process is known by in its command line."""


class System:
    """Start it, ask it, kill parts of it, stop it."""

    def __init__(self, folder: Path, *, procfile: Path | None = None, demo: bool = False, **environment: str) -> None:
        self.folder = folder
        self.gateway_port, self.dashboard_port = free_port(), free_port()
        self.ledger_path = folder / "ledger.txt"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TASKCAST_")},
            "TASKCAST_DATA_DIR": str(folder / "data"),
            "TASKCAST_GATEWAY_PORT": str(self.gateway_port),
            "TASKCAST_DASHBOARD_PORT": str(self.dashboard_port),
            "TASKCAST_ADMIN_EMAIL": EMAIL,
            "TASKCAST_ADMIN_PASSWORD": PASSWORD,
            "TASKCAST_DEMO": "1" if demo else "0",
            "TASKCAST_PROCFILE": str(procfile or ROOT / "tests/scenarios/Procfile"),
            "TASKCAST_TEST_LEDGER": str(self.ledger_path),
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self.output: deque[str] = deque(maxlen=200_000)
        self._up: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._up is not None
        return self._up.pid

    @property
    def gateway(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def dashboard(self) -> str:
        return f"http://127.0.0.1:{self.dashboard_port}"

    def start(self) -> System:
        """Start everything and return when it says that it is up."""
        self.output.clear()
        self._up = subprocess.Popen(
            [sys.executable, "-m", "taskcast.cli.main", "up"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            eventually_sync(
                lambda: self._said("Taskcast is up") or self._up is None or self._up.poll() is not None, timeout=60
            )
            assert self._up.poll() is None, self.tail()
            eventually_sync(self._a_worker_announced, timeout=30)
        except AssertionError:
            self.stop()
            raise AssertionError(f"Taskcast did not come up:\n{self.tail()}") from None
        return self

    def stop(self) -> None:
        if self._up and self._up.poll() is None:
            self._up.send_signal(signal.SIGINT)
            try:
                self._up.wait(60)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
        if self._up and self._up.stdout:
            self._up.stdout.close()

    def tail(self, lines: int = 60) -> str:
        return "\n".join(list(self.output)[-lines:])

    def pids(self, name: str) -> list[int]:
        """The ids of a part's processes: the one the supervisor started, and what that started."""
        assert self._up is not None
        for child in psutil.Process(self._up.pid).children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                if MARKS[name] in " ".join(child.cmdline()):
                    return [child.pid, *(grandchild.pid for grandchild in child.children(recursive=True))]
        return []

    def kill(self, name: str) -> None:
        """Kill -9 a part with all it started."""
        pids = self.pids(name)
        assert pids, f"{name} is not running"
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def restarted(self, name: str, before: list[int]) -> None:
        """Return when a part runs again as another process."""
        await eventually(lambda: self.pids(name)[:1] not in ([], before[:1]), timeout=30)

    def client(self) -> Client:
        token = (self.folder / "data/cli-token").read_text().strip()
        return Client(self.gateway, token=token)

    @property
    def redis_url(self) -> str:
        from core.embedded.valkey import EmbeddedValkey

        return EmbeddedValkey(self.folder / "data").url

    def ledger(self) -> list[list[str]]:
        """What the jobs say they did: `[word, job, attempt, number]`, in the order of writing."""
        if not self.ledger_path.exists():
            return []
        return [line.split() for line in self.ledger_path.read_text().splitlines()]

    def _a_worker_announced(self) -> bool:
        """Whether jobs can be enqueued by name."""
        token = (self.folder / "data/cli-token").read_text().strip()
        answer = httpx.get(f"{self.gateway}/job-monitor/tasks", headers={"Authorization": f"Bearer {token}"})
        return answer.is_success and bool(answer.json()["items"])

    def _said(self, words: str) -> bool:
        return any(words in line for line in list(self.output))

    def _read(self) -> None:
        assert self._up is not None
        assert self._up.stdout is not None
        for line in self._up.stdout:
            self.output.append(line.rstrip())


@contextmanager
def running_system(*, prepare: Callable[[System], None] | None = None, **options: Any) -> Iterator[System]:
    """Run a system for the length of a `with` block, and leave nothing behind; `prepare` is called before its start."""
    from core.embedded.postgres import EmbeddedPostgres
    from core.embedded.valkey import EmbeddedValkey

    folder = Path(tempfile.mkdtemp(prefix="tc-system-"))
    system = System(folder, **options)
    if prepare is not None:
        prepare(system)
    try:
        yield system.start()
    finally:
        system.stop()
        for server in (EmbeddedValkey(folder / "data"), EmbeddedPostgres(folder / "data")):
            server.remove()
        shutil.rmtree(folder, ignore_errors=True)
