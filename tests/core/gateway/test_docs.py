from __future__ import annotations

import re

import httpx

from core.gateway.app import PARTS


async def test_document_names_every_route(anybody: httpx.AsyncClient) -> None:
    made = (await anybody.get("/docs/openapi.json")).json()

    declared = {(path, method.lower()) for part in PARTS for method, path in part.answers}
    assert {(path, method) for path, methods in made["paths"].items() for method in methods} == declared
    assert made["openapi"].startswith("3.1")


async def test_document_holds_together(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/docs/openapi.json")

    made = answer.json()
    refs = set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', answer.text.replace(" ", "")))
    assert refs <= set(made["components"]["schemas"])
    operations = [operation for methods in made["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"].endswith((".", ":")) for operation in operations)
    secured = {path for path, methods in made["paths"].items() if "get" in methods and methods["get"].get("security")}
    assert "/job-monitor/jobs" in secured
    assert "/health" not in secured


async def test_errors_are_documented_as_problems(anybody: httpx.AsyncClient) -> None:
    made = (await anybody.get("/docs/openapi.json")).json()

    retry = made["paths"]["/job-monitor/jobs/{id}/retry"]["post"]["responses"]
    assert list(retry["409"]["content"]) == ["application/problem+json"]
    assert {"202", "401", "403", "404", "409", "413", "415", "422", "503"} == set(retry)


async def test_page_loads_nothing_from_elsewhere(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/docs")

    assert answer.headers["content-type"].startswith("text/html")
    assert "/job-monitor/jobs/{id}/retry" in answer.text
    assert not re.search(r"(src|href)=\"?(https?:)?//|<script|<link|@import|url\(", answer.text)
