"""The broker: where tasks are declared and jobs are sent. Its jobs are run by `JobReceiver` alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, ParamSpec, TypeVar, overload

import msgspec
from msgspec import UNSET
from taskiq import AckableMessage, AsyncBroker, AsyncTaskiqDecoratedTask, AsyncTaskiqTask
from taskiq.kicker import AsyncKicker
from taskiq.message import BrokerMessage, TaskiqMessage
from taskiq.middlewares import SimpleRetryMiddleware, SmartRetryMiddleware
from taskiq.utils import maybe_awaitable

from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Accepted, NewJob
from taskcast.errors import ConfigurationError
from taskcast.ids import job_id_for, new_id
from taskcast.limits import check_parameters, key_of, names_in
from taskcast.message import JobFormatter, JobMessage, Message, argument, decode
from taskcast.names import DEFAULT_PREFIX, Names
from taskcast.options import (
    TASK_OPTIONS,
    SendOptions,
    TaskOptions,
    options_in_labels,
    send_options,
    task_options,
)
from taskcast.parameters import Parameters
from taskcast.plan import injected_names, is_async
from taskcast.redaction import Redactor
from taskcast.results import JobResultBackend, NoResultBackend
from taskcast.values import DATA_BYTES, encode, encode_plain

logger = logging.getLogger("taskcast.broker")

_Params = ParamSpec("_Params")
_Return = TypeVar("_Return")
Task = AsyncTaskiqDecoratedTask[Any, Any]

BATCH = 200


class EnqueuedJob(AsyncTaskiqTask[Any]):
    """A job that was sent: its id, what became of the sending, and Taskiq's `wait_result()`.

    Attributes:
        id: the id of the job that stands: this one, or with `outcome` "duplicate" the one that holds the key.
        outcome: accepted, known (this id was accepted before) or duplicate.
    """

    def __init__(self, accepted: Accepted, task_id: str, broker: JobBroker, return_type: Any = None) -> None:
        waits_for = accepted.stands if accepted.outcome == "duplicate" else task_id
        super().__init__(waits_for, broker.result_backend, return_type)
        self.id = accepted.stands
        self.outcome: Literal["accepted", "known", "duplicate"] = accepted.outcome


class JobBroker(AsyncBroker):
    """A Taskiq broker on Valkey or Redis whose every accepted job reaches one visible end.

    Args:
        url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://host:26379,host:26379/service` or
            `redis+cluster://host:6379,host:6379/`.
        prefix: of all keys; one for each installation on a server.
        queues: the queues that workers of this broker serve; None for all there are.
        lease_s: seconds after which the jobs of a vanished worker are given to another.
        result_ttl_s: seconds that `wait_result()` finds a result.
        keep_results: False if nobody ever calls `wait_result()`; results are in the job's row all the same.
        loop_blocked_s: seconds after which a worker whose event loop is blocked is shown as such.
        loop_kill_s: seconds after which it ends, so that its jobs are given to others.
        capture_logs: the least level of standard logging inside jobs that goes into their logs; None for none.
        redact_names: further names whose values are secret.
        redact_values: texts that are secret wherever they appear; see also `redactor.add_values`.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = DEFAULT_PREFIX,
        queues: Sequence[str] | None = None,
        lease_s: float = 15.0,
        result_ttl_s: int = 86400,
        keep_results: bool = True,
        loop_blocked_s: float = 60.0,
        loop_kill_s: float = 600.0,
        capture_logs: int | None = logging.NOTSET,
        redact_names: Iterable[str] = (),
        redact_values: Iterable[str] = (),
    ) -> None:
        super().__init__()
        if lease_s < 1:
            raise ConfigurationError(f"lease_s: must be 1 second or more, not {lease_s!r}")
        self.url, self.names = url, Names(prefix)
        self.queues = None if queues is None else list(queues)
        self.lease_s, self.result_ttl_s, self.keep_results = lease_s, result_ttl_s, keep_results
        self.loop_blocked_s, self.loop_kill_s = loop_blocked_s, loop_kill_s
        self.capture_logs = capture_logs
        self.redactor = Redactor(names=redact_names, values=redact_values)
        self.stopping = False
        self.id_generator = new_id
        self.formatter = JobFormatter()
        self.result_backend = (
            JobResultBackend(url, self.names, ttl_s=result_ttl_s) if keep_results else NoResultBackend()
        )
        self._options: dict[str, TaskOptions] = {}
        self._parameters: dict[str, Parameters] = {}
        self._engine: Engine | None = None
        self._engine_loop: asyncio.AbstractEventLoop | None = None

    @property
    def engine(self) -> Engine:
        """The engine, with a client for the running event loop; it connects at its first use."""
        loop = asyncio.get_running_loop()
        if self._engine is None or self._engine_loop not in {loop, None}:
            self._engine, self._engine_loop = Engine.connect(self.url, self.names.prefix), loop
        return self._engine

    @engine.setter
    def engine(self, engine: Engine) -> None:
        self._engine, self._engine_loop = engine, None

    @overload
    def task(
        self, task_name: Callable[_Params, _Return], **labels: Any
    ) -> AsyncTaskiqDecoratedTask[_Params, _Return]: ...

    @overload
    def task(
        self, task_name: str | None = None, **labels: Any
    ) -> Callable[[Callable[_Params, _Return]], AsyncTaskiqDecoratedTask[_Params, _Return]]: ...

    def task(self, task_name: Any = None, **labels: Any) -> Any:
        """Declare a task.

        Args:
            task_name: its name; by default the module and the function's name.
            labels: the options of `TaskOptions` (queue, priority, max_attempts, backoff, backoff_s, retry_on,
                never_retry_on, timeout_s, max_deliveries, keep_message, rate_limit, concurrency, concurrency_key,
                executor); all others are Taskiq labels.

        Raises:
            ValueError, TypeError: naming the option that is wrong.
        """
        given = {name: labels.pop(name) for name in labels.keys() & TASK_OPTIONS}
        if "timeout" in labels:
            given.setdefault("timeout_s", float(labels.pop("timeout")))
        options = task_options(given)
        decorate = super().task

        def declare(function: Callable[_Params, _Return]) -> AsyncTaskiqDecoratedTask[_Params, _Return]:
            name = None if callable(task_name) else task_name
            self._check_function(function, options)
            task: AsyncTaskiqDecoratedTask[_Params, _Return] = decorate(name, **labels)(function)
            self._options[task.task_name] = options
            return task

        return declare(task_name) if callable(task_name) else declare

    def _check_function(self, function: Callable[..., Any], options: TaskOptions) -> None:
        if options.executor == "process" and is_async(function):
            raise ValueError("executor: 'process' is for plain functions; an async one is stopped at its next await")
        if options.concurrency_key is not None:
            parameters = Parameters(function)
            given = None
            if not parameters.takes_any:
                injected = injected_names(function)
                given = [name for name in parameters.names if name not in injected]
            check_parameters(options.concurrency_key, given, self.redactor.hides)

    def options_of(self, task_name: str) -> TaskOptions:
        """Return a task's options; the defaults for one that is not declared here."""
        options = self._options.get(task_name)
        if options is None:
            task = self.find_task(task_name)
            labels = {} if task is None else {k: v for k, v in task.labels.items() if k in TASK_OPTIONS}
            options = task_options(labels)
            if task is not None:
                self._options[task_name] = options
        return options

    async def enqueue(
        self,
        task: Task | str,
        *args: Any,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> EnqueuedJob:
        """Send a job; it is accepted when this returns.

        Args:
            task: the task, or the name of one that only workers know.
            args: its positional arguments.
            kwargs: its arguments by name.
            options: queue, priority, max_attempts, timeout_s, max_deliveries, keep_message override the task's;
                delay_s or run_at, dedup_key, rate_limit_key, user_id, metadata, by, job_id.

        Raises:
            TypeError: for an unknown option.
            ValueError: for an option or argument that cannot be, or one that the concurrency key needs and that is
                missing.
            MessageTooLarge: for a message over 1 MiB.
            EngineFull: if the server's memory is nearly used up.
            EngineUnavailable: if the server cannot be reached; the job may have been accepted.
        """
        checked = send_options(options)
        message = self._message(task, args, kwargs or {}, checked.job_id)
        for middleware in self.middlewares:
            message = await maybe_awaitable(middleware.pre_send(message))
        (accepted,) = await self.engine.enqueue([self._new_job(self._dumped(message), checked)])
        for middleware in reversed(self.middlewares):
            await maybe_awaitable(middleware.post_send(message))
        return EnqueuedJob(accepted, message.task_id, self, _return_type(task))

    async def enqueue_many(
        self,
        task: Task | str,
        calls: Iterable[Sequence[Any] | Mapping[str, Any]],
        **options: Any,
    ) -> list[EnqueuedJob]:
        """Send many jobs of one task, 200 in a round trip.

        Args:
            task: the task, or the name of one that only workers know.
            calls: for each job its positional arguments (a tuple or list) or its arguments by name (a dict).
            options: as in `enqueue`, for each of them.

        Raises:
            As `enqueue`; jobs of earlier batches have been accepted then.
        """
        checked = send_options(options)
        if checked.job_id is not None:
            raise ValueError("job_id: many jobs cannot have one id")
        return_type = _return_type(task)
        sent: list[EnqueuedJob] = []
        jobs: list[NewJob] = []
        ids: list[str] = []
        under_way: asyncio.Task[list[Accepted]] | None = None

        async def collect() -> None:
            # The next batch is encoded while the server works at the one before.
            if under_way is not None:
                for accepted, task_id in zip(await under_way, waiting, strict=True):
                    sent.append(EnqueuedJob(accepted, task_id, self, return_type))

        waiting: list[str] = []
        for call in calls:
            if isinstance(call, Mapping):
                message = self._message(task, (), call, None)
            else:
                message = self._message(task, call, {}, None)
            for middleware in self.middlewares:
                message = await maybe_awaitable(middleware.pre_send(message))
            jobs.append(self._new_job(self._dumped(message), checked))
            ids.append(message.task_id)
            if len(jobs) >= BATCH:
                await collect()
                under_way, waiting = asyncio.ensure_future(self.engine.enqueue(jobs)), ids
                jobs, ids = [], []
                await asyncio.sleep(0)  # lets the call begin
        await collect()
        if jobs:
            under_way, waiting = asyncio.ensure_future(self.engine.enqueue(jobs)), ids
            await collect()
        return sent

    async def kick(self, message: BrokerMessage) -> None:
        """Send a job for `kiq()` and `kicker()`; our options are read from the labels."""
        options = options_in_labels(message.labels)
        (accepted,) = await self.engine.enqueue([self._new_job(message, options)])
        if accepted.outcome == "duplicate" and isinstance(message, JobMessage):
            message.source.task_id = accepted.stands  # so that `wait_result()` waits for the job that stands

    def listen(self) -> AsyncGenerator[bytes | AckableMessage, None]:
        """Refuse: only `JobReceiver` can run the jobs of this broker.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "a JobBroker's jobs need its own receiver: start the worker with `--receiver taskcast:JobReceiver`"
        )

    async def startup(self) -> None:
        """Start, after a look at the middlewares.

        Raises:
            ConfigurationError: if one of them retries, which the engine does itself.
        """
        self.check_middlewares()
        await super().startup()

    async def shutdown(self) -> None:
        """Close the connections."""
        await super().shutdown()
        if self._engine is not None and self._engine_loop in {asyncio.get_running_loop(), None}:
            await self._engine.aclose()
        self._engine = None

    def check_middlewares(self) -> None:
        """Refuse middlewares that send a job again behind the engine's back.

        Raises:
            ConfigurationError: naming the middleware and what to write instead.
        """
        for middleware in self.middlewares:
            if isinstance(middleware, SimpleRetryMiddleware | SmartRetryMiddleware):
                raise ConfigurationError(
                    f"{type(middleware).__name__} cannot be used with a JobBroker, which retries by itself: remove it "
                    "and write @broker.task(max_attempts=..., backoff=..., retry_on=...)"
                )

    def _message(
        self, task: Task | str, args: Sequence[Any], kwargs: Mapping[str, Any], job_id: str | None
    ) -> TaskiqMessage:
        if isinstance(task, str):
            name, labels = task, {}
        else:
            name, labels = task.task_name, task.labels
            if task.broker is not self and isinstance(task.broker, JobBroker):
                # Sent through another broker (another server, a test), a task keeps what its own broker knows of it.
                self._options.setdefault(name, task.broker.options_of(name))
        if labels:
            kicker: AsyncKicker[Any, Any] = AsyncKicker(name, self, dict(labels)).with_task_id(job_id)
            return kicker._prepare_message(*args, **kwargs)
        return TaskiqMessage.model_construct(
            task_id=job_id or self.id_generator(),
            task_name=name,
            labels={},
            labels_types={},
            args=list(args),
            kwargs=dict(kwargs),
        )

    def _dumped(self, message: TaskiqMessage) -> BrokerMessage:
        return self.formatter.dumps(message)

    def _new_job(self, message: BrokerMessage, said: SendOptions) -> NewJob:
        options = self.options_of(message.task_name)
        job_id, foreign_id = job_id_for(message.task_id)
        metadata = said.metadata
        if metadata:
            metadata = msgspec.json.decode(self.redactor.json_within(encode(metadata), DATA_BYTES))
        if foreign_id is not None:
            metadata = {**metadata, "foreign_id": foreign_id[:1024]}
        rate = options.rate_limit
        return NewJob(
            id=job_id,
            task=message.task_name,
            queue=options.queue if said.queue is UNSET else said.queue,
            priority=options.priority if said.priority is UNSET else said.priority,
            message=message.message,
            data=msgspec.Raw(self._data(message)),
            user_id=said.user_id,
            run_at_ms=None if said.run_at is None else round(said.run_at.timestamp() * 1000),
            delay_ms=None if said.delay_s is None else round(said.delay_s * 1000),
            max_attempts=options.max_attempts if said.max_attempts is UNSET else said.max_attempts,
            timeout_s=options.timeout_s if said.timeout_s is UNSET else said.timeout_s,
            max_deliveries=options.max_deliveries if said.max_deliveries is UNSET else said.max_deliveries,
            deduplication_key=said.dedup_key,
            rate_limit_key=said.rate_limit_key,
            rate_count=None if rate is None else rate.count,
            rate_period_ms=None if rate is None else rate.period_ms,
            concurrency=options.concurrency,
            concurrency_key=self._concurrency_key(message, options.concurrency_key),
            metadata=metadata,
            by=said.by,
            keep_message=options.keep_message if said.keep_message is UNSET else said.keep_message,
        )

    def _data(self, message: BrokerMessage) -> bytes:
        """Return the arguments by name as JSON text, redacted and cut."""
        source = _source(message)
        if source is None:
            return b"{}"
        parameters = self._parameters_of(message.task_name)
        return self.redactor.json_within(encode(parameters.by_name(source.args, source.kwargs)), DATA_BYTES)

    def _concurrency_key(self, message: BrokerMessage, template: str | None) -> str | None:
        """Return the key that the job counts under; None for the task's name."""
        source = None if template is None else _source(message)
        if template is None or source is None:
            return None
        parameters = self._parameters_of(message.task_name)
        given = parameters.defaults | parameters.by_name(source.args, source.kwargs)
        asked = {name: given[name] for name in names_in(template) if name in given}
        # As JSON has them, so that whoever enqueues by name counts under the same key.
        return key_of(template, msgspec.json.decode(encode_plain({name: argument(asked[name]) for name in asked})))

    def _parameters_of(self, task_name: str) -> Parameters:
        parameters = self._parameters.get(task_name)
        if parameters is None:
            task = self.find_task(task_name)
            parameters = Parameters(None if task is None else task.original_func)
            if task is not None:
                self._parameters[task_name] = parameters
        return parameters


def _source(message: BrokerMessage) -> TaskiqMessage | Message | None:
    """Return the message with its arguments; None for what a formatter of the user's made unreadable."""
    if isinstance(message, JobMessage):
        return message.source
    try:
        return decode(message.message)
    except msgspec.DecodeError:
        return None


def _return_type(task: Task | str) -> Any:
    return None if isinstance(task, str) else task.return_type
