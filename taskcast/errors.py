"""The exceptions of the library; each class docstring is its default message."""

from __future__ import annotations

import inspect


class TaskcastError(Exception):
    """Something went wrong in Taskcast."""

    code = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.cleandoc(self.__class__.__doc__ or "").splitlines()[0])


class JobCancelled(TaskcastError):
    """The job was cancelled."""

    code = "cancelled"


class JobTimeout(TaskcastError):
    """The job ran longer than its timeout."""

    code = "timeout"


class ProcessDied(TaskcastError):
    """The process that ran the job died."""

    code = "process_died"


class WorkerLost(TaskcastError):
    """The workers that ran the job were lost, too many times."""

    code = "worker_lost"


class JobForgotten(TaskcastError):
    """The queue server forgot this job, and it could not be sent again."""

    code = "forgotten"


class JobNotFound(TaskcastError):
    """There is no such job."""

    code = "job_not_found"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"there is no job {job_id[:140]!r}")
        self.job_id = job_id


class JobConflict(TaskcastError):
    """The job is in a state that does not allow this."""

    code = "conflict"

    def __init__(self, message: str, *, code: str = "conflict") -> None:
        super().__init__(message)
        self.code = code


class MessageTooLarge(TaskcastError, ValueError):
    """The job's message is larger than 1 MiB; put large data into a file and pass its id."""

    code = "message_too_large"


class EngineFull(TaskcastError):
    """The queue server's memory is nearly full, so new jobs are refused; free memory or raise maxmemory."""

    code = "engine_full"


class EngineUnavailable(TaskcastError, ConnectionError):
    """The queue server (Valkey or Redis) cannot be reached."""

    code = "engine_unavailable"


class ConfigurationError(TaskcastError):
    """A setting is missing or wrong."""

    code = "configuration"


class GatewayError(TaskcastError):
    """The gateway answered with an error."""

    def __init__(
        self, message: str, *, status: int = 0, code: str = "error", fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.fields = status, code, fields or {}
