"""The websocket's wire format, `taskcast.v1`: every frame as a model, the close codes, the limits.

Client and gateway use this one module. A text frame is one or more JSON objects joined by a newline. Nothing here
opens a socket; events travel inside `ev` exactly as `taskcast.events` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, Literal

import msgspec

from taskcast.ids import FOREIGN_ID
from taskcast.states import JobState, Priority

SUBPROTOCOL = "taskcast.v1"
MAX_MESSAGE_BYTES = 65_536
MAX_QUEUE_BYTES = 1_048_576
MAX_SUBSCRIPTIONS = 64
MAX_FILTER_VALUES = 100
MAX_SNAPSHOT_ROWS = 200
MAX_TAIL_LINES = 1_000
HELLO_TIMEOUT_S = 5.0
PING_S = 25.0

STATE_TOPICS = ("statistics", "queues", "workers", "tasks", "schedules", "operations", "alerts")
"""Topics that are a table of named rows: a snapshot, then `set` and `del`."""


class CloseCode(IntEnum):
    """Why the gateway closed a connection; the hundreds say what a client does next."""

    BAD_TOKEN = 4001
    FORBIDDEN = 4003
    NO_HELLO = 4008
    PROTOCOL = 4009
    VERSION = 4010
    TOO_MANY = 4029
    SLOW = 4101
    RATE = 4102
    SHUTDOWN = 4201
    EXPIRED = 4202
    ROLLED_BACK = 4203
    NO_PONG = 4204

    @property
    def may_reconnect(self) -> bool:
        """Tell whether coming back can help: never after 40xx, but for 4008."""
        return may_reconnect(self)

    @property
    def reconnect_now(self) -> bool:
        """Tell whether to come back at once (42xx) rather than back off (41xx)."""
        return self >= 4200


def may_reconnect(code: int | None) -> bool:
    """Tell whether a client may come back after a close with this code; None is a lost connection.

    A client that says hello at once meets 4008 only when the network or a process stood still meanwhile.
    """
    return code is None or code == CloseCode.NO_HELLO or not 4000 <= code < 4100


def reconnect_now(code: int | None) -> bool:
    """Tell whether a client should come back at once rather than back off."""
    return code is not None and 4200 <= code < 4300


class ProtocolError(ValueError):
    """A frame is not one of the protocol; `field` names the wrong part, `request` is the frame's id if it had one."""

    def __init__(self, message: str, *, field: str | None = None, request: int | None = None) -> None:
        super().__init__(message)
        self.field, self.request = field, request


# ---------------------------------------------------------------------------------------------- client to gateway


class Hello(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Open the session; browsers bring a single-use ticket, programs sent `Authorization: Bearer`."""

    ticket: str | None = None
    token: str | None = None


class Filter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which jobs: keys are ANDed, a key's values ORed; an absent key matches every job, an empty list none."""

    status: tuple[JobState, ...] | None = None
    queue: tuple[str, ...] | None = None
    type: tuple[str, ...] | None = None
    user_id: tuple[str, ...] | None = None
    priority: tuple[str | int, ...] | None = None

    def normal(self) -> Filter:
        """Return the filter with values sorted and unique, so that equal filters are one shape.

        Raises:
            ProtocolError: for a priority that is none, more than 100 values under one key, or U+0000 in one.
        """
        for name in self.__struct_fields__:
            values = getattr(self, name)
            if values is not None and len(values) > MAX_FILTER_VALUES:
                raise ProtocolError(f"filter.{name}: at most {MAX_FILTER_VALUES} values", field=f"filter.{name}")
            if any("\0" in str(value) for value in values or ()):
                raise ProtocolError(f"filter.{name}: holds the character U+0000; leave it out", field=f"filter.{name}")
        try:
            ranks = None if self.priority is None else sorted({Priority.parse(value) for value in self.priority})
        except ValueError as error:
            raise ProtocolError(f"filter.priority: {error}", field="filter.priority") from None
        return Filter(
            status=_unique(self.status),
            queue=_unique(self.queue),
            type=_unique(self.type),
            user_id=_unique(self.user_id),
            priority=None if ranks is None else tuple(rank.name for rank in ranks),
        )


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Ask for a topic: `jobs`, `job:<id>` or a state topic; `pos` resumes after a lost connection."""

    topic: str
    filter: Filter | None = None
    pos: str | None = None
    snapshot: bool = True
    limit: int = MAX_SNAPSHOT_ROWS
    tail: int = MAX_SNAPSHOT_ROWS
    max_hz: float = 2.0


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End a subscription."""

    sub: str


class Refresh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bring a fresh access token before the old one expires, so that the session goes on."""

    token: str


class ClientFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One object from a client: a request with its `id`, or a `pong`."""

    id: int | None = None
    hello: Hello | None = None
    sub: Subscribe | None = None
    unsub: Unsubscribe | None = None
    refresh: Refresh | None = None
    pong: int | None = None


class _Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Any = None
    hello: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    sub: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    unsub: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    refresh: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    pong: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_parts = msgspec.json.Decoder(_Parts)
_PART_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "hello": msgspec.json.Decoder(Hello),
    "sub": msgspec.json.Decoder(Subscribe),
    "unsub": msgspec.json.Decoder(Unsubscribe),
    "refresh": msgspec.json.Decoder(Refresh),
    "pong": msgspec.json.Decoder(int),
}
_PATH = re.compile(r"^(?P<text>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_INDEX = re.compile(r"\[[^\]]*\]")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"required field `(?P<name>[^`]*)`")


def decode_client(line: str | bytes) -> ClientFrame:
    """Return the frame of one line from a client.

    Raises:
        ProtocolError: naming the field that is wrong; with the request's `id` where that could be read.
    """
    try:
        parts = _parts.decode(line)
    except msgspec.ValidationError as error:
        field = _field(str(error), "")
        raise ProtocolError(
            f"{field or 'frame'}: {_text(str(error))}", field=field or "frame", request=_id_of(line)
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"frame: no JSON object: {error}", field="frame") from None
    if parts.id is not None and (not isinstance(parts.id, int) or isinstance(parts.id, bool)):
        raise ProtocolError("id: expected an integer", field="id")
    given = [name for name in _PART_DECODERS if getattr(parts, name) is not msgspec.UNSET]
    if len(given) != 1:
        raise ProtocolError(
            f"frame: exactly one of {', '.join(_PART_DECODERS)} is needed", field="frame", request=parts.id
        )
    name = given[0]
    if name != "pong" and parts.id is None:
        raise ProtocolError(f"id: a {name} needs an id, so that it can be answered", field="id")
    try:
        value = _PART_DECODERS[name].decode(getattr(parts, name))
    except msgspec.ValidationError as error:
        field = _field(str(error), name)
        raise ProtocolError(f"{field}: {_text(str(error))}", field=field, request=parts.id) from None
    return ClientFrame(id=parts.id, **{name: value})


def encode_client(frame: ClientFrame) -> str:
    """Return a client's frame as one line."""
    return msgspec.json.encode(frame).decode()


def _id_of(line: str | bytes) -> int | None:
    try:
        value = msgspec.json.decode(line, type=dict[str, Any]).get("id")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _field(message: str, part: str) -> str:
    found = _PATH.match(message)
    path = (found["path"] if found else None) or "$"
    named = _UNKNOWN.search(message) or _MISSING.search(message)
    steps = [step for step in path.removeprefix("$").split(".") if step]
    if named:
        steps.append(named["name"])
    if part not in ("", "sub"):
        steps.insert(0, part)
    return _INDEX.sub("", ".".join(steps)) or part


def _text(message: str) -> str:
    found = _PATH.match(message)
    text = (found["text"] if found else message).replace("`", "")
    return f"{text}; the states are {', '.join(JobState)}" if text.startswith("Invalid enum value") else text


def _unique(values: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(sorted(set(values)))


# ---------------------------------------------------------------------------------------------- gateway to client


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may use."""

    subs: int = MAX_SUBSCRIPTIONS
    msg_bytes: int = MAX_MESSAGE_BYTES
    queue_bytes: int = MAX_QUEUE_BYTES


class Ok(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request was done; which fields are there depends on the request."""

    session: str | None = None
    server: str | None = None
    ping_s: float | None = None
    limits: Limits | None = None
    sub: str | None = None
    resumed: bool | None = None
    pos: str | None = None
    expires_at: str | None = None


class Err(msgspec.Struct, frozen=True, kw_only=True):
    """A request was refused; `temporary` tells whether trying again can help, `field` which part was wrong."""

    code: str
    message: str
    temporary: bool = False
    field: str | msgspec.UnsetType = msgspec.UNSET


class Snap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a snapshot; `last` on its final part. `job` and `logs` on a `job:<id>` topic, else `items`."""

    items: list[dict[str, Any]] | None = None
    job: dict[str, Any] | None = None
    logs: list[dict[str, Any]] | None = None
    last: bool = False


class GapInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Log lines of one attempt that will not come, both ends included."""

    job: str
    attempt: int
    from_line: int
    to_line: int
    reason: str


class Bye(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The gateway is about to close; come back after `retry_ms`."""

    code: int
    reason: str
    retry_ms: int | None = None


class ServerFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"del_": "del"}):
    """One object from the gateway; `s` names the subscription, `pos` where its reader stands after it."""

    id: int | None = None
    ok: Ok | None = None
    err: Err | None = None
    s: str | None = None
    snap: Snap | None = None
    ev: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    mark: dict[str, Any] | None = None
    gap: GapInfo | None = None
    set: list[dict[str, Any]] | None = None
    del_: list[str] | None = None
    pos: str | None = None
    ping: int | None = None
    bye: Bye | None = None


_server = msgspec.json.Decoder(ServerFrame)


def encode_server(frame: ServerFrame) -> str:
    """Return a gateway's frame as one line."""
    return msgspec.json.encode(frame).decode()


def decode_server(line: str | bytes) -> ServerFrame:
    """Return the frame of one line from the gateway; fields of a newer gateway are ignored.

    Raises:
        ProtocolError: if it is no frame.
    """
    try:
        return _server.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"frame: {error}", field="frame") from None


def lines(text: str) -> Iterator[str]:
    """Yield the JSON objects of one text frame."""
    for line in text.split("\n"):
        if line:
            yield line


def join(parts: Iterable[str]) -> str:
    """Return JSON objects as one text frame; the reverse of `lines`."""
    return "\n".join(parts)


Topic = Literal["jobs", "job", "statistics", "queues", "workers", "tasks", "schedules", "operations", "alerts"]


def split_topic(topic: str) -> tuple[Topic, str | None]:
    """Return `(kind, job id or None)` of a topic.

    Raises:
        ProtocolError: if there is no such topic.
    """
    if topic == "jobs":
        return "jobs", None
    if topic.startswith("job:") and FOREIGN_ID.fullmatch(topic, 4):
        return "job", topic[4:]
    for name in STATE_TOPICS:
        if topic == name:
            return name, None  # type: ignore[return-value]  # STATE_TOPICS are members of Topic
    names = ", ".join(("jobs", "job:<id>", *STATE_TOPICS))
    raise ProtocolError(f"topic: there is no topic {topic[:80]!r}; there are {names}", field="topic")
