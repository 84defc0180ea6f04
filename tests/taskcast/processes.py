"""Real worker processes of one test; `WORKER_PYTHON` lets them run on another interpreter than the test's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from taskcast import JobBroker
from taskcast.states import FINAL
from tests.taskcast.conftest import Workshop
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


class Workers:
    """Worker processes of one test, each the child that listens, without Taskiq's process manager above it."""

    def __init__(self, shop: Workshop, url: str, prefix: str, folder: Path) -> None:
        self.shop = shop
        self.file = folder / "told"
        self.file.touch()
        self.environment = os.environ | {
            "WORKER_URL": url,
            "WORKER_PREFIX": prefix,
            "WORKER_FILE": str(self.file),
            "PYTHONPATH": str(ROOT),
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    async def start(
        self, *arguments: str, uvloop: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start one more and return when it has announced itself."""
        before = len(await self.shop.events(kind="worker.started"))
        code = (
            "import os, sys\n"
            "if os.environ.get('WITHOUT_UVLOOP'): sys.modules['uvloop'] = None\n"
            "from taskiq.cli.worker.args import WorkerArgs\n"
            "from taskiq.cli.worker.run import start_listen\n"
            "import logging; logging.basicConfig(level='INFO')\n"
            "start_listen(WorkerArgs.from_cli(sys.argv[1:]))\n"
        )
        command = [
            os.environ.get("WORKER_PYTHON", sys.executable),
            "-c",
            code,
            "tests.taskcast.worker_app:broker",
            "--receiver",
            "taskcast:JobReceiver",
        ]
        log = self.file.parent / f"log-{len(self.processes)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                env=self.environment | ({} if uvloop else {"WITHOUT_UVLOOP": "1"}) | dict(environment or {}),
                stderr=output,
            )
        self.processes.append(process)

        async def started() -> bool:
            assert process.poll() is None, log.read_text()
            return len(await self.shop.events(kind="worker.started")) > before

        await eventually(started, 40)
        return process

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(10)

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a worker has logged."""
        return (self.file.parent / f"log-{self.processes.index(process)}").read_text()

    def told(self, what: str) -> list[str]:
        """Return the lines that jobs wrote and that begin so; the last word of each is the process's id."""
        return [line for line in self.file.read_text().splitlines() if line.startswith(what)]

    async def ends(self, jobs: Collection[str], within_s: float = 60) -> list[Any]:
        """Return the last events of all jobs, in the order they came, when each of them has one."""
        states = {str(state) for state in FINAL}

        async def all_ended() -> list[Any]:
            ends = [event for event in await self.shop.events() if event.job in wanted and event.state in states]
            return ends if {event.job for event in ends} == wanted else []

        wanted = set(jobs)
        return await eventually(all_ended, within_s, every=0.2)

    async def exit_code(self, process: subprocess.Popen[bytes], within_s: float = 30) -> int:
        await eventually(lambda: process.poll() is not None, within_s)
        return int(process.returncode)

    def let_go(self) -> None:
        """Let the jobs end that run until they are told."""
        self.file.with_name(self.file.name + ".go").touch()

    async def begun(self, count: int = 1) -> None:
        await eventually(lambda: len(self.told("begin")) >= count)


@asynccontextmanager
async def workers_on(url: str, folder: Path, **environment: str) -> AsyncIterator[Workers]:
    """Give a broker on a queue server and the means to start its workers; they end with the block."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    broker = JobBroker(url, prefix=prefix, lease_s=3)
    workers = Workers(Workshop(broker), url, prefix, folder)
    workers.environment |= environment
    try:
        yield workers
    finally:
        workers.close()
        await broker.shutdown()
