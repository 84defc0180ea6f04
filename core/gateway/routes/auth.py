"""Sign-in, refresh, sign-out, websocket tickets, and who you are."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from core import audit
from core.auth import Grant
from core.auth_tickets import TICKET_S
from core.errors import AuthError, TooManyAttempts
from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json
from core.gateway.models import LoginBody, RefreshBody
from core.gateway.services import Context
from core.storage import users

auth = Endpoints("sign-in")


@auth.add("POST", "/auth/login", needs=None, body=LoginBody, answers={200: answers.SignedIn}, problems=[401, 429])
async def login(context: Context, body: LoginBody) -> Response:
    """Sign in with e-mail address and password.

    A `session` keeps its refresh token for 14 days after its last use; a `program` gets a new one with every refresh,
    and the use of an old one ends the session.
    """
    authenticator = context.services.authenticator
    try:
        grant = await authenticator.login(
            body.email, body.password, kind=body.kind, address=context.address, agent=context.agent
        )
    except (AuthError, TooManyAttempts) as error:
        await audit.record(
            None, "auth.login", "refused", actor=body.email, address=context.address, detail={"code": error.code}
        )
        raise
    await audit.record(None, "auth.login", "done", actor=grant.person.email, address=context.address)
    return answer_json(_signed_in(grant), headers=NO_STORE)


@auth.add("POST", "/auth/refresh", needs=None, body=RefreshBody, answers={200: answers.SignedIn}, problems=[401])
async def refresh(context: Context, body: RefreshBody) -> Response:
    """Get a new access token for a refresh token."""
    grant = await context.services.authenticator.refresh(body.refresh_token)
    return answer_json(_signed_in(grant), headers=NO_STORE)


@auth.add("POST", "/auth/logout", needs=None, body=RefreshBody, answers={204: None})
async def logout(context: Context, body: RefreshBody) -> Response:
    """End the session of a refresh token; its access tokens are worthless within 5 s."""
    await context.services.authenticator.logout(body.refresh_token)
    return Response(status_code=204)


@auth.add("POST", "/auth/ws-ticket", needs=[], answers={200: answers.Ticket})
async def make_ticket(context: Context) -> Response:
    """Get a single-use ticket for the `hello` of a websocket, good for 30 s."""
    ticket = await context.services.authenticator.new_ticket(context.identity)
    return answer_json({"ticket": ticket, "expires_in": TICKET_S}, headers=NO_STORE)


@auth.add("GET", "/auth/me", needs=[], answers={200: answers.Me})
async def me(context: Context) -> Response:
    """Say who you are."""
    identity = context.identity
    name = identity.email.removeprefix("token:")
    if not identity.subject.startswith("token:"):
        person = await users.find_login(identity.email)
        name = person[0].name if person else name
    return answer_json(
        {
            "id": identity.subject,
            "email": identity.email,
            "name": name,
            "role": identity.role,
            "user_id": identity.user_id,
        }
    )


NO_STORE = {"Cache-Control": "no-store"}


def _signed_in(grant: Grant) -> dict[str, Any]:
    person = grant.person
    return {
        "access_token": grant.access_token,
        "token_type": "bearer",
        "expires_in": grant.expires_in,
        "refresh_token": grant.refresh_token,
        "refresh_expires_at": grant.refresh_expires_at,
        "user": {
            "id": person.id,
            "email": person.email,
            "name": person.name,
            "role": person.role,
            "user_id": person.user_id,
        },
    }
