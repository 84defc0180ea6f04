"""Who is signed in: the cookie's token is the gateway's session, so a restart of the dashboard signs nobody out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from taskcast.client import Client, GatewayError, GatewayUnavailable, Tokens

logger = logging.getLogger(__name__)

COOKIE = "taskcast_session"
COOKIE_S = 14 * 24 * 3600
FORGET_S = 30 * 60
"""A session without an open page is forgotten here after so long; its cookie still opens it again."""

STEERS = frozenset({"operator", "admin"})
CANCELS = STEERS | {"user"}
CLEANS = frozenset({"admin"})


class SessionEnded(Exception):
    """The session was ended: here, elsewhere, or because it was not used for long."""


class Session:
    """One sign-in of one person: the client that acts with their rights."""

    def __init__(self, token: str, client: Client, user: dict[str, Any]) -> None:
        self.token = token
        self.client = client
        self.user = user
        self.pages: set[Any] = set()
        self.is_ended = False
        self.used_at = time.monotonic()

    @property
    def user_id(self) -> str:
        """The person's id at the gateway."""
        return str(self.user.get("id") or self.user.get("email") or "")

    @property
    def name(self) -> str:
        """What to call the person."""
        return str(self.user.get("name") or self.user.get("email") or "You")

    @property
    def role(self) -> str:
        """The person's role; the gateway decides, this only hides what would be refused."""
        return str(self.user.get("role") or "viewer")

    @property
    def sees_system(self) -> bool:
        """Tell whether the person may see queues and workers, and not only their own jobs."""
        return self.role != "user"

    @property
    def may_steer(self) -> bool:
        """Tell whether the person may enqueue and retry jobs, and pause queues and tasks."""
        return self.role in STEERS

    @property
    def may_cancel(self) -> bool:
        """Tell whether the person may cancel the jobs they see."""
        return self.role in CANCELS

    @property
    def may_clean(self) -> bool:
        """Tell whether the person may delete jobs."""
        return self.role in CLEANS

    async def check(self) -> None:
        """Make sure that the session is good, before anything is done with it.

        Raises:
            SessionEnded: if it is not.
            GatewayUnavailable: if the gateway cannot be asked.
        """
        self.used_at = time.monotonic()
        if self.is_ended:
            raise SessionEnded
        try:
            await self.client.credentials.access()
        except GatewayUnavailable:
            raise
        except GatewayError as error:
            if is_over(error):
                raise SessionEnded from None
            raise


def is_over(error: GatewayError) -> bool:
    """Tell whether the gateway said that the sign-in is not good any more."""
    return error.status in (401, 4001) or error.code in {"bad_token", "invalid_token", "expired_token", "token_reused"}


class Sessions:
    """Finds the session of a cookie, begins and ends sessions."""

    def __init__(self, gateway_url: str, *, on_end: Callable[[Session], Awaitable[None]]) -> None:
        self._gateway_url = gateway_url
        self._on_end = on_end
        self._sessions: dict[str, Session] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._leaving: set[str] = set()

    async def sign_in(self, email: str, password: str, *, address: str | None = None) -> Session:
        """Sign a person in, whose browser is at this network address.

        Raises:
            GatewayError: if the gateway refuses or cannot be reached.
        """
        client = Client(self._gateway_url, kind="session", headers=_speaking_for(address))
        try:
            tokens = await client.login(email, password, kind="session")
        except BaseException:
            await client.aclose()
            raise
        return self._keep(client, tokens)

    def known(self, token: str | None) -> Session | None:
        """Return the session of a cookie if this process knows it already."""
        return self._sessions.get(token or "")

    async def find(self, token: str | None, *, address: str | None = None) -> Session | None:
        """Return the session of a cookie that came from this network address, asking the gateway for one not known here; None if it is not good.

        Raises:
            GatewayUnavailable: if the gateway cannot be asked.
        """
        if not token or len(token) > 512 or token in self._leaving:
            return None
        if session := self._sessions.get(token):
            session.used_at = time.monotonic()
            return session
        await self._forget_unused()
        lock = self._locks.setdefault(token, asyncio.Lock())
        try:
            async with lock:
                if session := self._sessions.get(token):
                    return session
                client = Client(self._gateway_url, refresh_token=token, kind="session", headers=_speaking_for(address))
                try:
                    return self._keep(client, await client.refresh())
                except GatewayUnavailable:
                    await client.aclose()
                    raise
                except GatewayError as error:
                    await client.aclose()
                    if error.status >= 500 or error.status == 0:
                        raise GatewayUnavailable(str(error), status=error.status, code=error.code) from None
                    return None
        finally:
            self._locks.pop(token, None)

    async def end(self, session: Session, *, tell_gateway: bool = True) -> None:
        """End a session and close its open pages. Ending twice is fine."""
        if await self.revoke(session, tell_gateway=tell_gateway):
            await self.close(session)

    async def revoke(self, session: Session, *, tell_gateway: bool = True) -> bool:
        """Let a session be good for nothing more; tell whether this call did it. `close` has to follow.

        The gateway hears of it first: a page that is sent to the sign-in brings its cookie, and were that still good
        there, the session would begin anew.
        """
        if session.is_ended:
            return False
        session.is_ended = True
        self._sessions.pop(session.token, None)
        if tell_gateway:
            self._leaving.add(session.token)
            try:
                await session.client.logout()
            except GatewayError as error:
                logger.warning("the gateway did not hear of a sign-out: %s", error)
            finally:
                self._leaving.discard(session.token)
        return True

    async def close(self, session: Session) -> None:
        """Close the open pages of a session that was revoked."""
        await self._on_end(session)
        await session.client.aclose()

    async def aclose(self) -> None:
        """Close all clients; the sessions stay good at the gateway."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.client.aclose()

    def _keep(self, client: Client, tokens: Tokens) -> Session:
        token = tokens.refresh_token or client.credentials.refresh_token or ""
        session = Session(token, client, dict(tokens.user))
        self._sessions[token] = session
        return session

    async def _forget_unused(self) -> None:
        limit = time.monotonic() - FORGET_S
        for token, session in list(self._sessions.items()):
            if not session.pages and session.used_at < limit:
                del self._sessions[token]
                await self._on_end(session)
                await session.client.aclose()


def _speaking_for(address: str | None) -> dict[str, str]:
    """Return the header that tells the gateway whose browser asks, so that each is throttled and audited for itself."""
    return {"X-Forwarded-For": address} if address else {}
