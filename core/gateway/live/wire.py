"""The way past ASGI for uvicorn: ready-made frames written to many clients, and a connection that can be cut.

A text for a hundred clients is made a websocket frame once, instead of a hundred times by uvicorn; and ASGI has no word
for dropping a client that takes nothing. Under any other server `Wire.of` finds none, and ASGI's `send` is used.
"""

from __future__ import annotations

import struct
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "taskcast.wire"


class Wire:
    """One connection of uvicorn's."""

    __slots__ = ("_connection",)

    def __init__(self, connection: WebSocketsSansIOProtocol) -> None:
        self._connection = connection

    @staticmethod
    def of(scope: MutableMapping[str, Any]) -> Wire | None:
        """Return the connection behind a scope, if its server is `LiveProtocol`."""
        found = (scope.get("extensions") or {}).get(EXTENSION)
        return found if isinstance(found, Wire) else None

    def write(self, frame: bytes) -> bool:
        """Write a whole frame if the client takes more now; False if it must wait, and ASGI's `send` is to be used."""
        connection = self._connection
        if not connection.writable.is_set() or connection.close_sent or connection.disconnected:
            return False
        if connection.transport.is_closing():
            return False
        connection.transport.write(frame)
        return True

    def cut(self) -> None:
        """Drop the connection and what waits in its buffer."""
        self._connection.transport.abort()


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket connection, which puts its `Wire` into the scope; to be used without compression."""

    def handle_connect(self, event: Request) -> None:
        """Accept the upgrade; the application's task begins after this returns."""
        super().handle_connect(event)
        if not self.close_sent and not self.conn.extensions:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = Wire(self)


def text_frame(text: str) -> bytes:
    """Return a text as one unmasked frame (RFC 6455 section 5.2)."""
    data = text.encode()
    size = len(data)
    if size < 126:
        return struct.pack("!BB", 0x81, size) + data
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size) + data
    return struct.pack("!BBQ", 0x81, 127, size) + data
