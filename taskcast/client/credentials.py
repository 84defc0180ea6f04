"""Who a client is: a fixed token, or a sign-in whose access token is renewed before it ends.

Renewals are serialized, because a program's refresh token may be used only once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from taskcast.errors import GatewayError

EARLY_S = 30.0
"""An access token is renewed this long before it ends."""

Post = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a sign-in."""

    access_token: str
    expires_in: float
    refresh_token: str | None = None
    refresh_expires_at: str | None = None
    user: dict[str, Any] = {}


class Credentials:
    """Gives the access token to use now."""

    def __init__(
        self,
        post: Post,
        *,
        token: str | None = None,
        email: str | None = None,
        password: str | None = None,
        refresh_token: str | None = None,
        kind: str = "program",
        on_tokens: Callable[[Tokens], None] | None = None,
    ) -> None:
        self._post = post
        self._fixed = token
        self._sign_in = (email, password) if email and password else None
        self._refresh_token = refresh_token
        self._kind = kind
        self._on_tokens = on_tokens
        self._lock = asyncio.Lock()
        self._tokens: Tokens | None = None
        self._until = 0.0

    @property
    def refresh_token(self) -> str | None:
        """The refresh token as it is now."""
        return self._refresh_token

    @property
    def renews(self) -> bool:
        """Tell whether a refused access token can be replaced by a new one."""
        return self._fixed is None and (self._refresh_token is not None or self._sign_in is not None)

    @property
    def expires_in_s(self) -> float | None:
        """Seconds until the access token ends, or None if it has no end that is known."""
        return None if self._tokens is None else max(0.0, self._until - time.monotonic())

    async def access(self, *, refused: str | None = None) -> str | None:
        """Return the token to use, renewed if it ends soon or is the one that was `refused`; None if there is none.

        Raises:
            GatewayError: if the sign-in is refused or has ended.
        """
        if self._fixed is not None:
            return self._fixed
        async with self._lock:
            tokens = self._tokens
            if tokens and tokens.access_token != refused and self._until - time.monotonic() > EARLY_S:
                return tokens.access_token
            if self._refresh_token is not None:
                try:
                    return self._keep(await self._post("/auth/refresh", {"refresh_token": self._refresh_token}))
                except GatewayError as error:
                    if self._sign_in is None or error.status not in (400, 401, 403):
                        raise
            if self._sign_in is not None:
                return await self._login(*self._sign_in, self._kind)
            return None

    async def login(self, email: str, password: str, kind: str) -> Tokens:
        """Sign in and keep the tokens."""
        async with self._lock:
            await self._login(email, password, kind)
        assert self._tokens is not None
        return self._tokens

    async def refresh(self) -> Tokens:
        """Renew the access token now.

        Raises:
            GatewayError: if there is nothing to renew it with, or the session has ended.
        """
        if not self.renews:
            raise GatewayError("there is no refresh token; sign in first", status=401, code="unauthorized")
        await self.access(refused=self._tokens.access_token if self._tokens else None)
        assert self._tokens is not None
        return self._tokens

    def forget(self) -> None:
        """Drop all tokens."""
        self._tokens = self._refresh_token = self._sign_in = self._fixed = None

    async def _login(self, email: str, password: str, kind: str) -> str:
        return self._keep(await self._post("/auth/login", {"email": email, "password": password, "kind": kind}))

    def _keep(self, answer: dict[str, Any]) -> str:
        tokens = msgspec.convert(answer, Tokens)
        self._fixed = None
        self._tokens = tokens
        self._until = time.monotonic() + tokens.expires_in
        self._refresh_token = tokens.refresh_token or self._refresh_token
        if self._on_tokens:
            self._on_tokens(tokens)
        return tokens.access_token
