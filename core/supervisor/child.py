"""One supervised process: started, its output passed on, restarted with backoff when it dies, stopped with patience."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from core.embedded.process import end_with_parent

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 15.0
HEALTHY_AFTER_S = 30.0
"""A process that lived this long is restarted at once; one that dies sooner waits ever longer."""


class Child:
    """A process of the supervisor; `start`, then it lives until `stop`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        say: Callable[[str, str], None],
        prepare: Callable[[], None] | None = None,
        user: tuple[int, int] | None = None,
        ending: signal.Signals = signal.SIGTERM,
        cwd: str | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self.name, self.command, self.env = name, list(command), dict(env)
        self.restarts = 0
        self._say, self._prepare, self._user, self._ending = say, prepare, user, ending
        self._cwd, self._patience_s = cwd, patience_s
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id, or `None` while it is not running."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    async def start(self) -> None:
        """Start the process and watch it from now on.

        Raises:
            OSError: if the command cannot be run at all.
        """
        await self._spawn()
        self._watcher = asyncio.create_task(self._loop(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """Ask the process to end, wait for it, then kill what is left of its group. Stopping twice is fine."""
        self._stopping = True
        process = self._process
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self._ending)
            try:
                await asyncio.wait_for(process.wait(), self._patience_s)
            except TimeoutError:
                self._say(self.name, f"did not stop within {self._patience_s:.0f} s and is killed")
        if process:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher

    async def _spawn(self) -> None:
        if self._prepare:
            self._prepare()
        user, group = self._user or (None, None)
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            env=self.env,
            cwd=self._cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 20,
            preexec_fn=end_with_parent(self._ending),
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )

    async def _loop(self) -> None:
        backoff = FIRST_BACKOFF_S
        while True:
            process, since = self._process, time.monotonic()
            if process is not None:
                await self._pass_output_on(process)
                code = await process.wait()
                if self._stopping:
                    return
                # What the dead process had started itself may still run; it ends in its own time.
                _signal_group(process.pid, signal.SIGTERM)
                backoff = FIRST_BACKOFF_S if time.monotonic() - since > HEALTHY_AFTER_S else backoff
                self._say(self.name, f"ended with {_in_words(code)}; starts again in {backoff:.1f} s")
            await asyncio.sleep(backoff * random.uniform(0.8, 1.2))
            backoff = min(LONGEST_BACKOFF_S, backoff * 2)
            self.restarts += 1
            try:
                await self._spawn()
            except asyncio.CancelledError:
                raise
            except Exception:
                self._process = None
                logger.exception("%s cannot be started", self.name)

    async def _pass_output_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line longer than the limit; the rest of it follows as another
                continue
            if not line:
                return
            self._say(self.name, line.decode(errors="replace").rstrip())


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _in_words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
