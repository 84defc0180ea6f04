"""Who is asking: sign-in, refresh, sign-out, and the identity behind a bearer token or a websocket ticket.

What an identity may do is `core.permissions`; this module knows nothing of HTTP.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, TypeVar
from uuid import UUID, uuid4

import msgspec

from core.auth_passwords import Passwords
from core.auth_throttle import LoginThrottle
from core.auth_tickets import Tickets
from core.auth_tokens import (
    ACCESS_TOKEN_S,
    API_TOKEN_PREFIX,
    CLOCK_LEEWAY_S,
    AccessTokens,
    digest,
    new_refresh_token,
    session_of,
)
from core.errors import ExpiredToken, InvalidToken, TokenReused, WrongCredentials
from core.storage import sessions, tokens, users
from core.storage.sessions import SignIn
from core.storage.tokens import Token
from core.storage.users import Person

SESSION_DAYS = 14
REMEMBER_S = 5.0
MOST_REMEMBERED = 10_000
LONGEST_TOKEN = 4096

Kind = Literal["session", "program"]
Key = TypeVar("Key")
Found = TypeVar("Found")

logger = logging.getLogger(__name__)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may ask for something.

    `subject` is a person's id or `token:<id>`; `email` is what logs and events call them (`token:<name>` for a token);
    `user_id` is what `jobs.user_id` says of their jobs; `credential` is the session or the hash of the API token that
    says so, for `Authenticator.again`; `expires_at` is in seconds since 1970, None for never.
    """

    subject: str
    email: str
    role: str
    user_id: str
    credential: str
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a sign-in or a refresh gives; `refresh_token` replaces the one that was used."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_at: datetime
    person: Person


class Authenticator:
    """Answers who somebody is; one per gateway process.

    A session or API token that was found good is asked for again after 5 s only, so a revoked one opens nothing
    after that time, in any process.
    """

    def __init__(
        self, *, access: AccessTokens, tickets: Tickets, passwords: Passwords, throttle: LoginThrottle
    ) -> None:
        self._access = access
        self._tickets = tickets
        self._passwords = passwords
        self._throttle = throttle
        self._sessions: Remembered[UUID, SignIn] = Remembered()
        self._tokens: Remembered[str, Token] = Remembered()

    async def login(
        self, email: str, password: str, *, kind: Kind, address: str = "", agent: str | None = None
    ) -> Grant:
        """Sign somebody in.

        Raises:
            TooManyAttempts: if this address must wait.
            WrongCredentials: if address and password do not belong together or the person is disabled.
        """
        self._throttle.begin(address, email)
        found = await users.find_login(email)
        person, password_hash = found or (None, None)
        if not await self._passwords.matches(password, password_hash) or person is None or person.disabled_at:
            raise WrongCredentials
        self._throttle.succeeded(address, email)
        outdated = password_hash is not None and self._passwords.is_outdated(password_hash)
        await users.signed_in(person.id, password_hash=await self._passwords.hash(password) if outdated else None)
        session_id, expires_at = uuid4(), _session_end()
        refresh_token = new_refresh_token(session_id)
        await sessions.create_session(
            session_id=session_id,
            user_id=person.id,
            kind=kind,
            token_hash=digest(refresh_token),
            expires_at=expires_at,
            address=address,
            agent=agent,
        )
        return self._grant(person, session_id, refresh_token, expires_at)

    async def refresh(self, refresh_token: str) -> Grant:
        """Return a new access token; a program also gets a new refresh token, and its old one is worthless.

        Raises:
            InvalidToken: if the token or its session is not good any more.
            TokenReused: if the token was replaced before; the session is ended, because one of two users is a thief.
        """
        if len(refresh_token) > LONGEST_TOKEN:
            raise InvalidToken
        session_id, used = session_of(refresh_token), digest(refresh_token)
        sign_in = await sessions.get_session(session_id)
        if sign_in is None or sign_in.ended_at or sign_in.person.disabled_at:
            raise InvalidToken
        if sign_in.expires_at <= datetime.now(UTC):
            raise ExpiredToken
        rotates = sign_in.kind == "program"
        next_token = new_refresh_token(session_id) if rotates else refresh_token
        expires_at = _session_end()
        kept = used == sign_in.token_hash and await sessions.use_session(
            session_id, token_hash=used, new_hash=digest(next_token) if rotates else None, expires_at=expires_at
        )
        if not kept:
            if not rotates:
                raise InvalidToken
            await sessions.end_session(session_id)
            self._sessions.forget(session_id)
            logger.warning(
                "a refresh token was used twice; its session is ended",
                extra={"session": str(session_id), "email": sign_in.person.email},
            )
            raise TokenReused
        return self._grant(sign_in.person, session_id, next_token, expires_at)

    async def logout(self, refresh_token: str) -> None:
        """End the session of a refresh token; one that is over or unknown is fine."""
        try:
            session_id = session_of(refresh_token[:LONGEST_TOKEN])
        except InvalidToken:
            return
        sign_in = await sessions.get_session(session_id)
        if sign_in is not None and sign_in.token_hash == digest(refresh_token):
            await sessions.end_session(session_id)
            self._sessions.forget(session_id)

    async def bearer(self, token: str) -> Identity:
        """Return who holds a bearer token: a JWT or an API token.

        Raises:
            AuthError: if the token is not good, saying why.
        """
        if not token or len(token) > LONGEST_TOKEN:
            raise InvalidToken
        if token.startswith(API_TOKEN_PREFIX):
            return await self._of_token(digest(token))
        claims = self._access.read(token)
        return await self._of_session(claims.session, claims.expires_at)

    async def again(self, identity: Identity) -> Identity:
        """Return who somebody is by now, who was known before; whether their time is over is not looked at.

        Raises:
            AuthError: if what they signed in with is not good any more, saying why.
        """
        kind, _, key = identity.credential.partition(":")
        if kind == "token":
            return await self._of_token(key)
        return await self._of_session(UUID(hex=key), identity.expires_at)

    async def new_ticket(self, identity: Identity) -> str:
        """Return a ticket that opens one websocket as `identity` within 30 s."""
        return await self._tickets.make(identity)

    async def ticket(self, ticket: str) -> Identity:
        """Return whose ticket this is; it is worthless afterwards.

        Raises:
            AuthError: if it is unknown, was used or is older than 30 s.
        """
        value = await self._tickets.use(ticket)
        if value is None:
            raise InvalidToken("the ticket is unknown, used or older than 30 s; ask for a new one")
        identity = msgspec.json.decode(value, type=Identity)
        if identity.expires_at is not None and identity.expires_at + CLOCK_LEEWAY_S <= time.time():
            raise ExpiredToken
        return identity

    def forget(self) -> None:
        """Ask the database again for every session and token: somebody's rights have changed."""
        self._sessions.clear()
        self._tokens.clear()

    async def _of_session(self, session_id: UUID, expires_at: float | None) -> Identity:
        sign_in = await self._sessions.get(session_id, sessions.get_session)
        if sign_in is None or sign_in.ended_at or sign_in.person.disabled_at:
            raise InvalidToken
        person = sign_in.person
        return Identity(
            subject=str(person.id),
            email=person.email,
            role=person.role,
            user_id=person.user_id,
            credential=f"session:{session_id.hex}",
            expires_at=expires_at,
        )

    async def _of_token(self, hashed: str) -> Identity:
        token = await self._tokens.get(hashed, _used_token)
        now = datetime.now(UTC)
        if token is None or token.revoked_at is not None:
            raise InvalidToken
        if not token.is_good(now):
            raise ExpiredToken("the API token has expired; ask an admin for a new one")
        return Identity(
            subject=f"token:{token.id}",
            email=f"token:{token.name}",
            role=token.role,
            user_id=token.user_id or f"token:{token.id}",
            credential=f"token:{hashed}",
            expires_at=token.expires_at.timestamp() if token.expires_at else None,
        )

    def _grant(self, person: Person, session_id: UUID, refresh_token: str, expires_at: datetime) -> Grant:
        access_token = self._access.issue(
            subject=str(person.id), email=person.email, role=person.role, user_id=person.user_id, session=session_id
        )
        return Grant(
            access_token=access_token,
            expires_in=ACCESS_TOKEN_S,
            refresh_token=refresh_token,
            refresh_expires_at=expires_at,
            person=person,
        )


class Remembered(Generic[Key, Found]):
    """What was found good lately, for `REMEMBER_S` seconds and at most `MOST_REMEMBERED` keys."""

    def __init__(self) -> None:
        self._found: OrderedDict[Key, tuple[float, Found]] = OrderedDict()

    async def get(self, key: Key, find: Callable[[Key], Awaitable[Found | None]]) -> Found | None:
        """Return what is remembered, else what `find` says; nothing found is not remembered."""
        now = time.monotonic()
        remembered = self._found.get(key)
        if remembered is not None and now - remembered[0] < REMEMBER_S:
            return remembered[1]
        found = await find(key)
        self._found.pop(key, None)
        if found is not None:
            self._found[key] = (now, found)
            if len(self._found) > MOST_REMEMBERED:
                self._found.popitem(last=False)
        return found

    def forget(self, key: Key) -> None:
        """Forget one key."""
        self._found.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._found.clear()


def _session_end() -> datetime:
    return datetime.now(UTC) + timedelta(days=SESSION_DAYS)


async def _used_token(token_hash: str) -> Token | None:
    token = await tokens.find_token(token_hash)
    if token is not None and token.is_good(datetime.now(UTC)):
        await tokens.token_used(token.id)
    return token
