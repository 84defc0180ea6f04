"""Runs attempts: from what was taken to the end that goes to the server.

A function's every way out is an end: a value, an error of any class, a timeout, a request to stop. Sync functions run
in threads, whose *job* a timeout or a cancel ends at once, while the thread keeps its slot until it returns.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from taskiq.exceptions import NoResultError

from taskcast import results
from taskcast.context import JobContext, Stop, current
from taskcast.engine.jobs import Held, Taken
from taskcast.errors import JobCancelled, JobTimeout, TaskcastError
from taskcast.events import ErrorInfo
from taskcast.full_way import FullWay, Requeued
from taskcast.message import Message, decode
from taskcast.plan import Plan
from taskcast.retries import backoff_ms, is_worth_retrying
from taskcast.running import Ending, Running
from taskcast.states import FinalReason
from taskcast.threads import SlotThreads
from taskcast.values import RESULT_BYTES, encode, encode_plain, error_info, stack_trace

if TYPE_CHECKING:
    from taskcast.broker import JobBroker
    from taskcast.reports import Reporter

logger = logging.getLogger("taskcast.receiver")

UNKNOWN_FIRST_S = 5.0
UNKNOWN_LONGEST_S = 60.0
UNKNOWN_TIMES = 62
"""How often a job of an unknown task is handed back: 5, 10, 20, 40, then every 60 seconds, an hour in all."""

STUBBORN_S = 5.0
"""How long a coroutine may go on after it was cancelled; then the job ends without it, and it keeps the slot."""


class UnknownTask(TaskcastError):
    """No task of this name is known here."""

    code = "unknown_task"


class UnreadableMessage(TaskcastError):
    """The job's message is no Taskiq message."""

    code = "unreadable"


class Runner:
    """The attempts of one worker.

    Args:
        broker: whose tasks they are.
        full_way: for tasks with middlewares, dependencies or a foreign result backend.
        reporter: sends what they tell.
        put: takes their ends.
        validate: whether arguments are read as the functions' annotations.
        keep_results: whether results are kept for `wait_result()`.
        on_free: called when a slot may have become free.
    """

    def __init__(
        self,
        *,
        broker: JobBroker,
        full_way: FullWay,
        reporter: Reporter,
        put: Callable[[Ending], None],
        validate: bool,
        keep_results: bool,
        on_free: Callable[[], None],
    ) -> None:
        self.jobs: dict[Held, Running] = {}
        self.lingering: set[Running] = set()
        self.begun = 0
        self._broker, self._full_way, self._reporter = broker, full_way, reporter
        self._put, self._on_free = put, on_free
        self._validate, self._keep_results = validate, keep_results
        self._redactor = broker.redactor
        self._threads = SlotThreads()
        self._plans: dict[str, Plan | None] = {}
        self._make = _task_maker()

    @property
    def busy(self) -> int:
        """How many slots are taken: attempts without an accepted end, and code that outlived its end."""
        return len(self.jobs) + len(self.lingering)

    def begin(self, taken: Taken) -> None:
        """Start an attempt; it has its slot until `leave`."""
        job = JobContext()
        job.id = job.task_id = taken.job
        job.attempt, job.errors = taken.attempt, taken.errors
        job.max_attempts, job.timeout_s = taken.max_attempts, taken.timeout_s
        job.queue = taken.queue
        job._reporter = self._reporter
        running = Running(taken, job)
        self.jobs[running.key] = running
        self.begun += 1
        if taken.cancel is not None:
            job._stop = Stop("cancel", by=taken.cancel.by, reason=taken.cancel.reason)
        running.task = self._make(self._run(running))

    def leave(self, ending: Ending) -> None:
        """Free the slot of an attempt whose end is accepted or refused, once its code has ended too."""
        self._leave(ending.running)

    def drop(self, running: Running) -> None:
        """Forget an attempt that is another worker's by now: its code is stopped, and no end is told."""
        running.ask(Stop("lost", reason="the job was given to another worker"))
        running.settled = True
        running.context._close()
        self._leave(running)

    def check_times(self, now: float) -> None:
        """Stop what ran out of time, and end the jobs whose coroutine does not stop."""
        for running in list(self.jobs.values()):
            stop = running.stop
            if now >= running.deadline and stop is None:
                running.ask(
                    Stop("timeout", reason=f"the job ran longer than its timeout of {running.taken.timeout_s:g} s")
                )
            elif stop is not None and not running.settled and now - stop.at > STUBBORN_S and running.entered:
                logger.warning("job %s, attempt %d, does not stop; it keeps its slot", *running.key)
                self._settle_stopped(running, stop.error())

    def stop(self) -> None:
        """Let idle threads end."""
        self._threads.stop()

    def plan_of(self, task_name: str) -> Plan | None:
        """Return how to call a task, None if this process does not know it."""
        plan = self._plans.get(task_name)
        if plan is None:
            task = self._broker.find_task(task_name)
            if task is not None:
                plan = self._plans[task_name] = Plan(task, self._broker.options_of(task_name), validate=self._validate)
        return plan

    async def _run(self, running: Running) -> None:
        """Run one attempt to its end; nothing but the end of the process comes out of here."""
        running.entered = True
        job = running.context
        current.set(job)
        try:
            try:
                message = decode(running.taken.message)
            except Exception as error:
                unreadable = UnreadableMessage(f"the message cannot be read: {error}")
                self._settle(running, self._failure(unreadable, running, FinalReason.UNREADABLE))
                return
            job.task, job.task_id, job._labels = message.task_name, message.task_id, message.parsed_labels
            plan = self.plan_of(message.task_name)
            if plan is None:
                self._settle(running, self._unknown(running))
            elif plan.graph is not None or self._full_way.is_needed:
                await self._run_full(running, plan, message)
            else:
                await self._run_short(running, plan, message)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self._broker.stopping:
                raise  # the second Ctrl-C, not the job's
            if not running.settled:
                logger.exception("job %s, attempt %d, could not be run or its end not be written", *running.key)
                self._settle(running, self._failure(error, running))

    async def _run_short(self, running: Running, plan: Plan, message: Message) -> None:
        job = running.context
        try:
            if job._stop is not None:
                raise asyncio.CancelledError
            args, kwargs = plan.arguments(message, job)
            for name in plan.injected:
                kwargs[name] = job
            if plan.is_async:
                value = await plan.function(*args, **kwargs)
            else:
                value = await self._in_thread(running, plan.function, args, kwargs)
        except BaseException as error:
            if not running.settled:
                self._settle(running, self._ending_of_error(running, plan, error))
        else:
            if not running.settled:
                self._settle(running, self._completed(running, value))

    async def _run_full(self, running: Running, plan: Plan, message: Message) -> None:
        job = running.context
        taskiq_message = message.for_taskiq()
        taskiq_message.labels.pop("timeout", None)  # ours, see `check_times`
        value: Any = None
        error: BaseException | None = None

        async def call(injected: dict[str, Any]) -> Any:
            args, kwargs = plan.arguments(message, job)
            for name in plan.injected:
                injected[name] = job
            injected.update(kwargs)
            if plan.is_async:
                return await plan.function(*args, **injected)
            return await self._in_thread(running, plan.function, args, injected)

        try:
            if job._stop is not None:
                raise asyncio.CancelledError
            taskiq_message = await self._full_way.before(taskiq_message)
            message.args, message.kwargs = taskiq_message.args, taskiq_message.kwargs
            value = await self._full_way.call(plan.graph, taskiq_message, job, call)
        except BaseException as raised:
            error = raised
        if running.settled:
            return
        ending = self._completed(running, value) if error is None else self._ending_of_error(running, plan, error)
        running.settled = True
        seconds = time.monotonic() - running.began
        try:
            if ending.kind != "released":
                await self._full_way.after(
                    taskiq_message, value, error, seconds=seconds, is_final=ending.kind != "retrying"
                )
        finally:
            self._put(ending)

    async def _in_thread(
        self, running: Running, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        thread = self._threads.submit(functools.partial(function, *args, **kwargs))
        running.thread = thread
        value = await thread
        return await value if inspect.isawaitable(value) else value

    def _settle(self, running: Running, ending: Ending) -> None:
        running.settled = True
        self._put(ending)

    def _settle_stopped(self, running: Running, error: BaseException) -> None:
        """End a job whose coroutine does not; what that returns or raises later is nobody's."""
        plan = self._plans.get(running.context.task)
        ending = self._stopped(running, plan, error)
        running.settled = True
        self._put(ending)

    def _ending_of_error(self, running: Running, plan: Plan, error: BaseException) -> Ending:
        stop = running.stop
        if isinstance(error, KeyboardInterrupt) and self._broker.stopping:
            raise error  # the second Ctrl-C, not the job's
        if isinstance(error, Requeued):
            return Ending(running, "released")
        if type(error) is NoResultError:
            return self._completed(running, None, keep=False)
        if stop is not None and _comes_of_stop(error):
            if running.task is not None and isinstance(error, asyncio.CancelledError):
                running.task.uncancel()  # what runs after the function must not be taken for cancelled
            return self._stopped(running, plan, error)
        if isinstance(error, JobCancelled):
            return self._cancelled(running, by="job", reason=str(error))
        return self._failed_or_retrying(running, plan, error)

    def _stopped(self, running: Running, plan: Plan | None, error: BaseException) -> Ending:
        stop = running.stop
        if stop is None or stop.kind == "cancel":
            return self._cancelled(running, by=stop.by if stop else None, reason=stop.reason if stop else None)
        if stop.kind == "timeout":
            timeout = JobTimeout(stop.reason)
            timeout.__cause__, timeout.__traceback__ = None, error.__traceback__
            return self._failed_or_retrying(running, plan, timeout, reason=FinalReason.TIMEOUT)
        return Ending(running, "released")

    def _failed_or_retrying(
        self, running: Running, plan: Plan | None, error: BaseException, *, reason: str = FinalReason.ERROR
    ) -> Ending:
        errors = running.taken.errors + 1
        if plan is not None and errors < running.taken.max_attempts and is_worth_retrying(error, plan.options):
            data = self._error_data(running, error, reason)
            # Kept only if the engine makes this a cancelled job, because somebody has just asked for it.
            result = self._error_result(running, JobCancelled())
            return Ending(running, "retrying", data, delay_ms=backoff_ms(plan.options, errors), result=result)
        return self._failure(error, running, reason)

    def _completed(self, running: Running, value: object, *, keep: bool = True) -> Ending:
        encoded = encode(value)
        seconds = time.monotonic() - running.began
        data = b'{"duration_ms":%d,"result":%b}' % (
            int(seconds * 1000),
            self._redactor.json_within(encoded, RESULT_BYTES),
        )
        result = results.of_value(encoded, seconds) if keep and self._keep_results else None
        return Ending(running, "completed", data, result=result)

    def _cancelled(self, running: Running, *, by: str | None, reason: str | None) -> Ending:
        data = encode_plain({"by": by, "reason": reason, "duration_ms": _ms_since(running.began)})
        error = JobCancelled(f"cancelled: {reason}" if reason else None)
        return Ending(running, "cancelled", data, result=self._error_result(running, error))

    def _failure(self, error: BaseException, running: Running, reason: str = FinalReason.ERROR) -> Ending:
        data = self._error_data(running, error, reason)
        return Ending(running, "failed", data, result=self._error_result(running, error))

    def _error_result(self, running: Running, error: BaseException) -> bytes | None:
        return results.of_error(error, time.monotonic() - running.began) if self._keep_results else None

    def _unknown(self, running: Running) -> Ending:
        """Hand a job back that another worker may know, for about an hour."""
        name = running.context.task
        error = UnknownTask(f"no worker knows the task {name[:200]!r}; import its module where the worker starts")
        handed_back = running.taken.attempt - 1 - running.taken.errors
        if handed_back >= UNKNOWN_TIMES:
            return self._failure(error, running, FinalReason.UNKNOWN_TASK)
        logger.warning("job %s is of the unknown task %r; handed back", running.taken.job, name)
        pause_s = min(UNKNOWN_LONGEST_S, UNKNOWN_FIRST_S * 2.0 ** min(handed_back, 10))
        data = self._error_data(running, error, FinalReason.UNKNOWN_TASK)
        return Ending(running, "retrying", data, delay_ms=int(pause_s * 1000), uncounted=True)

    def _error_data(self, running: Running, error: BaseException, reason: str) -> bytes:
        info = error_info(error)
        hide = self._redactor.text
        return encode_plain(
            {
                "error": ErrorInfo(type=info.type, message=hide(info.message), code=info.code),
                "final_reason": str(reason),
                "duration_ms": _ms_since(running.began),
                "stack_trace": hide(stack_trace(error)),
            }
        )

    def _leave(self, running: Running) -> None:
        self.jobs.pop(running.key, None)
        thread, task = running.thread, running.task
        if thread is not None and not thread.left:
            self.lingering.add(running)
            thread.on_left = functools.partial(self._left, running)
        elif thread is None and task is not None and not task.done() and task is not _current_task():
            self.lingering.add(running)
            task.add_done_callback(lambda _: self._left(running))
        else:
            self.lingering.discard(running)
        self._on_free()

    def _left(self, running: Running) -> None:
        self.lingering.discard(running)
        self._on_free()


def _comes_of_stop(error: BaseException) -> bool:
    """Tell whether an error is, or was caused by, the cancellation of the task or a checkpoint."""
    seen: BaseException | None = error
    for _ in range(20):
        if seen is None:
            return False
        if isinstance(seen, asyncio.CancelledError | JobCancelled | JobTimeout):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _ms_since(moment: float) -> int:
    return int((time.monotonic() - moment) * 1000)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _task_maker() -> Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]:
    """Return what makes a task; from Python 3.12 on one that begins at once, which saves a turn of the loop."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return functools.partial(asyncio.Task, loop=loop, eager_start=True)
    return loop.create_task
