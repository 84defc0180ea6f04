"""Watches the jobs of any other Taskiq broker: states, attempts, errors, progress and logs, without running them.

A monitor must not break what it watches: nothing here raises into a hook, and a queue server that is away costs a job
a moment now and then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable
from typing import Any

import msgspec
from taskiq import TaskiqMessage, TaskiqMiddleware, TaskiqResult
from taskiq.exceptions import NoResultError

from taskcast import logs
from taskcast.announcement import Announcement
from taskcast.context import JobContext, current
from taskcast.ending import end
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob, Report
from taskcast.errors import ConfigurationError, JobCancelled, TaskcastError
from taskcast.failures import Failure
from taskcast.ids import check_queue_name, job_id_for
from taskcast.names import DEFAULT_PREFIX
from taskcast.parameters import Parameters
from taskcast.redaction import Redactor
from taskcast.reporter import Reporter
from taskcast.reports import first_line
from taskcast.values import DATA_BYTES, RESULT_BYTES, encode, encode_plain

logger = logging.getLogger("taskcast.middleware")

DEADLINE_S = 1.0
REST_S = 5.0
"""Seconds that nothing is told after the queue server gave no answer, so that jobs do not wait for it one by one."""
LEASE_S = 15.0
FIELD_BYTES = 8192


class JobMiddleware(TaskiqMiddleware):
    """Shows the jobs of a broker that is no `JobBroker`.

    Add it as the last middleware of the broker, on the senders' side and in the workers: so it knows a job's error before
    another middleware sends the job again. Inside a job `current_job()` and a `JobContext` parameter work as in Taskcast's
    own.

    Args:
        url: of the queue server that Taskcast uses; it need not be the broker's.
        prefix: of Taskcast's keys.
        queue: the name under which the jobs are shown; a label `queue` of a task wins.
        capture_logs: the least level of standard logging inside jobs that goes into their logs; None for none.
        redact_names: further names whose values are secret.
        redact_values: texts that are secret wherever they appear.

    Example:
        broker = RedisStreamBroker(url).with_middlewares(JobMiddleware(url))
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = DEFAULT_PREFIX,
        queue: str = "default",
        capture_logs: int | None = logging.NOTSET,
        redact_names: Iterable[str] = (),
        redact_values: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.redactor = Redactor(names=redact_names, values=redact_values)
        self._url, self._prefix, self._queue = url, prefix, check_queue_name(queue)
        self._capture_logs = capture_logs
        self._engine: Engine | None = None
        self._engine_loop: asyncio.AbstractEventLoop | None = None
        self._quiet_until = 0.0
        self._worker = ""
        self._reporter: Reporter | None = None
        self._announcement: Announcement | None = None
        self._stay: asyncio.Task[None] | None = None
        self._log_handler: logging.Handler | None = None
        self._running: dict[int, _Attempt] = {}

    @property
    def engine(self) -> Engine:
        """The engine, with a client for the running event loop."""
        loop = asyncio.get_running_loop()
        if self._engine is None or self._engine_loop is not loop:
            self._engine, self._engine_loop = Engine.connect(self._url, self._prefix), loop
        return self._engine

    def set_broker(self, broker: Any) -> None:
        """Refuse a broker that needs no watching.

        Raises:
            ConfigurationError: for a `JobBroker`.
        """
        from taskcast.broker import JobBroker

        if isinstance(broker, JobBroker):
            raise ConfigurationError("a JobBroker's jobs are shown as they are: leave JobMiddleware out")
        super().set_broker(broker)

    async def startup(self) -> None:
        """Begin to say that this worker is there; a process that only sends has nothing to begin."""
        if not self.broker.is_worker_process:
            return
        self._announcement = Announcement(queues=[], slots=0, tasks={})
        self._worker = self._announcement.worker
        self._reporter = Reporter(
            engine=self.engine,
            worker=self._worker,
            redactor=self.redactor,
            on_refused=lambda _job, _attempt: None,
            on_cancel=lambda _asked: None,
        )
        self._reporter.start()
        self.broker.dependency_overrides.setdefault(JobContext, _this_job)
        if self._capture_logs is not None:
            self._log_handler = logs.install(self._capture_logs)
        self._stay = asyncio.get_running_loop().create_task(self._be_there(self._announcement), name="taskcast-stay")

    async def shutdown(self) -> None:
        """End what `startup` began, and close the connections."""
        await end(self._stay)
        if self._reporter is not None:
            await self._reporter.stop()
        if isinstance(self._log_handler, logs.JobLogHandler):
            logs.uninstall(self._log_handler)
        if self._announcement is not None:
            await self._try(self.engine.unregister(self._worker, self._announcement.info(), deadline_s=DEADLINE_S))
        if self._engine is not None and self._engine_loop is asyncio.get_running_loop():
            await self._engine.aclose()
        self._engine = self._stay = self._reporter = self._announcement = self._log_handler = None

    async def pre_send(self, message: TaskiqMessage) -> TaskiqMessage:
        """Tell that the job is queued, before anybody can run it; of one that is sent again, how its attempt ended."""
        await self._observe(message, _attempt(message) - 1, "queued")
        for running in list(self._running.values()):
            if running.message.task_id == message.task_id and running.failure is not None:
                await self._tell_end(running, None)
        return message

    async def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        """Tell that an attempt begins, and make its job known inside of it."""
        attempt = _attempt(message)
        job = JobContext()
        job.id, job.task_id, job.task = job_id_for(message.task_id)[0], message.task_id, message.task_name
        job.attempt, job.errors, job.queue = attempt, attempt - 1, self._queue_of(message)
        job._reporter = self._reporter
        current.set(job)
        self._running[id(message)] = _Attempt(message, job)
        started = b"{}" if self._announcement is None else self._announcement.started
        await self._observe(message, attempt, "running", started)
        return message

    def on_error(self, message: TaskiqMessage, _result: TaskiqResult[Any], exception: BaseException) -> None:
        """Keep the error: a middleware that retries puts another one in its place."""
        running = self._running.get(id(message))
        if running is not None and not isinstance(exception, NoResultError):
            running.failure = Failure.of(exception)

    async def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        """Tell how the attempt ended, with the rest of its log before."""
        running = self._running.pop(id(message), None)
        if running is not None:  # else another middleware put another message in its place
            await self._tell_end(running, result)

    async def _tell_end(self, running: _Attempt, result: TaskiqResult[Any] | None) -> None:
        if running.is_told:
            return
        running.is_told = True
        message = running.message
        job, failure, attempt = running.job, running.failure, running.job.attempt
        if items := job._close():
            report = Report(job=job.id, attempt=attempt, items=items, first_line=first_line(items))
            await self._try(self.engine.report(self._worker, [report], deadline_s=DEADLINE_S))
        duration_ms = int((time.monotonic() - running.began) * 1000)
        if failure is None:
            returned = None if result is None else result.return_value
            value = self.redactor.json_within(encode(returned), RESULT_BYTES)
            await self._observe(message, attempt, "completed", b'{"duration_ms":%d,"result":%b}' % (duration_ms, value))
            return
        text = self.redactor.json_within(encode(failure.info.message), FIELD_BYTES)
        if failure.is_a(JobCancelled):
            data = {"duration_ms": duration_ms, "by": "job", "reason": msgspec.Raw(text)}
            await self._observe(message, attempt, "cancelled", encode_plain(data))
            return
        error: dict[str, Any] = {"type": failure.info.type, "message": msgspec.Raw(text)}
        if failure.info.code is not None:
            error["code"] = self.redactor.text(failure.info.code)
        data = {
            "duration_ms": duration_ms,
            "error": error,
            "stack_trace": self.redactor.text(failure.stack_trace),
            "final_reason": "timeout" if failure.is_a(TimeoutError) else "error",
        }
        await self._observe(message, attempt, "failed", encode_plain(data))

    async def _observe(self, message: TaskiqMessage, attempt: int, state: Any, data: bytes = b"{}") -> None:
        try:
            job = self._new_job(message)
        except Exception:
            logger.exception("a job cannot be shown")
            return
        await self._try(self.engine.observe(self._worker, job, attempt, state, data, deadline_s=DEADLINE_S))

    async def _try(self, call: Awaitable[Any]) -> bool:
        """Make a call unless the server was away a moment ago; return whether it was answered."""
        if time.monotonic() < self._quiet_until:
            if asyncio.iscoroutine(call):
                call.close()
            return False
        try:
            await call
        except (TaskcastError, OSError) as error:
            self._quiet_until = time.monotonic() + REST_S
            logger.warning("jobs are not shown for now: %s", error)
            return False
        except Exception:
            logger.exception("a job is not shown as it should")
            return False
        return True

    def _new_job(self, message: TaskiqMessage) -> NewJob:
        job_id, foreign_id = job_id_for(message.task_id)
        task = self.broker.find_task(message.task_name)
        parameters = Parameters(None if task is None else task.original_func)
        arguments = encode(parameters.by_name(message.args, message.kwargs))
        return NewJob(
            id=job_id,
            task=message.task_name,
            queue=self._queue_of(message),
            message=b"",
            data=msgspec.Raw(self.redactor.json_within(arguments, DATA_BYTES)),
            metadata={} if foreign_id is None else {"foreign_id": foreign_id[:1024]},
            keep_message=False,
        )

    def _queue_of(self, message: TaskiqMessage) -> str:
        try:
            return check_queue_name(str(message.labels.get("queue", self._queue)))
        except ValueError:
            return self._queue

    async def _be_there(self, announcement: Announcement) -> None:
        """Keep a lease, so that running jobs of a vanished worker are found."""
        known, beats = False, 0
        while True:
            if not known:
                call = self.engine.register(
                    self._worker, lease_ms=int(LEASE_S * 1000), info=announcement.info(), deadline_s=DEADLINE_S
                )
                known = await self._try(call)
            else:
                await self._try(self._renew(announcement, beat=beats % 3 == 0))
                beats += 1
            await asyncio.sleep(LEASE_S / 3)

    async def _renew(self, announcement: Announcement, *, beat: bool) -> None:
        await self.engine.renew(self._worker, lease_ms=int(LEASE_S * 1000), known=0, deadline_s=DEADLINE_S)
        if beat:
            busy = [running.job.id for running in list(self._running.values())]
            await self.engine.beat(self._worker, announcement.info(busy=busy), deadline_s=DEADLINE_S)


class _Attempt:
    """An attempt under way; it holds its message, so that no other has the same identity."""

    __slots__ = ("began", "failure", "is_told", "job", "message")

    def __init__(self, message: TaskiqMessage, job: JobContext) -> None:
        self.message, self.job = message, job
        self.began = time.monotonic()
        self.failure: Failure | None = None
        self.is_told = False


def _attempt(message: TaskiqMessage) -> int:
    """Return the number of the attempt, as Taskiq's middlewares that retry count in a label.

    They change it in place when they send the job again: only before that it is the attempt's own.
    """
    try:
        return int(message.labels.get("_retries", 0)) + 1
    except (TypeError, ValueError):
        return 1


def _this_job() -> JobContext:
    return current.get() or JobContext()
