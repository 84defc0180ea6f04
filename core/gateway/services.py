"""What the routes work with: one object per gateway process, made at its start, with the request's own view of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from core.auth import Authenticator, Identity
from core.control import Control
from core.errors import AuthError, Forbidden
from core.operations import Operations
from core.permissions import Permission, least_role, may, own_only
from core.settings import Settings
from core.steering import Steering
from core.storage.files import FileStore
from core.stuck import StuckCheck
from taskcast.engine.engine import Engine

if TYPE_CHECKING:
    from core.gateway.live.hub import LiveHub


@dataclass(kw_only=True)
class Services:
    """The collaborators of one gateway process."""

    settings: Settings
    engine: Engine
    authenticator: Authenticator
    control: Control
    steering: Steering
    operations: Operations
    stuck: StuckCheck
    files: FileStore
    hub: LiveHub

    def rights_changed(self) -> None:
        """Ask again now who everybody is, because somebody's rights have changed; other processes do it by themselves."""
        self.authenticator.forget()
        self.hub.recheck()


@dataclass(kw_only=True)
class Context:
    """One request, understood: who asks, from where, and what to work with."""

    request: Request
    services: Services
    asker: Identity | None
    noted: dict[str, Any] = field(default_factory=dict)
    target: str | None = None
    action: str | None = None  # what the audit log calls this, where the route has several

    @property
    def identity(self) -> Identity:
        """Who asks.

        Raises:
            AuthError: if nobody is signed in.
        """
        if self.asker is None:
            raise AuthError
        return self.asker

    @property
    def owner(self) -> str | None:
        """The only `user_id` whose jobs this asker sees; None if they see all."""
        return self.identity.user_id if own_only(self.identity.role) else None

    @property
    def address(self) -> str:
        """The network address the request came from."""
        return self.request.client.host if self.request.client else ""

    @property
    def agent(self) -> str | None:
        """What the client says it is."""
        return self.request.headers.get("user-agent")

    def path(self, name: str) -> str:
        """Return a part of the path."""
        value: str = self.request.path_params[name]
        return value

    def may(self, permission: Permission) -> bool:
        """Tell whether the asker may do this."""
        return may(self.identity.role, permission)

    def need(self, *permissions: Permission) -> None:
        """Let pass who may do any of these.

        Raises:
            AuthError: if nobody is signed in.
            Forbidden: if the role may do none of them; the message names the least role that may.
        """
        if not any(self.may(permission) for permission in permissions):
            least = least_role(permissions[-1])
            raise Forbidden(f"the role {self.identity.role} may not {permissions[-1]}; it needs {least}")

    def note(self, **facts: Any) -> None:
        """Add facts to what the audit log will say of this request."""
        self.noted |= facts
