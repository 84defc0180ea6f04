"""Runs attempts: from what was taken to the end that goes to the server.

A function's every way out is an end: a value, an error of any class, a timeout, a request to stop. Sync functions run
in threads, whose *job* a timeout or a cancel ends at once, while the thread keeps its slot until it returns; or in
child processes, which a timeout or a cancel kills.
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

import msgspec

from taskcast.children.functions import reference_to
from taskcast.children.wire import Begin
from taskcast.context import JobContext, Stop, current
from taskcast.endings import Endings
from taskcast.engine.jobs import Held, Taken
from taskcast.failures import Failure, RaisedInChild
from taskcast.full_way import FullWay
from taskcast.message import Message, argument, check_size, decode
from taskcast.plan import Plan
from taskcast.running import Ending, Running
from taskcast.threads import SlotThreads
from taskcast.values import Encoded

if TYPE_CHECKING:
    from taskcast.broker import JobBroker
    from taskcast.children.pool import ChildPool
    from taskcast.reporter import Reporter

logger = logging.getLogger("taskcast.receiver")

STUBBORN_S = 5.0
"""How long a coroutine may go on after it was cancelled; then the job ends without it, and it keeps the slot."""


class Runner:
    """The attempts of one worker.

    Args:
        broker: whose tasks they are.
        full_way: for tasks with middlewares, dependencies or a foreign result backend.
        reporter: sends what they tell.
        children: where functions run that must be killable.
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
        children: ChildPool,
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
        self._validate = validate
        self._endings = Endings(redactor=broker.redactor, keep_results=keep_results)
        self._threads, self._children = SlotThreads(), children
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
                # What it returns or raises later is nobody's.
                plan = self._plans.get(running.context.task)
                self._settle(running, self._endings.of_stop(running, plan, Failure.of(stop.error())))

    def start(self) -> None:
        """Prepare for tasks that run in child processes, if there are any.

        Raises:
            ConfigurationError: if one of them cannot.
        """
        plans = [plan for name in self._broker.get_all_tasks() if (plan := self.plan_of(name)) and plan.in_child]
        for plan in plans:
            plan.check_child()
        if plans:
            self._children.start()

    async def stop(self) -> None:
        """Let idle threads end, and end all child processes."""
        self._threads.stop()
        await self._children.stop()

    def plan_of(self, task_name: str) -> Plan | None:
        """Return how to call a task, None if this process does not know it."""
        plan = self._plans.get(task_name)
        if plan is None:
            task = self._broker.find_task(task_name)
            if task is not None:
                plan = self._plans[task_name] = Plan(
                    task.original_func, self._broker.options_of(task_name), validate=self._validate
                )
        return plan

    async def _run(self, running: Running) -> None:
        """Run one attempt to its end; nothing but the end of the process comes out of here."""
        running.entered = True
        job = running.context
        current.set(job)
        try:
            try:
                message = decode(check_size(running.taken.message))
            except Exception as error:
                self._settle(running, self._endings.unreadable(running, error))
                return
            job.task, job.task_id, job._labels = message.task_name, message.task_id, message.parsed_labels
            plan = self.plan_of(message.task_name)
            if plan is None:
                self._settle(running, self._endings.unknown(running))
            elif plan.graph is not None or self._full_way.is_needed:
                await self._run_full(running, plan, message)
            else:
                await self._run_short(running, plan, message)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and self._broker.stopping:
                raise  # the second Ctrl-C, not the job's
            if not running.settled:
                logger.exception("job %s, attempt %d, could not be run or its end not be written", *running.key)
                self._settle(running, self._endings.broken(running, error))

    async def _run_short(self, running: Running, plan: Plan, message: Message) -> None:
        job = running.context
        try:
            if job._stop is not None:
                raise asyncio.CancelledError
            if plan.in_child:
                value = await self._in_child(running, plan, running.taken.message)
            else:
                args, kwargs = plan.arguments(message, job)
                for name in plan.injected:
                    kwargs[name] = job
                if plan.is_async:
                    value = await plan.function(*args, **kwargs)
                else:
                    value = await self._in_thread(running, plan.function, args, kwargs)
        except BaseException as error:
            if not running.settled:
                self._settle(running, self._ending_of_error(running, plan, message, error))
        else:
            if not running.settled:
                self._settle(running, self._endings.of_value(running, value))

    async def _run_full(self, running: Running, plan: Plan, message: Message) -> None:
        job = running.context
        taskiq_message = message.for_taskiq()
        taskiq_message.labels.pop("timeout", None)  # ours, see `check_times`
        value: Any = None
        error: BaseException | None = None

        async def call(injected: dict[str, Any]) -> Any:
            if plan.in_child:
                message.args = [argument(value) for value in message.args]
                message.kwargs = {name: argument(value) for name, value in message.kwargs.items()}
                return await self._in_child(running, plan, message.encoded())
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
        if error is None:
            ending = self._endings.of_value(running, value)
        else:
            ending = self._ending_of_error(running, plan, message, error)
        running.settled = True
        seconds = time.monotonic() - running.began
        try:
            if ending.kind != "released":
                if type(value) is Encoded:
                    value = msgspec.json.decode(value)
                if isinstance(error, RaisedInChild):
                    error = error.as_raised()
                await self._full_way.after(
                    taskiq_message, value, error, seconds=seconds, is_final=ending.kind != "retrying"
                )
        finally:
            self._put(ending)

    async def _in_thread(
        self, running: Running, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        thread = self._threads.submit(functools.partial(function, *args, **kwargs))
        running.call = thread
        value = await thread
        return await value if inspect.isawaitable(value) else value

    async def _in_child(self, running: Running, plan: Plan, message: bytes) -> Any:
        """Return what the function returned in a child process, as JSON text; its time counts from its begin there."""
        job, taken = running.context, running.taken
        begin = Begin(
            function=reference_to(plan.function),
            task=job.task,
            task_id=job.task_id,
            job=job.id,
            queue=job.queue,
            attempt=taken.attempt,
            errors=taken.errors,
            max_attempts=taken.max_attempts,
            timeout_s=taken.timeout_s,
            validate=self._validate,
            message=message,
        )
        running.waits()
        running.call = self._children.submit(begin, job, running.begins)
        return await running.call

    def _settle(self, running: Running, ending: Ending) -> None:
        running.settled = True
        self._put(ending)

    def _ending_of_error(self, running: Running, plan: Plan, message: Message, error: BaseException) -> Ending:
        if isinstance(error, KeyboardInterrupt) and self._broker.stopping:
            raise error  # the second Ctrl-C, not the job's
        if isinstance(error, TypeError | RaisedInChild) and (misfit := plan.misfit(message)):
            return self._endings.unreadable(running, TypeError(misfit))
        return self._endings.of_error(running, plan, error)

    def _leave(self, running: Running) -> None:
        self.jobs.pop(running.key, None)
        call, task = running.call, running.task
        if call is not None and not call.left:
            self.lingering.add(running)
            call.on_left = functools.partial(self._left, running)
        elif call is None and task is not None and not task.done() and task is not _current_task():
            self.lingering.add(running)
            task.add_done_callback(lambda _: self._left(running))
        else:
            self.lingering.discard(running)
        self._on_free()

    def _left(self, running: Running) -> None:
        self.lingering.discard(running)
        self._on_free()


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
