"""Why an attempt failed, whether its exception was raised in this process or in a child."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from taskiq.serialization import exception_to_python

from taskcast.children.wire import Raised
from taskcast.errors import JobCancelled, JobTimeout, ProcessDied
from taskcast.events import ErrorInfo
from taskcast.results import encoded_error
from taskcast.values import error_info, stack_trace, type_name


class Failure:
    """An exception as what is told of it.

    Attributes:
        info: its type, text and code.
        stack_trace: the traceback with its causes.
        kinds: the names of its class and of that one's bases.
        comes_of_stop: whether it is, or was caused by, the cancellation of the job or a checkpoint.
        encoded: as Taskiq's result backend keeps it, JSON text.
        error: the exception itself, None if it was raised in another process.
    """

    __slots__ = ("comes_of_stop", "encoded", "error", "info", "kinds", "stack_trace")

    def __init__(
        self,
        *,
        info: ErrorInfo,
        stack_trace: str,
        kinds: Sequence[str],
        comes_of_stop: bool,
        encoded: bytes,
        error: BaseException | None = None,
    ) -> None:
        self.info, self.stack_trace, self.kinds = info, stack_trace, kinds
        self.comes_of_stop, self.encoded, self.error = comes_of_stop, encoded, error

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an exception; nothing here raises."""
        if isinstance(error, RaisedInChild):
            return error.failure
        return cls(
            info=error_info(error),
            stack_trace=stack_trace(error),
            kinds=[type_name(kind) for kind in type(error).__mro__],
            comes_of_stop=_comes_of_stop(error),
            encoded=encoded_error(error),
            error=error,
        )

    def is_a(self, *classes: type[BaseException]) -> bool:
        """Tell whether the exception is of one of these classes; one from another process is known by their names."""
        if self.error is not None:
            return isinstance(self.error, classes)
        return any(type_name(kind) in self.kinds for kind in classes)

    def is_exactly(self, kind: type[BaseException]) -> bool:
        """Tell whether this is the exception's class and not only a base of it."""
        return self.kinds[0] == type_name(kind)

    def raised(self, rss_bytes: int) -> Raised:
        """Return what a child tells of it."""
        return Raised(
            error_type=self.info.type,
            message=self.info.message,
            code=self.info.code,
            stack_trace=self.stack_trace,
            kinds=list(self.kinds),
            comes_of_stop=self.comes_of_stop,
            encoded=self.encoded,
            rss_bytes=rss_bytes,
        )


class RaisedInChild(Exception):
    """The function raised in a child process, or that process died."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.info.type}: {failure.info.message}")
        self.failure = failure

    def as_raised(self) -> BaseException:
        """Return an exception of the class that was raised, for code that wants to see it; this one if there is none."""
        try:
            found = exception_to_python(msgspec.json.decode(self.failure.encoded))
        except Exception:  # a class that cannot be made of its arguments
            return self
        return found if found is not None else self

    @classmethod
    def told(cls, raised: Raised) -> RaisedInChild:
        """Make one of what a child told."""
        info = ErrorInfo(type=raised.error_type, message=raised.message, code=raised.code)
        return cls(
            Failure(
                info=info,
                stack_trace=raised.stack_trace,
                kinds=raised.kinds,
                comes_of_stop=raised.comes_of_stop,
                encoded=raised.encoded,
            )
        )

    @classmethod
    def died(cls, message: str, last_words: str = "") -> RaisedInChild:
        """Make one for a process that died; its last words stand where a stack trace does."""
        failure = Failure.of(ProcessDied(message))
        if last_words:
            failure.stack_trace = f"{last_words.rstrip()}\n\n{failure.stack_trace}"
        return cls(failure)


def _comes_of_stop(error: BaseException) -> bool:
    seen: BaseException | None = error
    for _ in range(20):
        if seen is None:
            return False
        if isinstance(seen, asyncio.CancelledError | JobCancelled | JobTimeout):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
