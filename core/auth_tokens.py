"""The tokens themselves: opaque ones, of which only a SHA-256 is kept, and the ten-minute JWT made from a sign-in.

Nothing here asks a database; whether a token is good today is `core.auth`'s question.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

import jwt

from core.errors import ExpiredToken, InvalidToken

ACCESS_TOKEN_S = 600
API_TOKEN_PREFIX = "tca_"  # noqa: S105
REFRESH_TOKEN_PREFIX = "tcr_"  # noqa: S105
ISSUER = "taskcast"
CLOCK_LEEWAY_S = 5


def digest(token: str) -> str:
    """Return the SHA-256 of a token in hex: what is stored instead of it.

    A plain hash is enough because our tokens have 256 random bits; passwords go through argon2.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_api_token() -> str:
    """Return a new API token; it can be told from a JWT by its prefix."""
    return API_TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_ticket() -> str:
    """Return a new websocket ticket."""
    return secrets.token_urlsafe(32)


def new_refresh_token(session_id: UUID) -> str:
    """Return a new refresh token of a session.

    It names its session, so that any earlier token of a rotating session is recognised when somebody uses it again
    (RFC 9700 section 4.14.2), however many rotations ago it was good.
    """
    return f"{REFRESH_TOKEN_PREFIX}{session_id.hex}_{secrets.token_urlsafe(32)}"


def session_of(refresh_token: str) -> UUID:
    """Return the id of the session that a refresh token names.

    Raises:
        InvalidToken: if it has not the form of a refresh token.
    """
    body = refresh_token.removeprefix(REFRESH_TOKEN_PREFIX)
    named, _, secret = body.partition("_")
    if body == refresh_token or not secret:
        raise InvalidToken
    try:
        return UUID(hex=named)
    except ValueError:
        raise InvalidToken from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token says."""

    subject: str
    email: str
    role: str
    user_id: str
    session: UUID
    expires_at: float


class AccessTokens:
    """Makes and reads the JWTs (HS256) of one installation; `key` is derived from the installation's secret."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, *, subject: str, email: str, role: str, user_id: str, session: UUID) -> str:
        """Return an access token that is good for `ACCESS_TOKEN_S` seconds."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "email": email,
            "role": role,
            "uid": user_id,
            "sid": session.hex,
            "iat": now,
            "exp": now + ACCESS_TOKEN_S,
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def read(self, token: str) -> Claims:
        """Return what a token says.

        Raises:
            ExpiredToken: if its time is over.
            InvalidToken: if it is not signed by us or does not say all that is needed.
        """
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                issuer=ISSUER,
                leeway=CLOCK_LEEWAY_S,
                options={"require": ["exp", "iat", "sub", "iss"]},
            )
            return Claims(
                subject=str(claims["sub"]),
                email=str(claims["email"]),
                role=str(claims["role"]),
                user_id=str(claims["uid"]),
                session=UUID(hex=claims["sid"]),
                expires_at=float(claims["exp"]),
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredToken from None
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, AttributeError):
            raise InvalidToken from None
