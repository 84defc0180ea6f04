"""What worker, template and child tell each other: frames of four bytes of length and a MessagePack body.

Nothing is pickled. A frame that was cut short by a kill is never whole, so that no half of one is ever read.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from taskcast.context import StopKind

_LENGTH = struct.Struct("!I")
LONGEST_BYTES = 1 << 30


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Run this job; `message` is as it was sent, `function` as `functions.reference_to` writes it."""

    function: str
    task: str
    task_id: str
    job: str
    queue: str
    attempt: int
    errors: int
    max_attempts: int
    timeout_s: float | None
    validate: bool
    message: bytes


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Stop the job that runs; the kill follows."""

    kind: StopKind
    by: str | None
    reason: str | None


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """End, no more jobs will come."""


class Began(msgspec.Struct, frozen=True, tag="began"):
    """The job's function begins now."""


class Line(msgspec.Struct, frozen=True, tag="line"):
    """A log line; `fields` is JSON text."""

    level: str
    text: str
    fields: bytes | None
    trace: str | None
    at_ms: int


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """So many log lines were dropped here."""

    count: int


class Told(msgspec.Struct, frozen=True, tag="told"):
    """The latest progress, in the order of `JobReports.progress`, and when."""

    values: tuple[Any, Any, Any, Any, Any, Any]
    at_ms: int


class Secrets(msgspec.Struct, frozen=True, tag="secrets"):
    """Texts that the job has just registered as secret."""

    values: list[str]


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """The function returned; `result` is JSON text."""

    result: bytes
    rss_bytes: int


class Raised(msgspec.Struct, frozen=True, tag="raised"):
    """The function raised; see `Failure`."""

    error_type: str
    message: str
    code: str | None
    stack_trace: str
    kinds: list[str]
    comes_of_stop: bool
    encoded: bytes
    rss_bytes: int


class Start(msgspec.Struct, frozen=True, tag="start"):
    """Start a child; its socket and the pipe for its last words come along with the frame."""

    number: int


class Kill(msgspec.Struct, frozen=True, tag="kill"):
    """Kill a child and what it started, with SIGKILL."""

    number: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The template has imported the tasks."""


class Unable(msgspec.Struct, frozen=True, tag="unable"):
    """The template could not import the tasks, or start a child."""

    why: str
    number: int | None = None


class Started(msgspec.Struct, frozen=True, tag="started"):
    """A child runs."""

    number: int
    pid: int


class Exited(msgspec.Struct, frozen=True, tag="exited"):
    """A child has ended; `status` is what `os.waitpid` said."""

    number: int
    status: int


ToChild = Begin | Stop | Leave
FromChild = Began | Line | Dropped | Told | Secrets | Returned | Raised
ToTemplate = Start | Kill
FromTemplate = Ready | Unable | Started | Exited

_encode = msgspec.msgpack.Encoder().encode
read_to_child = msgspec.msgpack.Decoder(ToChild).decode
read_from_child = msgspec.msgpack.Decoder(FromChild).decode
read_to_template = msgspec.msgpack.Decoder(ToTemplate).decode
read_from_template = msgspec.msgpack.Decoder(FromTemplate).decode


def frame(body: msgspec.Struct) -> bytes:
    """Return what is written for one of the structs above."""
    encoded = _encode(body)
    return _LENGTH.pack(len(encoded)) + encoded


class Splitter:
    """Puts together what was read piecemeal."""

    def __init__(self) -> None:
        self._read = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        if self._at:
            del self._read[: self._at]
            self._at = 0
        self._read += data

    def next(self) -> bytes | None:
        """Return the next whole body, None if there is none yet.

        Raises:
            ValueError: for a length that no frame has.
        """
        begin = self._at + _LENGTH.size
        if len(self._read) < begin:
            return None
        (length,) = _LENGTH.unpack_from(self._read, self._at)
        if length > LONGEST_BYTES:
            raise ValueError(f"a frame of {length} bytes")
        end = begin + length
        if len(self._read) < end:
            return None
        self._at = end
        return bytes(memoryview(self._read)[begin:end])
