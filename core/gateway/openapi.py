"""The OpenAPI 3.1 document of the REST routes, made by spectree from their declarations, and a page that shows it.

The page is ours because spectree's loads its script from elsewhere, and no request may leave the host.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from html import escape
from types import SimpleNamespace
from typing import Any

from spectree import SecurityScheme, SpecTree
from spectree.models import SecureType, SecuritySchemeData
from starlette.routing import Route

from core.gateway.problems import Problem

DESCRIPTION = """Watch and steer background jobs. Send `Authorization: Bearer <token>` with an API token, or with the \
`access_token` of `POST /auth/login`. Errors are `application/problem+json` with a stable `code`; `fields` says what is \
wrong with which field. Lists answer `items`, `next_cursor` and `total`. The websocket is `GET /ws`, subprotocol \
`taskcast.v1`."""

_PROBLEM = f"#/components/schemas/{Problem.__name__}"
METHODS = ("get", "post", "patch", "delete")

spec = SpecTree(
    "starlette",
    title="Taskcast gateway",
    description=DESCRIPTION,
    version="1",
    path="docs",
    annotations=False,
    validation_error_model=Problem,
    page_templates={},
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
    security_schemes=[SecurityScheme(name="bearer", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer"))],
)
"""Every route is declared on this one; it documents and never validates, because its errors are not ours."""


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of these routes."""
    spec.app = SimpleNamespace(routes=list(routes))
    # Generating takes the nested models out of spectree's own; a second document would lack them.
    models = copy.deepcopy(spec.models)
    made: dict[str, Any] = spec._generate_spec()
    spec.models = models
    made["openapi"] = "3.1.0"
    for _, _, operation in _operations(made):
        operation["responses"] = dict(sorted(operation["responses"].items()))
        for answer in operation["responses"].values():
            content = answer.get("content", {})
            if content.get("application/json", {}).get("schema", {}).get("$ref") == _PROBLEM:
                content["application/problem+json"] = content.pop("application/json")
    return made


def page(made: dict[str, Any]) -> str:
    """Return the document as one HTML page without scripts."""
    schemas = made["components"]["schemas"]
    parts = [f"<h1>{escape(made['info']['title'])}</h1><p>{escape(DESCRIPTION)}</p>"]
    parts.append('<p><a href="/docs/openapi.json">openapi.json</a></p>')
    for tag in made["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>")
        for path, method, operation in _operations(made):
            if tag["name"] in operation["tags"]:
                parts.append(_operation(path, method, operation))
    parts.append("<h2>models</h2>")
    for name in sorted(schemas):
        parts.append(f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>')
        parts.append(_table(schemas[name]) + "</details>")
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Taskcast API</title>{_STYLE}{''.join(parts)}</html>"
    )


_STYLE = (
    '<meta name=viewport content="width=device-width"><style>'
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2933;background:#fff}"
    "summary{cursor:pointer;padding:.35rem 0}code,b{font-family:ui-monospace,monospace;font-size:.9em}"
    "b{display:inline-block;min-width:4.5rem}table{border-collapse:collapse;margin:.3rem 0 1rem 1rem}"
    "td{border-top:1px solid #d5dbe1;padding:.2rem .8rem .2rem 0;vertical-align:top}h2{margin-top:2rem}"
    "@media(prefers-color-scheme:dark){body{color:#d8dee6;background:#12161b}td{border-color:#333c47}a{color:#7cb8ff}}"
    "</style>"
)


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in sorted(made["paths"].items()):
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(item['name'])}</code><td>{escape(item['in'])}"
        f"<td>{_type(item['schema'])}<td>{escape(item.get('description') or '')}"
        for item in operation["parameters"]
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        rows.append(f"<tr><td>body<td><td>{_type(body)}<td>")
    for status, answer in operation["responses"].items():
        content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
        schema = content.get("schema", {})
        rows.append(f"<tr><td>{escape(status)}<td><td>{_type(schema)}<td>{escape(answer['description'])}")
    return (
        f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
        f"<p>{escape(operation['description'])}</p><table>{''.join(rows)}</table></details>"
    )


def _table(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        f"<tr><td><code>{escape(name)}</code>{' *' if name in required else ''}<td>{_type(item)}"
        f"<td>{escape(item.get('description', ''))}"
        for name, item in schema.get("properties", {}).items()
    ]
    return f"<table>{''.join(rows)}</table>" if rows else f"<p>{_type(schema)}</p>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " | ".join(escape(str(value)) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("type", "any" if schema else "")))
