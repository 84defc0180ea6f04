"""The websocket route `/ws`: who may connect from where, and the bytes between the server and a session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import Receive, Scope
from starlette.types import Send as AsgiSend

from core.gateway.live.closing import Closing
from core.gateway.live.hub import LiveHub
from core.gateway.live.session import Session
from core.gateway.live.wire import LiveProtocol, Wire
from taskcast.protocol import HELLO_TIMEOUT_S, MAX_MESSAGE_BYTES, SUBPROTOCOL, CloseCode

logger = logging.getLogger(__name__)

SERVER_OPTIONS: dict[str, Any] = {
    "ws": LiveProtocol,
    "ws_max_size": MAX_MESSAGE_BYTES,
    "ws_per_message_deflate": False,
    "ws_ping_interval": None,
}
"""What uvicorn is to be started with: no compression (it doubles the cost of a delivery), our own pings."""


class LiveEndpoint:
    """An ASGI application for one websocket route; finds its hub in `app.state.hub` unless it is given.

    Example:
        WebSocketRoute("/ws", LiveEndpoint(hub))
    """

    def __init__(self, hub: LiveHub | None = None) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        """Serve one connection from its handshake to its close."""
        hub: LiveHub = self._hub or scope["app"].state.hub
        await receive()  # websocket.connect
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if not _is_welcome(headers, hub.settings.public_url):
            # Before the handshake is done a close is HTTP 403.
            await send({"type": "websocket.close", "code": int(CloseCode.FORBIDDEN), "reason": "origin"})
            return
        chosen = SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", []) else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        session = Session(hub, send, token=_bearer(headers), wire=Wire.of(scope))
        hub.enter(session)
        try:
            if chosen is None:
                raise Closing(CloseCode.VERSION, f"ask for the subprotocol {SUBPROTOCOL}")
            if hub.full:
                raise Closing(CloseCode.TOO_MANY, "this gateway has too many connections")
            await _serve(session, receive)
        except Closing as closing:
            if session.closing is None:
                session.closing = closing
        finally:
            hub.exit(session)
            await session.close()


async def _serve(session: Session, receive: Receive) -> None:
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            while not session.greeted:
                if not await _next(session, receive):
                    return
    except TimeoutError:
        raise Closing(CloseCode.NO_HELLO, f"no hello within {HELLO_TIMEOUT_S:.0f} s") from None
    while await _next(session, receive):
        pass


async def _next(session: Session, receive: Receive) -> bool:
    message: MutableMapping[str, Any] = await receive()
    if message["type"] == "websocket.disconnect":
        return False
    text = message.get("text")
    if text is None:
        raise Closing(CloseCode.PROTOCOL, "frame: must be text, not binary")
    await session.receive(text)
    return session.closing is None


def _is_welcome(headers: dict[bytes, str], public_url: str | None) -> bool:
    """Tell whether the page that connects is ours; programs send no Origin."""
    origin = headers.get(b"origin")
    if origin is None:
        return True
    host = urlsplit(origin).netloc.lower()
    if not host:
        return False
    allowed = {headers.get(b"host", "").lower()}
    if public_url:
        allowed.add(urlsplit(public_url).netloc.lower())
    return host in allowed


def _bearer(headers: dict[bytes, str]) -> str | None:
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
