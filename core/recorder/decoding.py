"""Reading an event's line for the tables: leniently, because an event that cannot be read must not stop the rest.

JSON values stay text on their way into the database. What PostgreSQL refuses (NUL, lone surrogates, NaN) is replaced
here; numbers and texts are cut to what their columns hold.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from taskcast.events import Json, WorkerInfo

NULL = msgspec.Raw(b"null")
UNREADABLE = msgspec.Raw(b"?")
REPLACEMENT = "�"
MAX_INT4 = 2**31 - 1
MAX_INT8 = 2**63 - 1
MAX_SEQ = 2**53
MAX_LINE_BYTES = 4 * 1024 * 1024


BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Unreadable(Exception):
    """The line is no event."""


class Heard(msgspec.Struct):
    """The head of any event, with its data still as JSON text."""

    type: str
    seq: int
    job: str | None = None
    task: str | None = None
    queue: str | None = None
    user: str | None = None
    attempt: int = 0
    was: str | None = None
    state: str | None = None
    data: msgspec.Raw = NULL

    @property
    def at(self) -> datetime:
        """When it happened, by the queue server's clock."""
        return moment(self.seq // 1000)


class RowData(msgspec.Struct):
    """The data of `job.scheduled` and `job.queued`."""

    priority: int = 2
    data: msgspec.Raw = NULL
    created_at: str | None = None
    reason: str = "enqueued"
    run_at: str | None = None
    max_attempts: int = 1
    timeout_s: float | None = None
    deduplication_key: str | None = None
    rate_limit_key: str | None = None
    limits: msgspec.Raw = NULL
    max_deliveries: int = 3
    metadata: msgspec.Raw = NULL
    observed: bool = False


class StartedData(msgspec.Struct):
    """The data of `job.started`."""

    worker: str | None = None
    host: str | None = None
    pid: int | None = None
    waited_ms: float | None = None


class LoggedData(msgspec.Struct):
    """The data of `job.logged`."""

    line: int = 0
    level: str = "INFO"
    message: str = ""
    context: msgspec.Raw = NULL
    stack_trace: str | None = None
    worker_at: float | None = None


class EndData(msgspec.Struct):
    """The data of `job.completed`, `job.failed`, `job.retrying` and `job.cancelled` together."""

    duration_ms: float | None = None
    result: msgspec.Raw = NULL
    error: msgspec.Raw = NULL
    stack_trace: str | None = None
    final_reason: str | None = None
    run_at: str | None = None
    errors: int | None = None
    max_attempts: int | None = None
    by: str | None = None
    reason: str | None = None


class NoteData(msgspec.Struct):
    """The data of what happens to a job beside its moves."""

    by: str | None = None
    reason: str | None = None
    worker: str | None = None
    deliveries: int = 0


class QueueData(msgspec.Struct):
    """The data of `queue.*`."""

    queue: str | None = None
    task: str | None = None
    by: str | None = None
    reason: str | None = None
    until: str | None = None


_heard = msgspec.json.Decoder(Heard)
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    shape: msgspec.json.Decoder(shape, strict=False)
    for shape in (RowData, StartedData, LoggedData, EndData, NoteData, QueueData, WorkerInfo)
}


def read(line: bytes) -> Heard:
    """Return the event of a line.

    Raises:
        Unreadable: if it is none, even when read leniently.
    """
    if len(line) > MAX_LINE_BYTES:
        raise Unreadable(f"{len(line)} bytes are no event")
    if b"\\u0000" in line or b"\\ud" in line or b"\\uD" in line or b"\0" in line:
        try:
            line = _mend(line)
        except Unreadable as error:
            return _checked(_head_of(line, error))
    try:
        event = _heard.decode(line)
    except BAD_JSON:
        try:
            event = _heard.decode(_mend(line))
        except (Unreadable, *BAD_JSON) as error:
            event = _head_of(line, error)
    return _checked(event)


def _checked(event: Heard) -> Heard:
    if not 0 < event.seq < MAX_SEQ:
        raise Unreadable(f"seq {event.seq} is no time")
    if not 0 <= event.attempt <= MAX_INT4:
        raise Unreadable(f"attempt {event.attempt} is no number of an attempt")
    if event.type.startswith("job.") and not (event.job and len(event.job) <= 128):
        raise Unreadable("an event of no job")
    return event


def data_of(event: Heard, shape: type[Any]) -> tuple[Any, bool]:
    """Return the event's data, and whether it could be read; if not, the defaults stand in."""
    if event.data is NULL:
        return shape(), True
    try:
        return _decoders[shape].decode(event.data), True
    except BAD_JSON:
        return (shape(), False) if shape is not WorkerInfo else (None, False)


def _head_of(line: bytes, error: Exception) -> Heard:
    """Return the event without its data, which comes last: the move it tells of must not be lost with it.

    Raises:
        Unreadable: with the first error, if the head cannot be read either.
    """
    head, found, _data = line.partition(b',"data":')  # inside of a string the quotes would be escaped
    try:
        if found:
            return msgspec.structs.replace(_heard.decode(head + b"}"), data=UNREADABLE)
    except BAD_JSON:
        pass
    raise Unreadable(str(error)[:200]) from None


def _mend(line: bytes) -> bytes:
    """Return the line as JSON that the database takes.

    Raises:
        Unreadable: if it is no JSON at all.
    """
    try:
        value = json.loads(line.decode("utf-8", "replace"), strict=False)
        return json.dumps(_clean(value), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)[:200]) from None


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def clean_text(text: str) -> str:
    """Return the text without NUL and lone surrogates, which PostgreSQL cannot hold."""
    if text.isascii():
        return text.replace("\0", REPLACEMENT) if "\0" in text else text
    return text.replace("\0", REPLACEMENT).encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def raw(value: msgspec.Raw) -> str | None:
    """Return JSON text for a `jsonb` column; SQL's NULL for JSON's null."""
    text = bytes(value).decode()
    return None if text == "null" else text


def raw_object(value: msgspec.Raw) -> str | None:
    """Return the text of a JSON object, or None if the value is something else."""
    text = bytes(value).decode()
    return text if text.lstrip()[:1] == "{" else None


def cut(text: str | None, size: int) -> str | None:
    """Return at most `size` characters of the text."""
    return text if text is None or len(text) <= size else text[:size]


def int4(value: float | None) -> int | None:
    """Return the number as PostgreSQL's `int`, cut to its range."""
    return None if value is None or value != value else int(max(-MAX_INT4, min(MAX_INT4, value)))  # noqa: PLR0124


def int8(value: float | None) -> int | None:
    """Return the number as PostgreSQL's `bigint`, cut to its range."""
    return None if value is None or value != value else int(max(-MAX_INT8, min(MAX_INT8, value)))  # noqa: PLR0124


def moment(at_ms: int) -> datetime:
    """Return a time in milliseconds since 1970 as an aware one; one that no calendar has becomes 1970."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def instant(text: str | None) -> datetime | None:
    """Return the time that ISO 8601 text names; None for another text, and for years that not every reader can show."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        at = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at if 1970 <= at.year < 9999 else None
