"""The worker: takes exactly as many jobs as it has free slots, runs them, and stops without losing one.

    taskiq worker app:broker --receiver taskcast:JobReceiver

It replaces Taskiq's own receive loop; what Taskiq's command line says (`--max-async-tasks`, `--wait-tasks-timeout`,
`--max-tasks-per-child`, `--no-parse`) means the same here. Acknowledging is the engine's business: `--ack-type` has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from typing import Any

from taskiq import AsyncBroker
from taskiq.acks import AcknowledgeType
from taskiq.receiver import Receiver
from taskiq.result_backends.dummy import DummyResultBackend

from taskcast import logs
from taskcast.announcement import Announcement, tasks_of
from taskcast.bell import Bell, Control
from taskcast.broker import JobBroker
from taskcast.context import Stop
from taskcast.ending import end
from taskcast.ends import Ends
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import CancelAsked, Held, Renewed
from taskcast.errors import ConfigurationError, TaskcastError
from taskcast.full_way import FullWay
from taskcast.lease import OVERDUE_S, LeaseThread
from taskcast.presence import Presence
from taskcast.reports import Reporter
from taskcast.results import JobResultBackend, NoResultBackend
from taskcast.runner import Runner
from taskcast.running import Running

logger = logging.getLogger("taskcast.receiver")

SLOTS = 100
TICK_S = 0.25
IDLE_S = 1.0
TAKE_DEADLINE_S = 3.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
LAST_ENDS_S = 5.0
LARGE_TAKE_BYTES = 8 * 1024 * 1024
"""A take of so much may have been cut short by its size, with more in the lanes."""
CANCEL_GRACE_S = 5.0


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
        self._number = 0
        self._known = 0
        self._lag_ms = 0.0
        self._early_cancels: dict[Held, CancelAsked] = {}
        self._lanes_empty = False
        self._registered = False
        self._log_handler: logs.JobLogHandler | None = None
        self._wake = asyncio.Event()
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
        try:
            if await self._register():
                await self._serve()
        finally:
            await self._stop()
        if self.on_exit is not None:
            self.on_exit(self)

    @property
    def busy(self) -> list[str]:
        """The ids of the jobs it holds."""
        return [job for job, _ in self._held()]

    def is_stopping(self) -> bool:
        """Tell whether it takes no more jobs."""
        enough = self.max_tasks_to_execute is not None and self._runner.begun >= self.max_tasks_to_execute > 0
        return self._finish_event.is_set() or enough

    # Parts

    def _make_parts(self) -> None:
        broker, engine = self.jobs_broker, self.jobs_broker.engine
        self._engine: Engine = engine
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
            on_refused=self._on_lost,
            on_cancel=self._on_cancel,
        )
        self._ends = Ends(
            engine=engine,
            worker=self.worker,
            result_ttl_s=broker.result_ttl_s,
            on_accepted=lambda ending, _accepted: self._runner.leave(ending),
        )
        self._runner = Runner(
            broker=broker,
            full_way=FullWay(broker, keeps_results=foreign, propagate_exceptions=self.propagate_exceptions),
            reporter=self._reporter,
            put=self._ends.put,
            validate=self.validate_params,
            keep_results=ours and broker.keep_results,
            on_free=self._on_free,
        )
        self._presence = Presence(
            engine=engine,
            announcement=self._announcement,
            lease_s=broker.lease_s,
            busy=lambda: self.busy,
            loop_lag_ms=lambda: self._lag_ms,
        )
        self._lease = LeaseThread(
            url=broker.url,
            names=broker.names,
            worker=self.worker,
            lease_s=broker.lease_s,
            claims=self._claims,
            on_renewed=self._on_renewed,
            info=lambda blocked_s: self._announcement.info(busy=self.busy, loop_lag_ms=blocked_s * 1000),
            overdue=self._overdue,
            loop_blocked_s=broker.loop_blocked_s,
            loop_kill_s=broker.loop_kill_s,
        )
        self._bell = Bell(
            redis=engine.redis,
            names=broker.names,
            queues=broker.queues,
            on_bell=self._on_bell,
            on_control=self._on_control,
            on_gap=self._on_gap,
        )

    def _warn_of_what_is_ignored(self) -> None:
        if self.ack_time is not AcknowledgeType.WHEN_SAVED:
            logger.warning("ack types mean nothing here: a job is off the queue when its end is accepted")
        if isinstance(self.executor, ProcessPoolExecutor):
            logger.warning("--use-process-pool is ignored: sync functions run in threads")

    async def _register(self) -> bool:
        """Begin the lease; waits for a server that is away. False if the worker was stopped meanwhile."""
        self._side(self._tick(), "taskcast-tick")
        self._side(self._await_finish(), "taskcast-finish")
        if not await self._presence.begin(self._pause, self.is_stopping):
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

    # The loop

    async def _serve(self) -> None:
        """Take while there are free slots; wait for a slot, the bell, the next due job or a second."""
        check_claims = False
        pause_s = 0.0
        while not self.is_stopping():
            self._wake.clear()
            want = self._free_slots()
            if want <= 0:
                await self._wake.wait()
                continue
            self._number += 1
            try:
                take = await self._engine.take(
                    self.worker,
                    want,
                    number=self._number,
                    known=self._known,
                    started=self._announcement.started,
                    held=self._held() if check_claims else None,
                    queues=self.jobs_broker.queues,
                    deadline_s=TAKE_DEADLINE_S,
                )
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # Its answer may be lost: the next take names what we hold, and the engine puts the rest back.
                self._known, check_claims = self._number, True
                if not isinstance(error, TaskcastError | OSError):
                    logger.exception("jobs could not be taken")
                elif not pause_s:
                    logger.warning("jobs cannot be taken, those that run go on: %s", error)
                pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, pause_s * 2))
                await self._pause(pause_s)
                continue
            if self.is_stopping() and take.jobs:
                await self._give_back([(taken.job, taken.attempt) for taken in take.jobs])
                self._known = self._number
                break
            for taken in take.jobs:
                self._runner.begin(taken)
            self._hear_early_cancels()
            self._known, check_claims, pause_s = self._number, False, 0.0
            self._on_renewed(Renewed(take.lease_held, take.lost, take.cancels))
            if not take.lease_held:
                self._lease.renew_now()
                await self._pause(FIRST_PAUSE_S)
            elif len(take.jobs) < want and sum(len(taken.message) for taken in take.jobs) < LARGE_TAKE_BYTES:
                self._lanes_empty = True
                await self._rest(take.next_due_ms)
                self._lanes_empty = False

    async def _rest(self, next_due_ms: int | None) -> None:
        """Wait until there may be work: the lanes are empty."""
        rest_s = IDLE_S if next_due_ms is None else min(IDLE_S, max(next_due_ms / 1000, 0.001))
        timer = asyncio.get_running_loop().call_later(rest_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not through the order to stop."""
        until = time.monotonic() + seconds * random.uniform(0.8, 1.2)
        while (left := until - time.monotonic()) > 0 and not self.is_stopping():  # noqa: ASYNC110
            await asyncio.sleep(min(left, TICK_S))  # a signal handler wakes no waiter

    def _free_slots(self) -> int:
        free = self.slots - self._runner.busy
        if self.max_tasks_to_execute is not None and self.max_tasks_to_execute > 0:
            free = min(free, self.max_tasks_to_execute - self._runner.begun)
        return free

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
                self._wake.set()

    async def _await_finish(self) -> None:
        """See the order to stop at once where it does wake the loop."""
        await self._finish_event.wait()
        self._wake.set()

    # What others tell

    def _held(self) -> list[Held]:
        """Return what is held; also called from the lease's thread, while the loop's may change it."""
        while True:
            try:
                return list(self._runner.jobs)
            except RuntimeError:  # changed during the copy
                continue

    def _claims(self) -> tuple[int, Sequence[Held]]:
        """Return the highest take that is over, then what is held: in this order, as another thread asks."""
        known = self._known
        return known, self._held()

    def _overdue(self) -> list[str]:
        """Return the jobs in the event loop that should have ended long ago; called from the lease's thread."""
        late = time.monotonic() - OVERDUE_S
        jobs = list(self._runner.jobs.values())
        return [r.taken.job for r in jobs if r.deadline < late and r.thread is None and not r.settled]

    def _on_renewed(self, answer: Renewed) -> None:
        for job, attempt in answer.lost:
            self._on_lost(job, attempt)
        for cancel in answer.cancels:
            self._on_cancel(cancel)

    def _on_lost(self, job: str, attempt: int) -> None:
        running = self._runner.jobs.get((job, attempt))
        if running is not None and not running.settled:
            logger.warning("job %s, attempt %d, is another worker's by now; stopped here", job, attempt)
            self._runner.drop(running)

    def _on_cancel(self, asked: CancelAsked) -> None:
        running = self._runner.jobs.get((asked.job, asked.attempt))
        if running is None:
            self._early_cancels[asked.job, asked.attempt] = asked
        elif running.ask(Stop("cancel", by=asked.by, reason=asked.reason)):
            self._side(self._tell_cancel_seen(asked.job, asked.attempt), "taskcast-cancel-seen")

    def _hear_early_cancels(self) -> None:
        """Obey cancels that came before the answer to the take that gave us their job."""
        if self._early_cancels:
            early, self._early_cancels = self._early_cancels, {}
            for key in early.keys() & self._runner.jobs.keys():
                self._on_cancel(early[key])

    def _on_control(self, control: Control) -> None:
        if control.cancel is not None and control.worker in {None, self.worker}:
            self._on_cancel(CancelAsked(control.cancel, control.attempt, control.by, control.reason))

    def _on_free(self) -> None:
        """Take again, unless the lanes are known to be empty."""
        if not self._lanes_empty:
            self._wake.set()

    def _on_bell(self) -> None:
        self._wake.set()

    def _on_gap(self) -> None:
        self._wake.set()
        self._lease.renew_now()

    async def _tell_cancel_seen(self, job: str, attempt: int) -> None:
        with contextlib.suppress(TaskcastError, OSError):
            await self._engine.cancel_seen(self.worker, job, attempt, deadline_s=TAKE_DEADLINE_S)

    def _side(self, coroutine: Any, name: str) -> None:
        task = asyncio.get_running_loop().create_task(_guarded(coroutine, name), name=name)
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    # The stop

    async def _stop(self) -> None:
        """Wait for what runs, give the rest back, tell the last ends, and leave."""
        self.jobs_broker.stopping = self._finish_event.is_set()
        if self._registered:
            self._wake.set()
            await self._wait_for_jobs()
            await self._ends.stop(LAST_ENDS_S)
            await self._bell.stop()
            await self._reporter.stop()
            await self._presence.stop()
            await self._lease.stop()
        await end(*self._side_tasks)
        self._runner.stop()
        if self._registered:
            await self._presence.leave()
            if self._log_handler is not None:
                logs.uninstall(self._log_handler)
            logger.info("worker %s has stopped", self.worker)
        self._registered = False

    async def _wait_for_jobs(self) -> None:
        self._lanes_empty = False
        if not self._running():
            return
        logger.info("waiting for %d running jobs", len(self._running()))
        if await self._jobs_end_within(self.wait_tasks_timeout):
            return
        left = self._running()
        logger.warning(
            "%d jobs still run after %s s; they are cancelled and given back", len(left), self.wait_tasks_timeout
        )
        for running in left:
            running.ask(Stop("release", reason="the worker stops"))
        if not await self._jobs_end_within(CANCEL_GRACE_S):
            stubborn = self._running()
            await self._give_back([running.key for running in stubborn], begun=True)
            for running in stubborn:
                self._forget(running)

    async def _jobs_end_within(self, seconds: float | None) -> bool:
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while self._running() and time.monotonic() < until:
            self._wake.clear()
            await self._rest(None if until == float("inf") else max(1, int((until - time.monotonic()) * 1000)))
        return not self._running()

    def _running(self) -> list[Running]:
        """Return the attempts that have no end yet; those whose end waits for the server are another matter."""
        return [running for running in self._runner.jobs.values() if not running.settled]

    def _forget(self, running: Running) -> None:
        running.settled = True
        running.context._close()
        self._runner.jobs.pop(running.key, None)

    async def _give_back(self, keys: Sequence[Held], *, begun: bool = False) -> None:
        if not keys:
            return
        try:
            await self._engine.release(self.worker, keys, begun=begun, deadline_s=LAST_ENDS_S)
        except (TaskcastError, OSError) as error:
            logger.error("%d jobs could not be given back; they run again when the lease is over: %s", len(keys), error)


async def _guarded(coroutine: Any, name: str) -> None:
    """Run a side task; an error in it is logged and ends nothing else."""
    try:
        await coroutine
    except asyncio.CancelledError:
        raise
    except Exception:
        logger.exception("%s ended", name)
