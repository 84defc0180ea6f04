"""People who may sign in: the queries of table `users`, as functions that return plain objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from core.errors import Conflict
from core.storage.models import Session, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A row of `users`, without the password's hash."""

    id: UUID
    email: str
    name: str
    role: str
    user_id: str
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None


async def count_users() -> int:
    """Return how many people there are."""
    return await User.all().count()


async def list_users() -> list[Person]:
    """Return everybody, by e-mail address."""
    return [_person(row) for row in await User.all().order_by("email")]


async def get_user(user_id: UUID) -> Person | None:
    """Return one person, or None."""
    row = await User.get_or_none(id=user_id)
    return _person(row) if row else None


async def find_login(email: str) -> tuple[Person, str] | None:
    """Return the person with this e-mail address and the hash of their password, or None; case does not matter."""
    row = await User.get_or_none(email=email.strip().casefold())
    return (_person(row), row.password_hash) if row else None


async def create_user(
    *, email: str, name: str = "", role: str, password_hash: str, user_id: str | None = None
) -> Person:
    """Make a person; `user_id` is what `jobs.user_id` says of their jobs, the e-mail address by default.

    Raises:
        Conflict: `email_taken`, if somebody has that address.
    """
    email = email.strip().casefold()
    try:
        row = await User.create(
            id=uuid4(), email=email, name=name, role=role, user_id=user_id or email, password_hash=password_hash
        )
    except IntegrityError:
        message = f"somebody has the e-mail address {email}"
        raise Conflict(message, code="email_taken", fields={"email": "is taken; use another"}) from None
    return _person(row)


async def update_user(user_id: UUID, changes: dict[str, Any], *, end_sessions: bool) -> Person | None:
    """Change some of name, role, user_id, password_hash and disabled_at; return the person, or None if unknown.

    With `end_sessions` every session of theirs ends in the same transaction.

    Raises:
        Conflict: `last_admin`, if no admin who may sign in would be left.
    """
    async with in_transaction():
        # Locking every admin in one order makes two requests that demote each other's author wait for one another.
        admins = {row.id: row for row in await User.filter(role="admin").order_by("id").select_for_update()}
        row = admins.get(user_id) or await User.filter(id=user_id).select_for_update().first()
        if row is None:
            return None
        active = {key for key, admin in admins.items() if admin.disabled_at is None}
        stays = changes.get("role", row.role) == "admin" and changes.get("disabled_at", row.disabled_at) is None
        if active == {row.id} and not stays:
            raise Conflict("this is the last admin who can sign in; make another one first", code="last_admin")
        if changes:
            row.update_from_dict(changes)
            await row.save(update_fields=list(changes))
        if end_sessions:
            await Session.filter(user_id=user_id, ended_at=None).update(ended_at=datetime.now(UTC))
    return _person(row)


async def signed_in(user_id: UUID, *, password_hash: str | None = None) -> None:
    """Note a sign-in, and the password's new hash if it was made again."""
    changes: dict[str, Any] = {"signed_in_at": datetime.now(UTC)}
    if password_hash:
        changes["password_hash"] = password_hash
    await User.filter(id=user_id).update(**changes)


def _person(row: User) -> Person:
    return Person(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        user_id=row.user_id,
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
    )
