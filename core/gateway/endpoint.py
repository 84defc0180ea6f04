"""From a plain async function to a route: who may call it, what it takes, what it answers, what the audit log says.

The order is always the same: token, right, query, body, handler; each refusal is a problem with a code.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from spectree import Response as Answers
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from core import audit
from core.auth import Identity
from core.errors import AuthError, InvalidInput, InvalidToken, NotFound
from core.gateway.multipart import drain
from core.gateway.openapi import spec
from core.gateway.problems import BodyTooLarge, Problem, UnsupportedMedia, describe
from core.gateway.services import Context, Services
from core.permissions import Permission

BODY_BYTES = 2 * 1024 * 1024
"""Largest JSON body: a message of 1 MiB, escaped."""
DEADLINE_S = 10.0
"""How long a handler may take before the answer is 503; PostgreSQL or Valkey hang rather than fail when a host is gone."""

Handler = Callable[..., Awaitable[Response]]


class Endpoints:
    """The routes of one noun."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.routes: list[Route] = []
        self.answers: dict[tuple[str, str], dict[int, type[BaseModel] | None]] = {}

    def add(
        self,
        method: str,
        path: str,
        *,
        needs: Sequence[Permission] | None,
        query: type[BaseModel] | None = None,
        body: type[BaseModel] | None = None,
        answers: dict[int, type[BaseModel] | None] | None = None,
        problems: Iterable[int] = (),
        action: str | None = None,
        streams: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Register a handler that is called with a `Context` and, if declared, `query=` and `body=`.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: the path with its parts in braces.
            needs: any one of these lets the request pass; empty means signed in, None means anybody.
            query: model of the query; unknown parameters are refused.
            body: model of the JSON body; unknown fields are refused.
            answers: from status to the model of the answer, for the documentation.
            problems: further statuses that the documentation names.
            action: what the audit log calls this; None for what only reads.
            streams: whether bytes flow, so that no deadline makes sense.
        """

        def register(handler: Handler) -> Handler:
            async def endpoint(request: Request) -> Response:
                context = Context(request=request, services=request.app.state.services, asker=None)
                try:
                    async with asyncio.timeout(None if streams else DEADLINE_S):
                        answer = await _call(context, handler, needs, query, body)
                except ClientDisconnect:
                    raise
                except Exception as error:
                    answer = describe(error)
                    if streams and method != "GET":
                        await drain(request)
                await _audit(context, context.action or action, answer)
                return answer

            functools.update_wrapper(endpoint, handler)
            # spectree must not look for models in the annotations of the handler that was wrapped.
            endpoint.__annotations__ = {}
            expected = dict.fromkeys(_problems(needs, query, body, problems), Problem) | (answers or {200: None})
            documented = spec.validate(
                query=query,
                json=body,
                resp=Answers(**{f"HTTP_{status}": model for status, model in expected.items()}),
                tags=[self.tag],
                security={} if needs is None else {"bearer": []},
                operation_id=handler.__name__,
                skip_validation=True,
            )(endpoint)
            self.routes.append(Route(path, documented, methods=[method], name=handler.__name__))
            self.answers[(method, path.replace(":path}", "}"))] = expected  # as the documentation writes it
            return handler

        return register


def answer_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a value as JSON; times become ISO 8601 UTC with `Z` and milliseconds."""
    return Response(msgspec.json.encode(plain(value)), status, headers, "application/json")


async def identify(request: Request, services: Services) -> Identity:
    """Return who sent a request.

    Raises:
        AuthError: without a good bearer token.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        raise AuthError
    if scheme.lower() != "bearer":
        raise InvalidToken("the header Authorization must be `Bearer <token>`")
    return await services.authenticator.bearer(token.strip())


async def _call(
    context: Context,
    handler: Handler,
    needs: Sequence[Permission] | None,
    query: type[BaseModel] | None,
    body: type[BaseModel] | None,
) -> Response:
    if needs is not None:
        context.asker = await identify(context.request, context.services)
        if needs:
            context.need(*needs)
    for name, value in context.request.path_params.items():
        if isinstance(value, str) and not value.isprintable():
            raise NotFound(f"there is no such {name}: it holds control characters")
    given: dict[str, Any] = {}
    if query is not None:
        given["query"] = _parse_query(context.request.query_params, query)
    if body is not None:
        given["body"] = await _parse_body(context.request, body)
    return await handler(context, **given)


async def _audit(context: Context, action: str | None, answer: Response) -> None:
    if action is None or (context.asker is None and answer.status_code == 401):
        # Without a token there is nobody to name; failed sign-ins are written by their route.
        return
    status = answer.status_code
    outcome: audit.Outcome = "done" if status < 400 else "refused" if status < 500 else "failed"
    detail = dict(context.noted)
    if status >= 400:
        detail |= {"status": status, "code": msgspec.json.decode(answer.body).get("code")}
    parts = context.request.path_params
    target = context.target or next((str(value) for value in parts.values()), None)
    await audit.record(context.asker, action, outcome, target=target, detail=detail, address=context.address)


def _parse_query(params: QueryParams, model: type[BaseModel]) -> BaseModel:
    many = {field.alias or name for name, field in model.model_fields.items() if _is_list(field.annotation)}
    values: dict[str, Any] = {}
    for name in params:
        texts = params.getlist(name)
        if name in many:
            values[name] = [part for text in texts for part in text.split(",") if part]
        elif len(texts) > 1:
            raise InvalidInput(fields={name: "is given more than once; give it once"})
        else:
            values[name] = texts[0]
    if any("\x00" in text for _, text in params.multi_items()):
        raise InvalidInput("the query holds the character U+0000, which no text here may have")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, model) from None


async def _parse_body(request: Request, model: type[BaseModel]) -> BaseModel:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    raw = await read_body(request, BODY_BYTES)
    if raw and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia("the body must be JSON; send the header `Content-Type: application/json`")
    try:
        parsed = model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise invalid(error, model) from None
    return parsed


async def read_body(request: Request, most_bytes: int) -> bytes:
    """Return the body.

    Raises:
        BodyTooLarge: as soon as it is longer than `most_bytes`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise BodyTooLarge(
                f"the body is larger than {most_bytes} bytes; put large data into a file and pass its id"
            )
    return bytes(body)


def invalid(error: ValidationError, model: type[BaseModel]) -> InvalidInput:
    """Return a validation error of pydantic as ours: which field, what is wrong, what to do."""
    fields: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        name, text = ".".join(map(str, detail["loc"])), _remedy(detail, model)
        head, colon, rest = text.partition(": ")
        if not name and colon and head in model.model_fields:
            name, text = head, rest  # a check of several fields names the one it complains of
        fields.setdefault(name or "body", text.removeprefix(f"{name} "))
    named = "; ".join(f"{name} {text}" for name, text in list(fields.items())[:3])
    return InvalidInput(named[:500], fields=fields)


def text_of_time(at: datetime) -> str:
    """Return a time as all our JSON says it: ISO 8601 UTC with milliseconds and `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _remedy(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind = detail["type"]
    if kind == "missing":
        return "is missing; give it"
    if kind == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"is not known here; known are {known}" if len(detail["loc"]) == 1 else "is not known here; leave it out"
    if kind == "json_invalid":
        return f"is no JSON: {detail['ctx']['error']}" if "ctx" in detail else "is no JSON"
    if kind == "value_error" and "ctx" in detail:
        return str(detail["ctx"]["error"])
    if kind in _LENGTHS and detail["ctx"]["field_type"] == "Value":
        return f"must have {detail['ctx'][_LENGTHS[kind]]} characters {'at most' if kind == 'too_long' else 'or more'}"
    message = detail["msg"]
    return message[0].lower() + message[1:]


_LENGTHS = {"too_long": "max_length", "too_short": "min_length"}


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(get_origin(part) is list for part in get_args(annotation))


def _problems(
    needs: Sequence[Permission] | None,
    query: type[BaseModel] | None,
    body: type[BaseModel] | None,
    more: Iterable[int],
) -> list[int]:
    usual = [503]
    if needs is not None:
        usual += [401, 403] if needs else [401]
    if body is not None:
        usual += [413, 415, 422]
    elif query is not None:
        usual.append(422)
    return sorted({*usual, *more})


def plain(value: Any) -> Any:
    """Turn what storage functions return into what JSON knows."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return text_of_time(value)
    if isinstance(value, UUID):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return value
