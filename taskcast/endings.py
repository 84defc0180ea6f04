"""Makes an attempt's end of what became of its function: a value, an error of any class, a request to stop."""

from __future__ import annotations

import asyncio
import logging
import time

from taskiq.exceptions import NoResultError

from taskcast import results
from taskcast.errors import JobCancelled, JobTimeout, TaskcastError
from taskcast.events import ErrorInfo
from taskcast.failures import Failure
from taskcast.full_way import Requeued
from taskcast.plan import Plan
from taskcast.redaction import Redactor
from taskcast.retries import backoff_ms, is_worth_retrying
from taskcast.running import Ending, Running
from taskcast.states import FinalReason
from taskcast.values import RESULT_BYTES, Encoded, encode, encode_plain

logger = logging.getLogger("taskcast.receiver")

UNKNOWN_FIRST_S = 5.0
UNKNOWN_LONGEST_S = 60.0
UNKNOWN_TIMES = 62
"""How often a job of an unknown task is handed back: 5, 10, 20, 40, then every 60 seconds, an hour in all."""


class UnknownTask(TaskcastError):
    """No task of this name is known here."""

    code = "unknown_task"


class UnreadableMessage(TaskcastError):
    """The job's message is no Taskiq message."""

    code = "unreadable"


class Endings:
    """The ends of one worker's attempts.

    Args:
        redactor: hides secrets in results and errors.
        keep_results: whether results are kept for `wait_result()`.
    """

    def __init__(self, *, redactor: Redactor, keep_results: bool) -> None:
        self._redactor, self._keep_results = redactor, keep_results

    def of_value(self, running: Running, value: object, *, keep: bool = True) -> Ending:
        """Return the end of an attempt whose function returned `value`."""
        encoded = value if type(value) is Encoded else encode(value)
        seconds = time.monotonic() - running.began
        data = b'{"duration_ms":%d,"result":%b}' % (
            int(seconds * 1000),
            self._redactor.json_within(encoded, RESULT_BYTES),
        )
        result = results.of_value(encoded, seconds) if keep and self._keep_results else None
        return Ending(running, "completed", data, result=result)

    def of_error(self, running: Running, plan: Plan | None, error: BaseException) -> Ending:
        """Return the end of an attempt whose function raised `error`."""
        if isinstance(error, Requeued):
            return Ending(running, "released")
        failure = Failure.of(error)
        if failure.is_exactly(NoResultError):
            return self.of_value(running, None, keep=False)
        if running.stop is not None and failure.comes_of_stop:
            if running.task is not None and isinstance(error, asyncio.CancelledError):
                running.task.uncancel()  # what runs after the function must not be taken for cancelled
            return self.of_stop(running, plan, failure)
        if failure.is_a(JobCancelled):
            return self._cancelled(running, by="job", reason=failure.info.message)
        return self._failed_or_retrying(running, plan, failure)

    def of_stop(self, running: Running, plan: Plan | None, failure: Failure) -> Ending:
        """Return the end of an attempt that was asked to stop, and did so by `failure`."""
        stop = running.stop
        if stop is None or stop.kind == "cancel":
            return self._cancelled(running, by=stop.by if stop else None, reason=stop.reason if stop else None)
        if stop.kind == "timeout":
            if not failure.is_exactly(JobTimeout):
                timeout = JobTimeout(stop.reason)
                timeout.__traceback__ = failure.error.__traceback__ if failure.error is not None else None
                failure = Failure.of(timeout)
            return self._failed_or_retrying(running, plan, failure, reason=FinalReason.TIMEOUT)
        return Ending(running, "released")

    def unreadable(self, running: Running, error: Exception) -> Ending:
        """Return the end of an attempt whose message cannot be read."""
        failure = Failure.of(UnreadableMessage(f"the message cannot be read: {error}"))
        return self._failed(running, failure, FinalReason.UNREADABLE)

    def unknown(self, running: Running) -> Ending:
        """Hand a job back that another worker may know, for about an hour."""
        name = running.context.task
        error = UnknownTask(f"no worker knows the task {name[:200]!r}; import its module where the worker starts")
        handed_back = running.taken.attempt - 1 - running.taken.errors
        if handed_back >= UNKNOWN_TIMES:
            return self._failed(running, Failure.of(error), FinalReason.UNKNOWN_TASK)
        logger.warning("job %s is of the unknown task %r; handed back", running.taken.job, name)
        pause_s = min(UNKNOWN_LONGEST_S, UNKNOWN_FIRST_S * 2.0 ** min(handed_back, 10))
        data = self._data(running, Failure.of(error), FinalReason.UNKNOWN_TASK)
        return Ending(running, "retrying", data, delay_ms=int(pause_s * 1000), uncounted=True)

    def broken(self, running: Running, error: BaseException) -> Ending:
        """Return the end of an attempt that could not be run, or its end not be written."""
        return self._failed(running, Failure.of(error))

    def _failed_or_retrying(
        self, running: Running, plan: Plan | None, failure: Failure, *, reason: str = FinalReason.ERROR
    ) -> Ending:
        errors = running.taken.errors + 1
        if plan is not None and errors < running.taken.max_attempts and is_worth_retrying(failure, plan.options):
            data = self._data(running, failure, reason)
            # Kept only if the engine makes this a cancelled job, because somebody has just asked for it.
            result = self._result(running, Failure.of(JobCancelled()))
            return Ending(running, "retrying", data, delay_ms=backoff_ms(plan.options, errors), result=result)
        return self._failed(running, failure, reason)

    def _failed(self, running: Running, failure: Failure, reason: str = FinalReason.ERROR) -> Ending:
        return Ending(running, "failed", self._data(running, failure, reason), result=self._result(running, failure))

    def _cancelled(self, running: Running, *, by: str | None, reason: str | None) -> Ending:
        data = encode_plain({"by": by, "reason": reason, "duration_ms": _ms_since(running.began)})
        error = JobCancelled(f"cancelled: {reason}" if reason else None)
        return Ending(running, "cancelled", data, result=self._result(running, Failure.of(error)))

    def _result(self, running: Running, failure: Failure) -> bytes | None:
        if not self._keep_results:
            return None
        return results.of_error(failure.encoded, time.monotonic() - running.began)

    def _data(self, running: Running, failure: Failure, reason: str) -> bytes:
        info, hide = failure.info, self._redactor.text
        return encode_plain(
            {
                "error": ErrorInfo(type=info.type, message=hide(info.message), code=info.code),
                "final_reason": str(reason),
                "duration_ms": _ms_since(running.began),
                "stack_trace": hide(failure.stack_trace),
            }
        )


def _ms_since(moment: float) -> int:
    return int((time.monotonic() - moment) * 1000)
