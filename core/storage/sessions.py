"""Sign-ins: the queries of table `sessions`, as functions that return plain objects. Tokens come here hashed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from core.storage.models import Session
from core.storage.users import Person, get_user


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A session and whose it is."""

    id: UUID
    kind: str
    token_hash: str
    used_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None
    person: Person


async def create_session(
    *,
    session_id: UUID,
    user_id: UUID,
    kind: str,
    token_hash: str,
    expires_at: datetime,
    address: str | None,
    agent: str | None,
) -> None:
    """Store a new session, and delete those of the same person that are over."""
    now = datetime.now(UTC)
    await Session.filter(user_id=user_id, expires_at__lt=now).delete()
    await Session.create(
        id=session_id,
        user_id=user_id,
        kind=kind,
        token_hash=token_hash,
        used_at=now,
        expires_at=expires_at,
        address=(address or "")[:64] or None,
        agent=(agent or "")[:255] or None,
    )


async def get_session(session_id: UUID) -> SignIn | None:
    """Return a session with its person, or None if there is neither."""
    row = await Session.get_or_none(id=session_id)
    if row is None:
        return None
    person = await get_user(row.user_id)
    if person is None:
        return None
    return SignIn(
        id=row.id,
        kind=row.kind,
        token_hash=row.token_hash,
        used_at=row.used_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        person=person,
    )


async def use_session(session_id: UUID, *, token_hash: str, new_hash: str | None, expires_at: datetime) -> bool:
    """Note a use of a session, with its next token if it rotates; False if that token is not the current one by now."""
    changes: dict[str, object] = {"used_at": datetime.now(UTC), "expires_at": expires_at}
    if new_hash is not None:
        changes["token_hash"] = new_hash
    return await Session.filter(id=session_id, token_hash=token_hash, ended_at=None).update(**changes) == 1


async def end_session(session_id: UUID) -> bool:
    """End a session; False if it was over or never there."""
    return await Session.filter(id=session_id, ended_at=None).update(ended_at=datetime.now(UTC)) == 1
