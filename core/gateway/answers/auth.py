"""What somebody who signs in is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from core.gateway.answers.answer import Answer
from core.permissions import Role


class Me(Answer):
    """Who you are."""

    id: str
    email: str
    name: str
    role: Role
    user_id: str


class SignedIn(Answer):
    """Tokens after a sign-in or a refresh."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds that the access token is good for.")
    refresh_token: str
    refresh_expires_at: datetime
    user: Me


class Ticket(Answer):
    """A ticket that opens one websocket."""

    ticket: str
    expires_in: int
