"""The options of a task and of one sending, checked where they are written.

A task's options stay in the process that knows the task; what the engine must know of a job travels in the job.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from taskcast.ids import check_queue_name
from taskcast.limits import Rate, check_template
from taskcast.states import Priority

DEFAULT_TIMEOUT_S = 3600.0
LONGEST_DELAY_S = 10 * 366 * 86400.0

_UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `@broker.task(...)` says about every job of a task."""

    queue: str = "default"
    priority: Priority = Priority.NORMAL
    max_attempts: int = 1
    backoff: Literal["exponential", "fixed"] = "exponential"
    backoff_s: float = 5.0
    retry_on: tuple[type[BaseException], ...] | None = None
    never_retry_on: tuple[type[BaseException], ...] = ()
    timeout_s: float | None = DEFAULT_TIMEOUT_S
    max_deliveries: int = 3
    keep_message: bool = True
    rate_limit: Rate | None = None
    concurrency: int | None = None
    concurrency_key: str | None = None
    executor: Literal["thread", "process"] = "thread"

    def public(self) -> dict[str, Any]:
        """Return the options as JSON, as workers announce them."""
        return {
            "queue": self.queue,
            "priority": self.priority.name,
            "max_attempts": self.max_attempts,
            "backoff": self.backoff,
            "backoff_s": self.backoff_s,
            "retry_on": None if self.retry_on is None else [cls.__name__ for cls in self.retry_on],
            "never_retry_on": [cls.__name__ for cls in self.never_retry_on],
            "timeout_s": self.timeout_s,
            "max_deliveries": self.max_deliveries,
            "keep_message": self.keep_message,
            "rate_limit": None if self.rate_limit is None else str(self.rate_limit),
            "concurrency": self.concurrency,
            "concurrency_key": self.concurrency_key,
            "executor": self.executor,
        }


class SendOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What one sending says; what is unset is the task's."""

    queue: str | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    max_attempts: int | UnsetType = UNSET
    timeout_s: float | UnsetType | None = UNSET
    max_deliveries: int | UnsetType = UNSET
    keep_message: bool | UnsetType = UNSET
    delay_s: float | None = None
    run_at: datetime | None = None
    dedup_key: str | None = None
    rate_limit_key: str | None = None
    user_id: str | None = None
    metadata: dict[str, Any] = {}
    job_id: str | None = None
    by: str | None = None


TASK_OPTIONS = frozenset(TaskOptions.__struct_fields__)
SEND_OPTIONS = frozenset(SendOptions.__struct_fields__)
NOTHING_SAID = SendOptions()


def task_options(given: Mapping[str, Any]) -> TaskOptions:
    """Return the checked options of a task.

    Raises:
        ValueError, TypeError: naming the option and what it must be.
    """
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in TASK_OPTIONS:
            raise TypeError(f"{name!r} is no option of a task; there are {', '.join(sorted(TASK_OPTIONS))}")
        checked[name] = _CHECKS[name](name, value)
    options = TaskOptions(**checked)
    if options.concurrency_key is not None and options.concurrency is None:
        raise ValueError("concurrency_key: says nothing without concurrency, the number of jobs that may run at once")
    return options


def send_options(given: Mapping[str, Any]) -> SendOptions:
    """Return the checked options of one sending.

    Raises:
        TypeError: for an unknown keyword; it says where the task's own arguments go.
        ValueError: naming the option and what it must be.
    """
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in SEND_OPTIONS:
            raise TypeError(
                f"{name!r} is no option of enqueue(); there are {', '.join(sorted(SEND_OPTIONS))}. "
                f"Arguments of the task go into kwargs={{{name!r}: ...}}"
            )
        checked[name] = _CHECKS[name](name, value)
    options = SendOptions(**checked)
    if options.delay_s is not None and options.run_at is not None:
        raise ValueError("delay_s, run_at: give one of them, not both")
    return options


def options_in_labels(labels: Mapping[str, Any]) -> SendOptions:
    """Return the options that Taskiq labels say; labels are texts there, and others than ours are left alone.

    Raises:
        ValueError: naming the label and what it must be.
    """
    given: dict[str, Any] = {}
    for name in labels.keys() & _LABELS.keys():
        value = labels[name]
        if isinstance(value, str):
            value = _from_text(name, value)
        if value is not None or name in {"timeout_s", "timeout"}:
            given[_LABELS[name]] = value
    return send_options(given) if given else NOTHING_SAID


_LABELS = {name: name for name in SEND_OPTIONS - {"job_id"}} | {"timeout": "timeout_s"}


def _from_text(name: str, value: str) -> Any:
    """Read an option from a label; a schedule makes a text of every label."""
    if value in {"", "None"}:
        return None
    if name == "metadata":
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise ValueError("metadata: a label must be the JSON text of an object") from None
    if name == "keep_message":
        return value.lower() == "true"
    if name in {"max_attempts", "max_deliveries", "delay_s", "timeout_s", "timeout"}:
        try:
            return float(value) if name in {"delay_s", "timeout_s", "timeout"} else int(value)
        except ValueError:
            raise ValueError(f"{name}: must be a number, not {value[:80]!r}") from None
    if name == "run_at":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"run_at: must be an ISO 8601 time, not {value[:80]!r}") from None
    return value


def _check_queue(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a text, not {type(value).__name__}")
    return check_queue_name(value)


def _check_priority(_name: str, value: Any) -> Priority:
    return Priority.parse(value)


def _check_count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError(f"{name}: must be a whole number from 1 to 1000, not {value!r}")
    return value


def _check_optional_count(name: str, value: Any) -> int | None:
    return None if value is None else _check_count(name, value)


def _check_rate(name: str, value: Any) -> Rate | None:
    try:
        return None if value is None else Rate.parse(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _check_template(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a text such as 'tenant:{{tenant}}', not {type(value).__name__}")
    return check_template(value)


def _check_executor(name: str, value: Any) -> str:
    if value not in {"thread", "process"}:
        raise ValueError(f"{name}: must be 'thread' or 'process', not {value!r}")
    return str(value)


def _check_seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name}: must be a number of seconds, not {value!r}")
    if not 0 <= value <= LONGEST_DELAY_S:
        raise ValueError(f"{name}: must be from 0 to {LONGEST_DELAY_S:.0f} seconds, not {value!r}")
    return float(value)


def _check_timeout(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if _check_seconds(name, value) == 0:
        raise ValueError(f"{name}: must be more than 0 seconds; None means that there is no timeout")
    return float(value)


def _check_optional_seconds(name: str, value: Any) -> float | None:
    return None if value is None else _check_seconds(name, value)


def _check_backoff(name: str, value: Any) -> str:
    if value not in {"exponential", "fixed"}:
        raise ValueError(f"{name}: must be 'exponential' or 'fixed', not {value!r}")
    return str(value)


def _check_exceptions(name: str, value: Any) -> tuple[type[BaseException], ...] | None:
    if value is None:
        return None if name == "retry_on" else ()
    classes = value if isinstance(value, list | tuple | set | frozenset) else (value,)
    if not all(isinstance(cls, type) and issubclass(cls, BaseException) for cls in classes):
        raise TypeError(f"{name}: must be an exception class or several of them, not {value!r}")
    return tuple(classes)


def _check_bool(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: must be True or False, not {value!r}")
    return value


def _check_time(name: str, value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TypeError(f"{name}: must be a datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        raise ValueError(f"{name}: must have a time zone, for example datetime.now(timezone.utc)")
    if not 0 <= value.timestamp() <= time.time() + LONGEST_DELAY_S:
        raise ValueError(f"{name}: must be between 1970 and ten years from now, not {value.isoformat()}")
    return value.astimezone(UTC)


def _check_key(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= 255:
        raise ValueError(f"{name}: must be a text of 1 to 255 characters, not {value!r}")
    if _UNSTORABLE.search(value):
        raise ValueError(f"{name}: {value!r} holds U+0000 or a lone surrogate, which no database keeps; leave it out")
    return value


def _check_user(name: str, value: Any) -> str | None:
    return _check_key(name, None if value is None else str(value))


def _check_metadata(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name}: must be a dict with texts as keys, not {type(value).__name__}")
    return dict(value)


_CHECKS: dict[str, Any] = {
    "queue": _check_queue,
    "priority": _check_priority,
    "max_attempts": _check_count,
    "backoff": _check_backoff,
    "backoff_s": _check_seconds,
    "retry_on": _check_exceptions,
    "never_retry_on": _check_exceptions,
    "timeout_s": _check_timeout,
    "max_deliveries": _check_count,
    "keep_message": _check_bool,
    "rate_limit": _check_rate,
    "concurrency": _check_optional_count,
    "concurrency_key": _check_template,
    "executor": _check_executor,
    "delay_s": _check_optional_seconds,
    "run_at": _check_time,
    "dedup_key": _check_key,
    "rate_limit_key": _check_key,
    "user_id": _check_user,
    "metadata": _check_metadata,
    "job_id": _check_key,
    "by": _check_key,
}
