"""What a subscription yields: one class per kind of message."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from taskcast.events import AnyEvent


class Connection(StrEnum):
    """How the websocket stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"  # lost; comes back by itself
    CLOSED = "closed"  # ended for good: by us, or refused by the gateway


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state to start from; forget what was known before.

    `items` are rows as REST gives them; on a `job:<id>` topic `job` is its detail (None while the database does not
    know it yet) and `logs` its last lines.
    """

    items: list[dict[str, Any]] = []
    job: dict[str, Any] | None = None
    logs: list[dict[str, Any]] = []
    pos: int | None = None


class EventMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened."""

    event: AnyEvent
    pos: int


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a state topic that changed (`set`, each with its name or id) and keys of rows that are gone."""

    set: list[dict[str, Any]] = []
    deleted: list[str] = []


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Log lines `from_line` to `to_line` of an attempt were dropped; REST has them."""

    job: str
    attempt: int
    from_line: int
    to_line: int
    reason: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing happened up to `pos`."""

    pos: int


class ConnectionState(msgspec.Struct, frozen=True, kw_only=True):
    """The connection changed; `retry_s` is the pause before the next try, `reason` why it was lost."""

    connection: Connection
    reason: str | None = None
    code: int | None = None
    retry_s: float | None = None


Message = Snapshot | EventMessage | StateChange | Gap | Mark | ConnectionState
