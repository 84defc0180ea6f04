"""The documentation of the REST interface, as JSON and as a page, and of the websocket as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from core.gateway.live import asyncapi
from core.gateway.openapi import document, page


def docs_routes(documented: Sequence[Route]) -> list[Route]:
    """Return the routes that show the OpenAPI document of these routes; it is made at the first request."""
    made: dict[str, object] = {}

    async def show_document(_request: Request) -> Response:
        made.setdefault("json", document(documented))
        return JSONResponse(made["json"])

    async def show_page(_request: Request) -> Response:
        made.setdefault("html", page(document(documented)))
        return HTMLResponse(str(made["html"]))

    async def show_live(_request: Request) -> Response:
        return JSONResponse(asyncapi.document())

    return [
        Route("/docs/openapi.json", show_document),
        Route("/docs/asyncapi.json", show_live),
        Route("/docs", show_page),
    ]
