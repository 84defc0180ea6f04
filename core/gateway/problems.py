"""Errors as `application/problem+json` (RFC 9457): one table from the exceptions of library and server to HTTP.

A problem names a stable `code`, and in `fields` what is wrong with each field and what to do; never a traceback.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
import redis.exceptions
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from tortoise.exceptions import DBConnectionError

from core import errors
from core.job_now import NotRecordedYet
from core.secrets import MessageUnreadable
from core.storage.connection import DatabaseAway
from core.storage.files import FileNotStored, FileTooLarge, StoreUnavailable
from taskcast import errors as library

RETRY_AFTER_S = 2

logger = logging.getLogger(__name__)


class BodyTooLarge(library.TaskcastError):
    """The body is too large."""

    code = "body_too_large"


class UnsupportedMedia(library.TaskcastError):
    """The body is of a kind that is not known here."""

    code = "unsupported_media_type"


STATUSES: dict[type[Exception], int] = {
    errors.AuthError: 401,
    errors.TooManyAttempts: 429,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.InvalidInput: 422,
    errors.OperationFailed: 500,
    errors.DatabaseUnavailable: 503,
    BodyTooLarge: 413,
    UnsupportedMedia: 415,
    FileNotStored: 404,
    FileTooLarge: 413,
    StoreUnavailable: 503,
    MessageUnreadable: 409,
    NotRecordedYet: 503,
    library.JobNotFound: 404,
    library.JobConflict: 409,
    library.MessageTooLarge: 413,
    library.EngineFull: 503,
    library.EngineUnavailable: 503,
}
"""From exception to status; the nearest class in the exception's order of classes counts."""

ENGINE_AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


class Problem(BaseModel):
    """What went wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str = Field(description="A stable word for programs.")
    fields: dict[str, str] | None = Field(None, description="What is wrong with each field, and what to do.")


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    fields: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem as an answer."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if fields:
        body["fields"] = fields
    given = dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        given.setdefault("Retry-After", str(RETRY_AFTER_S))
    if status == HTTPStatus.UNAUTHORIZED:
        given.setdefault("WWW-Authenticate", "Bearer")
    return Response(msgspec.json.encode(body), status, given, "application/problem+json")


def describe(error: Exception) -> Response:
    """Return the answer for an exception; one that is not ours is logged with its traceback and answered as 500."""
    if isinstance(error, library.TaskcastError):
        status = next((STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES), None)
        if status is not None:
            return _of_ours(error, status)
    if isinstance(error, HTTPException):
        return problem(
            error.status_code, _code_of(error.status_code), _sentence(error), headers=dict(error.headers or {})
        )
    if isinstance(error, ENGINE_AWAY):
        logger.warning("the queue server cannot be reached", exc_info=error)
        return problem(503, "engine_unavailable", str(library.EngineUnavailable()))
    if isinstance(error, TimeoutError):
        logger.warning("a request took too long", exc_info=error)
        return problem(503, "timeout", "the answer took too long; try again in a moment")
    if isinstance(error, (DBConnectionError, *DatabaseAway)):
        logger.warning("PostgreSQL cannot be reached", exc_info=error)
        return problem(503, "database_unavailable", str(errors.DatabaseUnavailable()))
    logger.error("a request failed", exc_info=error)
    return problem(500, "internal", "the gateway failed to answer this; its log says why")


async def on_error(request: Request, error: Exception) -> Response:
    """Answer an exception that left a route; registered for every exception."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    return describe(error)


def _of_ours(error: library.TaskcastError, status: int) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, errors.TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after_s)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("%s", error, exc_info=error.__cause__)
    return problem(status, error.code, str(error), fields=getattr(error, "fields", None), headers=headers)


def _code_of(status: int) -> str:
    return HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")


def _sentence(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "there is no such address; GET /docs lists all"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return "this address does not know this method; GET /docs lists all"
    return str(error.detail)
