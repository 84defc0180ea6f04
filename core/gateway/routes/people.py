"""People and API tokens, for admins."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from starlette.responses import Response

from core.auth_passwords import check_password, hash_password
from core.auth_tokens import digest, new_api_token
from core.errors import NotFound
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import AuditQuery, TokenBody, UserBody, UserChanges
from core.gateway.services import Context
from core.permissions import Permission
from core.storage import audit, tokens, users

people = Endpoints("people and tokens")


@people.add("GET", "/auth/users", needs=[Permission.MANAGE_USERS], answers={200: answers.People})
async def list_users(context: Context) -> Response:
    """List everybody who may sign in."""
    found = await users.list_users()
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@people.add(
    "POST",
    "/auth/users",
    needs=[Permission.MANAGE_USERS],
    body=UserBody,
    answers={201: answers.Person},
    problems=[409],
    action="user.create",
)
async def create_user(context: Context, body: UserBody) -> Response:
    """Make somebody who may sign in."""
    context.target = body.email
    context.note(role=body.role)
    check_password(body.password)
    person = await users.create_user(
        email=body.email,
        name=body.name,
        role=body.role,
        user_id=body.user_id,
        password_hash=await asyncio.to_thread(hash_password, body.password),
    )
    return answer_json(person, 201)


@people.add(
    "PATCH",
    "/auth/users/{id}",
    needs=[Permission.MANAGE_USERS],
    body=UserChanges,
    answers={200: answers.Person},
    problems=[404, 409],
    action="user.change",
)
async def change_user(context: Context, body: UserChanges) -> Response:
    """Change name, role, password or user_id, or disable and enable; the last admin stays one."""
    given = body.model_dump(exclude_none=True)
    context.note(fields=sorted(given))
    changes: dict[str, Any] = {name: given[name] for name in ("name", "role", "user_id") if name in given}
    if body.disabled is not None:
        changes["disabled_at"] = datetime.now(UTC) if body.disabled else None
    if body.password is not None:
        changes["password_hash"] = await asyncio.to_thread(hash_password, check_password(body.password))
    ends = body.password is not None or body.disabled is True or body.role is not None
    person = await users.update_user(_uuid(context, "person"), changes, end_sessions=ends)
    if person is None:
        raise NotFound(f"there is no person {context.path('id')[:80]!r}")
    context.services.rights_changed()
    return answer_json(person)


@people.add("GET", "/auth/tokens", needs=[Permission.MANAGE_TOKENS], answers={200: answers.Tokens})
async def list_tokens(context: Context) -> Response:
    """List all API tokens, without their secrets."""
    found = await tokens.list_tokens()
    return answer_json({"items": found, "next_cursor": None, "total": len(found)})


@people.add(
    "POST",
    "/auth/tokens",
    needs=[Permission.MANAGE_TOKENS],
    body=TokenBody,
    answers={201: answers.NewToken},
    action="token.create",
)
async def create_token(context: Context, body: TokenBody) -> Response:
    """Make an API token; its secret is in this answer and never shown again."""
    secret = new_api_token()
    ends = datetime.now(UTC) + timedelta(days=body.expires_in_days) if body.expires_in_days else None
    token = await tokens.create_token(
        name=body.name,
        role=body.role,
        user_id=body.user_id,
        token_hash=digest(secret),
        created_by=context.identity.email,
        expires_at=ends,
    )
    context.target = body.name
    context.note(id=str(token.id), role=body.role)
    shown = {name: getattr(token, name) for name in answers.Token.model_fields}
    return answer_json(shown | {"token": secret}, 201, {"Cache-Control": "no-store"})


@people.add(
    "DELETE",
    "/auth/tokens/{id}",
    needs=[Permission.MANAGE_TOKENS],
    answers={204: None},
    problems=[404],
    action="token.revoke",
)
async def revoke_token(context: Context) -> Response:
    """Revoke an API token; it opens nothing after 5 s at most."""
    token = await tokens.revoke_token(_uuid(context, "token"))
    if token is None:
        raise NotFound(f"there is no token {context.path('id')[:80]!r}")
    context.note(name=token.name)
    context.services.rights_changed()
    return Response(status_code=204)


@people.add(
    "GET",
    "/job-monitor/audit",
    needs=[Permission.SEE_AUDIT],
    query=AuditQuery,
    answers={200: answers.AuditPage},
)
async def list_audit(context: Context, query: AuditQuery) -> Response:
    """List who did what, newest first."""
    entries = await audit.list_entries(limit=query.limit + 1, before=query.cursor)
    page = entries[: query.limit]
    more = page[-1].id if len(entries) > query.limit else None
    return answer_json({"items": page, "next_cursor": more, "total": {"at_least": len(entries)}})


def _uuid(context: Context, noun: str) -> UUID:
    try:
        return UUID(context.path("id"))
    except ValueError:
        raise NotFound(f"there is no {noun} {context.path('id')[:80]!r}") from None
