"""API tokens: the queries of table `api_tokens`, as functions that return plain objects. Tokens come here hashed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from tortoise.expressions import Q

from core.storage.models import ApiToken

USED_AT_STEP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A row of `api_tokens`, without the hash."""

    id: UUID
    name: str
    role: str
    user_id: str | None
    created_by: str | None
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Tell whether the token opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


async def list_tokens() -> list[Token]:
    """Return all tokens, newest first."""
    return [_token(row) for row in await ApiToken.all().order_by("-created_at", "id")]


async def create_token(
    *,
    name: str,
    role: str,
    token_hash: str,
    user_id: str | None,
    created_by: str | None,
    expires_at: datetime | None,
) -> Token:
    """Store a new token."""
    row = await ApiToken.create(
        id=uuid4(),
        name=name,
        role=role,
        user_id=user_id,
        token_hash=token_hash,
        created_by=created_by,
        expires_at=expires_at,
    )
    return _token(row)


async def find_token(token_hash: str) -> Token | None:
    """Return the token with this hash, good or not, or None."""
    row = await ApiToken.get_or_none(token_hash=token_hash)
    return _token(row) if row else None


async def token_used(token_id: UUID) -> None:
    """Note that a token was used; at most one write a minute."""
    now = datetime.now(UTC)
    stale = Q(used_at=None) | Q(used_at__lt=now - USED_AT_STEP)
    await ApiToken.filter(stale, id=token_id).update(used_at=now)


async def revoke_token(token_id: UUID) -> Token | None:
    """Revoke a token, again if need be; return it, or None if there is no such token."""
    await ApiToken.filter(id=token_id, revoked_at=None).update(revoked_at=datetime.now(UTC))
    row = await ApiToken.get_or_none(id=token_id)
    return _token(row) if row else None


def _token(row: ApiToken) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=row.role,
        user_id=row.user_id,
        created_by=row.created_by,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
