"""The exceptions of the server; each class docstring is its default message. The gateway maps them to HTTP in one table."""

from __future__ import annotations

from collections.abc import Mapping

from taskcast.errors import TaskcastError


class AuthError(TaskcastError):
    """Sign in first: this needs a token in the header `Authorization: Bearer ...`."""

    code = "unauthenticated"


class InvalidToken(AuthError):
    """The token is not one of ours, or has been revoked; sign in again or ask for a new one."""

    code = "invalid_token"


class ExpiredToken(AuthError):
    """The token has expired; refresh it or sign in again."""

    code = "expired_token"


class TokenReused(AuthError):
    """This refresh token was used before, so its session was ended; sign in again."""

    code = "token_reused"


class WrongCredentials(AuthError):
    """The e-mail address or the password is wrong."""

    code = "wrong_credentials"


class TooManyAttempts(TaskcastError):
    """There were too many failed attempts to sign in; wait and try again."""

    code = "too_many_attempts"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"there were too many failed attempts to sign in; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Forbidden(TaskcastError):
    """Your role does not allow this."""

    code = "forbidden"


class NotFound(TaskcastError):
    """There is no such thing."""

    code = "not_found"


class Conflict(TaskcastError):
    """This contradicts what is there."""

    code = "conflict"

    def __init__(self, message: str, *, code: str = "conflict", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.fields = dict(fields or {})


class InvalidInput(TaskcastError, ValueError):
    """The request has fields that are missing or wrong."""

    code = "invalid_input"

    def __init__(
        self, message: str | None = None, *, fields: Mapping[str, str] | None = None, code: str = "invalid_input"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.fields = dict(fields or {})


class OperationFailed(TaskcastError):
    """A command about many jobs has failed half-way."""

    code = "operation_failed"


class DatabaseUnavailable(TaskcastError, ConnectionError):
    """PostgreSQL cannot be reached; try again in a moment."""

    code = "database_unavailable"
