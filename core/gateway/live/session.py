"""One websocket client: its hello, its requests, its subscriptions, its pings and its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from core.auth import Identity
from core.errors import AuthError
from core.gateway.live.closing import Closing
from core.gateway.live.outbox import SEND_TIMEOUT_S, Outbox, Send
from core.gateway.live.subscriptions import Subscriptions
from core.gateway.live.wire import Wire
from taskcast import protocol
from taskcast.errors import TaskcastError
from taskcast.ids import new_id
from taskcast.protocol import (
    Bye,
    ClientFrame,
    CloseCode,
    Err,
    Limits,
    Ok,
    ProtocolError,
    ServerFrame,
    encode_server,
)

if TYPE_CHECKING:
    from core.gateway.live.hub import LiveHub

logger = logging.getLogger(__name__)

MESSAGES_PER_S = 20.0
BURST = 100.0
"""Client messages: this many at once, then so many a second; more close the connection."""
LAST_WORDS_S = {False: 5.0, True: 1.0}
"""How long a client that reads slowly is given to take the close; less at a shutdown."""
RECHECK_S = 60.0
"""What a client signed in with is looked at again after this long, in case another process was told to revoke it."""


class Unchecked(TaskcastError, ConnectionError):
    """The token cannot be checked now, because a server is away; try again in a moment."""

    code = "unavailable"


class Session:
    """From accepted to closed; the endpoint feeds it what the client says, the hub what happens."""

    def __init__(self, hub: LiveHub, send: Send, *, token: str | None, wire: Wire | None = None) -> None:
        self.id = new_id()
        self.outbox = Outbox(send, overflow=self._overflow, broken=self._broken, wire=wire)
        self.closing: Closing | None = None
        self.closed = False
        self._hub = hub
        self._send = send
        self._wire = wire
        self._token = token
        self._identity: Identity | None = None
        self._subscriptions: Subscriptions | None = None
        self._allowance, self._counted_at = BURST, time.monotonic()
        self._ping = 0
        self._ponged = True
        self.next_ping_at = time.monotonic() + hub.ping_s
        self._recheck_at = time.monotonic() + RECHECK_S

    @property
    def identity(self) -> Identity:
        """Who this is; only after the hello."""
        assert self._identity is not None
        return self._identity

    @property
    def greeted(self) -> bool:
        """Tell whether the client has said hello."""
        return self._identity is not None

    # ----------------------------------------------------------------------------------------- what the client says

    async def receive(self, text: str) -> None:
        """Handle one text frame of the client.

        Raises:
            Closing: if the connection must end.
        """
        if len(text) > protocol.MAX_MESSAGE_BYTES:
            raise Closing(CloseCode.PROTOCOL, f"frame: longer than {protocol.MAX_MESSAGE_BYTES} bytes")
        for line in protocol.lines(text):
            self._count()
            try:
                frame = protocol.decode_client(line)
            except ProtocolError as error:
                if error.request is None or not self.greeted:
                    raise Closing(CloseCode.PROTOCOL, str(error)) from None
                self._refuse(error.request, Err(code="malformed", message=str(error), field=error.field or "frame"))
                continue
            await self._handle(frame)

    async def _handle(self, frame: ClientFrame) -> None:
        if frame.pong is not None:
            self._ponged = self._ponged or frame.pong == self._ping
            return
        assert frame.id is not None
        if frame.hello is not None:
            await self._hello(frame)
            return
        if self._subscriptions is None:
            raise Closing(CloseCode.PROTOCOL, "hello: the first message must be a hello")
        try:
            if frame.sub is not None:
                await self._check_rights()
                await self._subscriptions.add(frame.id, frame.sub)
            elif frame.unsub is not None:
                await self._subscriptions.remove(frame.unsub.sub)
                self._answer(frame.id, Ok())
            elif frame.refresh is not None:
                await self._refresh(frame.id, frame.refresh.token)
        except ProtocolError as error:
            self._refuse(frame.id, Err(code="malformed", message=str(error), field=error.field or "frame"))
        except TaskcastError as error:
            self._refuse(
                frame.id, Err(code=error.code, message=str(error), temporary=isinstance(error, ConnectionError))
            )

    async def _hello(self, frame: ClientFrame) -> None:
        assert frame.hello is not None
        if self.greeted:
            raise Closing(CloseCode.PROTOCOL, "hello: was said already")
        token = frame.hello.token or self._token
        try:
            if frame.hello.ticket is not None:
                self._identity = await self._asked(self._hub.authenticator.ticket(frame.hello.ticket))
            elif token is not None:
                self._identity = await self._asked(self._hub.authenticator.bearer(token))
            else:
                raise AuthError("hello: needs a ticket, or the connection a header Authorization: Bearer")
        except AuthError as error:
            raise Closing(CloseCode.BAD_TOKEN, str(error)) from None
        except Unchecked as error:
            raise Closing(CloseCode.SHUTDOWN, str(error), retry_ms=1000) from None
        self._subscriptions = Subscriptions(self._hub, self)
        ok = Ok(session=self.id, server=self._hub.server, ping_s=self._hub.ping_s, limits=Limits())
        self._answer(frame.id, ok)

    async def _refresh(self, request: int, token: str) -> None:
        try:
            identity = await self._asked(self._hub.authenticator.bearer(token))
        except AuthError as error:
            self._refuse(request, Err(code=error.code, message=f"refresh.token: {error}", field="refresh.token"))
            return
        if (identity.subject, identity.role, identity.user_id) != (
            self.identity.subject,
            self.identity.role,
            self.identity.user_id,
        ):
            raise Closing(CloseCode.EXPIRED, "refresh: the rights have changed; connect again")
        self._identity = identity
        self._answer(request, Ok())

    async def _check_rights(self) -> None:
        """See that what the client signed in with is still good, and the rights are the same.

        Raises:
            Closing: if they are not.
        """
        if self.identity.expires_at is not None and self.identity.expires_at < time.time():
            raise Closing(CloseCode.EXPIRED, "the token has expired; refresh it")
        try:
            identity = await self._asked(self._hub.authenticator.again(self.identity))
        except AuthError as error:
            raise Closing(CloseCode.EXPIRED, str(error)) from None
        if (identity.role, identity.user_id) != (self.identity.role, self.identity.user_id):
            raise Closing(CloseCode.EXPIRED, "the rights have changed; connect again")

    async def _asked(self, question: Coroutine[Any, Any, Identity]) -> Identity:
        """Return the authenticator's answer.

        Raises:
            AuthError: if it says no.
            Unchecked: if it cannot say.
        """
        try:
            return await question
        except AuthError:
            raise
        except Exception as error:
            logger.warning("a live client's token cannot be checked: %r", error)
            raise Unchecked from error

    def _count(self) -> None:
        now = time.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._counted_at) * MESSAGES_PER_S)
        self._counted_at = now
        self._allowance -= 1
        if self._allowance < 0:
            raise Closing(CloseCode.RATE, f"more than {MESSAGES_PER_S:.0f} messages a second")

    def _answer(self, request: int | None, ok: Ok) -> None:
        self.outbox.put_text(encode_server(ServerFrame(id=request, ok=ok)))

    def _refuse(self, request: int | None, err: Err) -> None:
        self.outbox.put_text(encode_server(ServerFrame(id=request, err=err)))

    # ------------------------------------------------------------------------------------------- what the hub does

    def sweep(self, now: float) -> None:
        """Look at what time does to a session: pings, stuck writes, tokens that end. Called once a second or so."""
        if not self.greeted or self.closing is not None:
            return
        if self.outbox.stuck:
            self.end(Closing(CloseCode.SLOW, f"nothing was taken for {SEND_TIMEOUT_S:.0f} s"))
            return
        expires_at = self.identity.expires_at
        if expires_at is not None and expires_at < time.time():
            self.end(Closing(CloseCode.EXPIRED, "the token has expired", retry_ms=0))
            return
        if now >= self.next_ping_at:
            if not self._ponged:
                self.end(Closing(CloseCode.NO_PONG, "a ping was not answered"))
                return
            self._ping += 1
            self._ponged = False
            self.next_ping_at = now + self._hub.ping_s
            self.outbox.put_text(encode_server(ServerFrame(ping=self._ping)))
        if now >= self._recheck_at:
            self.recheck()

    def recheck(self) -> None:
        """Look again at what the client signed in with, and end the session if that is not good any more."""
        if self.greeted and self.closing is None:
            self._recheck_at = time.monotonic() + RECHECK_S
            self._hub.spawn(self._recheck(), "live token check")

    async def _recheck(self) -> None:
        try:
            await self._check_rights()
        except Closing as closing:
            self.end(closing)
        except Unchecked:
            self._recheck_at = time.monotonic() + self._hub.ping_s

    def end(self, closing: Closing) -> None:
        """Close the session as soon as its endpoint can; only the first reason counts."""
        if self.closing is None:
            self.closing = closing
            self._hub.spawn(self.close(), "live close")

    async def close(self) -> None:
        """Say bye with the reason and close; a client that reads nothing is cut off. Closing twice is fine."""
        if self.closed:
            return
        self.closed = True
        if self._subscriptions is not None:
            await self._subscriptions.close()
        self.outbox.close()
        closing = self.closing
        if closing is None:
            return
        bye = encode_server(ServerFrame(bye=Bye(code=closing.code, reason=closing.reason, retry_ms=closing.retry_ms)))
        try:
            async with asyncio.timeout(LAST_WORDS_S[closing.code == CloseCode.SHUTDOWN]):
                await self._send({"type": "websocket.send", "text": bye})
                await self._send(
                    {"type": "websocket.close", "code": int(closing.code), "reason": _short(closing.reason)}
                )
        except TimeoutError:
            if self._wire is not None:
                self._wire.cut()
        except Exception as error:
            logger.debug("a live client was gone before its bye: %r", error)

    def _overflow(self) -> None:
        self.end(Closing(CloseCode.SLOW, "the queue is full; this client reads too slowly"))

    def _broken(self, error: BaseException) -> None:
        logger.debug("a live client is gone: %r", error)
        if not self.closed:
            self.closed = True
            if self._subscriptions is not None:
                self._hub.spawn(self._subscriptions.close(), "live close")


def _short(reason: str) -> str:
    """Return what fits into a close frame (RFC 6455 section 5.5: 125 bytes with the code)."""
    return reason.encode()[:120].decode(errors="ignore")
