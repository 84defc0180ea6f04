"""What others tell a worker of its jobs: stop this one, that one is another's by now. It obeys, and says so."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from taskcast.bell import Control
from taskcast.context import Stop
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import CancelAsked, Held, Renewed
from taskcast.errors import TaskcastError
from taskcast.runner import Runner

logger = logging.getLogger("taskcast.receiver")

SEEN_DEADLINE_S = 3.0


class Orders:
    """The orders to one worker, from whichever way they come.

    Args:
        engine: where it is told that an order was seen.
        worker: who obeys.
        runner: has the jobs.
        aside: runs a coroutine beside the others, under a name.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        worker: str,
        runner: Runner,
        aside: Callable[[Coroutine[Any, Any, None], str], None],
    ) -> None:
        self._engine, self._worker, self._runner, self._aside = engine, worker, runner, aside
        self._early_cancels: dict[Held, CancelAsked] = {}

    def on_renewed(self, answer: Renewed) -> None:
        """Obey what came with the answer to a take or a renewal."""
        for job, attempt in answer.lost:
            self.on_lost(job, attempt)
        for cancel in answer.cancels:
            self.on_cancel(cancel)

    def on_lost(self, job: str, attempt: int) -> None:
        """Stop an attempt that is another worker's by now."""
        running = self._runner.jobs.get((job, attempt))
        if running is not None and not running.settled:
            logger.warning("job %s, attempt %d, is another worker's by now; stopped here", job, attempt)
            self._runner.drop(running)

    def on_cancel(self, asked: CancelAsked) -> None:
        """Ask an attempt to stop."""
        running = self._runner.jobs.get((asked.job, asked.attempt))
        if running is None:
            self._early_cancels[asked.job, asked.attempt] = asked
        elif running.ask(Stop("cancel", by=asked.by, reason=asked.reason)):
            self._aside(self._tell_seen(asked.job, asked.attempt), "taskcast-cancel-seen")

    def on_control(self, control: Control) -> None:
        """Obey a message of the control channel."""
        if control.cancel is not None and control.worker in {None, self._worker}:
            self.on_cancel(CancelAsked(control.cancel, control.attempt, control.by, control.reason))

    def hear_early_cancels(self) -> None:
        """Obey cancels that came before the answer to the take that gave us their job."""
        if self._early_cancels:
            early, self._early_cancels = self._early_cancels, {}
            for key in early.keys() & self._runner.jobs.keys():
                self.on_cancel(early[key])

    async def _tell_seen(self, job: str, attempt: int) -> None:
        with contextlib.suppress(TaskcastError, OSError):
            await self._engine.cancel_seen(self._worker, job, attempt, deadline_s=SEEN_DEADLINE_S)
