"""What is answered about people, API tokens and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from core.gateway.answers.answer import Answer, AtLeast
from core.permissions import Role


class Person(Answer):
    """Somebody who may sign in."""

    id: str
    email: str
    name: str
    role: Role
    user_id: str
    disabled_at: datetime | None
    created_at: datetime
    signed_in_at: datetime | None


class People(Answer):
    """All people."""

    items: list[Person]
    next_cursor: None
    total: int


class Token(Answer):
    """An API token, without its secret."""

    id: str
    name: str
    role: Role
    user_id: str | None
    created_by: str | None
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(Token):
    """A new API token; `token` is shown this once."""

    token: str


class Tokens(Answer):
    """All API tokens."""

    items: list[Token]
    next_cursor: None
    total: int


class AuditLine(Answer):
    """Who did what, when, from where, and what came of it."""

    id: int
    at: datetime
    actor: str | None
    role: str | None
    action: str
    target: str | None
    outcome: Literal["done", "refused", "failed"]
    detail: dict[str, Any]
    address: str | None


class AuditPage(Answer):
    """A page of the audit log."""

    items: list[AuditLine]
    next_cursor: int | None
    total: AtLeast
