"""The worker: takes exactly as many jobs as it has free slots, runs them, and stops without losing one.

    taskiq worker app:broker --receiver taskcast:JobReceiver

It replaces Taskiq's own receive loop; what Taskiq's command line says (`--max-async-tasks`, `--wait-tasks-timeout`,
`--max-tasks-per-child`, `--no-parse`) means the same here. Acknowledging is the engine's business: `--ack-type` has none.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from taskiq import AsyncBroker
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver
from taskiq.result_backends.dummy import DummyResultBackend

from taskcast import logs
from taskcast.announcement import Announcement, tasks_of
from taskcast.bell import Bell
from taskcast.broker import JobBroker
from taskcast.children.pool import ChildPool
from taskcast.children.surroundings import Surroundings
from taskcast.ending import end
from taskcast.ends import Ends
from taskcast.errors import ConfigurationError
from taskcast.full_way import FullWay
from taskcast.lease import OVERDUE_S, LeaseThread
from taskcast.leaving import LAST_ENDS_S, Leaving
from taskcast.orders import Orders
from taskcast.presence import Presence
from taskcast.reporter import Reporter
from taskcast.results import JobResultBackend, NoResultBackend
from taskcast.runner import Runner
from taskcast.taking import Taker
from taskcast.waking import TICK_S, Waker

logger = logging.getLogger("taskcast.receiver")

SLOTS = 100


class JobReceiver(Receiver):
    """Runs the jobs of a `JobBroker`.

    Args:
        broker: a `JobBroker`.
        executor: not used; sync functions have threads of their own, as many as slots.
        validate_params: whether arguments are read as the functions' annotations.
        max_async_tasks: the slots, 100 if not positive.
        max_async_tasks_jitter: up to how many slots are added at random.
        max_prefetch: not used; a job is taken only when there is a slot for it.
        propagate_exceptions: whether dependencies see a job's exception at their teardown.
        run_startup: whether `listen` starts the broker.
        ack_type: not used.
        on_exit: called with this receiver after a clean stop.
        max_tasks_to_execute: stop after so many jobs.
        wait_tasks_timeout: seconds that a stop waits for running jobs before it cancels and gives them back; None waits
            for as long as they take.
    """

    def __init__(  # noqa: PLR0917 - the signature is Taskiq's
        self,
        broker: AsyncBroker,
        executor: Executor | None = None,
        validate_params: bool = True,
        max_async_tasks: int | None = None,
        max_async_tasks_jitter: int = 0,
        max_prefetch: int = 0,
        propagate_exceptions: bool = True,
        run_startup: bool = True,
        ack_type: AcknowledgeType | None = None,
        on_exit: Callable[[Receiver], None] | None = None,
        max_tasks_to_execute: int | None = None,
        wait_tasks_timeout: float | None = None,
    ) -> None:
        if not isinstance(broker, JobBroker):
            raise ConfigurationError(
                f"JobReceiver runs the jobs of a JobBroker, not those of a {type(broker).__name__}"
            )
        slots = max_async_tasks if max_async_tasks is not None and max_async_tasks > 0 else SLOTS
        self.slots = slots + (random.randint(0, max_async_tasks_jitter) if max_async_tasks_jitter > 0 else 0)
        super().__init__(
            broker,
            executor,
            validate_params,
            self.slots,
            0,
            max_prefetch,
            propagate_exceptions,
            run_startup,
            ack_type,
            on_exit,
            max_tasks_to_execute,
            wait_tasks_timeout,
        )
        self.jobs_broker = broker
        self.worker = ""
        self._lag_ms = 0.0
        self._registered = False
        self._log_handler: logs.JobLogHandler | None = None
        self._waker = Waker(self.is_stopping)
        self._side_tasks: set[asyncio.Task[Any]] = set()
        self._warn_of_what_is_ignored()

    async def listen(self, finish_event: asyncio.Event) -> None:
        """Take and run jobs until `finish_event` is set, then stop in good order.

        Raises:
            ConfigurationError: if a middleware of the broker cannot be used with it.
        """
        broker = self.jobs_broker
        broker.check_middlewares()
        if self.run_startup:
            await broker.startup()
        self._finish_event = finish_event
        self._make_parts()
        self._runner.start()
        try:
            if await self._register():
                await self._taker.serve()
        finally:
            await self._stop()
        if self.on_exit is not None:
            self.on_exit(self)

    @property
    def busy(self) -> list[str]:
        """The ids of the jobs it holds."""
        return [job for job, _ in self._taker.held()]

    @property
    def lingering(self) -> list[str]:
        """The ids of the jobs that have ended while their code goes on in a thread and keeps a slot."""
        return [running.taken.job for running in list(self._runner.lingering)]

    @property
    def free_slots(self) -> int:
        """How many jobs it would take now."""
        return self._taker.free_slots

    def is_stopping(self) -> bool:
        """Tell whether it takes no more jobs."""
        enough = self.max_tasks_to_execute is not None and self._runner.begun >= self.max_tasks_to_execute > 0
        return self._finish_event.is_set() or enough

    # Parts

    def _make_parts(self) -> None:
        broker, engine = self.jobs_broker, self.jobs_broker.engine
        self._announcement = Announcement(
            queues=broker.queues, slots=self.slots, tasks=tasks_of(broker.get_all_tasks(), broker.options_of)
        )
        self.worker = self._announcement.worker
        ours = isinstance(broker.result_backend, JobResultBackend)
        foreign = not isinstance(broker.result_backend, JobResultBackend | NoResultBackend | DummyResultBackend)
        self._reporter = Reporter(
            engine=engine,
            worker=self.worker,
            redactor=broker.redactor,
            on_refused=lambda job, attempt: self._orders.on_lost(job, attempt),  # noqa: PLW0108 - made below
            on_cancel=lambda asked: self._orders.on_cancel(asked),  # noqa: PLW0108
        )
        self._ends = Ends(
            engine=engine,
            worker=self.worker,
            result_ttl_s=broker.result_ttl_s,
            on_accepted=lambda ending, _accepted: self._runner.leave(ending),
        )
        self._children = ChildPool(
            surroundings=lambda: Surroundings.of(broker), redactor=broker.redactor, most=self.slots
        )
        self._runner = Runner(
            broker=broker,
            full_way=FullWay(broker, keeps_results=foreign, propagate_exceptions=self.propagate_exceptions),
            reporter=self._reporter,
            children=self._children,
            put=self._ends.put,
            validate=self.validate_params,
            keep_results=ours and broker.keep_results,
            on_free=self._waker.slot_is_free,
        )
        self._orders = Orders(engine=engine, worker=self.worker, runner=self._runner, aside=self._aside)
        self._taker = Taker(
            engine=engine,
            worker=self.worker,
            started=self._announcement.started,
            queues=broker.queues,
            slots=self.slots,
            most=self.max_tasks_to_execute,
            runner=self._runner,
            orders=self._orders,
            waker=self._waker,
            renew_now=lambda: self._lease.renew_now(),  # noqa: PLW0108 - made below
            is_stopping=self.is_stopping,
        )
        self._leaving = Leaving(engine=engine, worker=self.worker, runner=self._runner, waker=self._waker)
        self._presence = Presence(
            engine=engine,
            announcement=self._announcement,
            lease_s=broker.lease_s,
            busy=lambda: self.busy,
            lingering=lambda: self.lingering,
            loop_lag_ms=lambda: self._lag_ms,
        )
        self._lease = LeaseThread(
            url=broker.url,
            names=broker.names,
            worker=self.worker,
            lease_s=broker.lease_s,
            claims=self._taker.claims,
            on_renewed=self._orders.on_renewed,
            info=lambda blocked_s: self._announcement.info(
                busy=self.busy, lingering=self.lingering, loop_lag_ms=blocked_s * 1000
            ),
            overdue=self._overdue,
            loop_blocked_s=broker.loop_blocked_s,
            loop_kill_s=broker.loop_kill_s,
        )
        self._bell = Bell(
            redis=engine.redis,
            names=broker.names,
            queues=broker.queues,
            on_bell=self._waker.wake,
            on_control=self._orders.on_control,
            on_gap=self._on_gap,
        )

    def _warn_of_what_is_ignored(self) -> None:
        if self.ack_time is not AcknowledgeType.WHEN_SAVED:
            logger.warning("ack types mean nothing here: a job is off the queue when its end is accepted")
        if isinstance(self.executor, ProcessPoolExecutor):
            logger.warning(
                '--use-process-pool is ignored: write @broker.task(executor="process") at the tasks that need it'
            )

    async def _register(self) -> bool:
        """Begin the lease; waits for a server that is away. False if the worker was stopped meanwhile."""
        self._aside(self._tick(), "taskcast-tick")
        self._aside(self._await_finish(), "taskcast-finish")
        if not await self._presence.begin(self._waker.pause, self.is_stopping):
            return False
        self._registered = True
        self._log_handler = (
            logs.install(self.jobs_broker.capture_logs) if self.jobs_broker.capture_logs is not None else None
        )
        self._reporter.start()
        self._ends.start()
        self._lease.start()
        self._bell.start()
        self._presence.start()
        logger.info("worker %s runs up to %d jobs at once", self.worker, self.slots)
        return True

    async def _tick(self) -> None:
        """Four times a second: see the order to stop (a signal does not wake the loop), timeouts, the loop's lag."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            self._lag_ms = max(self._lag_ms * 0.8, (loop.time() - due) * 1000)
            self._lease.loop_is_alive()
            self._runner.check_times(time.monotonic())
            if self.is_stopping():
                self._waker.wake()

    async def _await_finish(self) -> None:
        """See the order to stop at once where it does wake the loop."""
        await self._finish_event.wait()
        self._waker.wake()

    def _overdue(self) -> list[str]:
        """Return the jobs in the event loop that should have ended long ago; called from the lease's thread."""
        late = time.monotonic() - OVERDUE_S
        jobs = list(self._runner.jobs.values())
        return [r.taken.job for r in jobs if r.deadline < late and r.call is None and not r.settled]

    def _on_gap(self) -> None:
        """Ask for what may have been missed."""
        self._waker.wake()
        self._lease.renew_now()

    def _aside(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(_guarded(coroutine, name), name=name)
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    async def _stop(self) -> None:
        """Wait for what runs, give the rest back, tell the last ends, and leave."""
        self.jobs_broker.stopping = self._finish_event.is_set()
        if self._registered:
            self._waker.wake()
            await self._leaving.wait(self.wait_tasks_timeout)
            await self._ends.stop(LAST_ENDS_S)
            await self._bell.stop()
            await self._reporter.stop()
            await self._presence.stop()
            await self._lease.stop()
        await end(*self._side_tasks)
        await self._runner.stop()
        if self._registered:
            await self._presence.leave()
            if self._log_handler is not None:
                logs.uninstall(self._log_handler)
            logger.info("worker %s has stopped", self.worker)
        self._registered = False


async def _guarded(coroutine: Any, name: str) -> None:
    """Run a side task; an error in it is logged and ends nothing else."""
    try:
        await coroutine
    except asyncio.CancelledError:
        raise
    except Exception:
        logger.exception("%s ended", name)
