from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ui.guard import Guard
from ui.routes import Routes
from ui.sessions import COOKIE, Session, Sessions
from ui.settings import Settings


async def nothing(_: Session) -> None:
    """End a session that has no pages."""


def app(**settings: Any) -> Starlette:
    chosen = Settings(_env_file=None, gateway_url="http://127.0.0.1:9", **settings)
    sessions = Sessions(chosen.gateway_address, on_end=nothing)

    async def inner(_: Request) -> Response:
        return PlainTextResponse("inside")

    routes = [
        Route("/admin/jobs", inner, methods=["GET", "POST"]),
        *Routes(sessions=sessions, settings=chosen).routes(),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, sessions=sessions, settings=chosen)])


@pytest.fixture
async def browser() -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://dash.test") as client:
        yield client


async def test_a_stranger_is_sent_to_sign_in_and_back_later(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/admin/jobs?job=1", headers={"accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/admin/sign-in?next=%2Fadmin%2Fjobs%3Fjob%3D1"


async def test_whether_there_is_a_session_is_answered_without_a_page(browser: httpx.AsyncClient) -> None:
    stranger = await browser.get("/admin/session")
    unknown = await browser.get("/admin/session", headers={"cookie": f"{COOKIE}=a-token"})

    assert (stranger.status_code, unknown.status_code) == (401, 503)


async def test_a_form_of_another_site_is_refused(browser: httpx.AsyncClient) -> None:
    answer = await browser.post(
        "/admin/sign-in", data={"email": "a@b.c", "password": "x"}, headers={"origin": "https://evil.test"}
    )

    assert answer.status_code == 403


async def test_a_socket_of_another_site_is_refused(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/_nicegui_ws/socket.io/", headers={"origin": "https://evil.test"})

    assert answer.status_code == 403


async def test_the_public_url_counts_behind_a_proxy() -> None:
    transport = httpx.ASGITransport(app(public_url="https://jobs.example.org/"))
    async with httpx.AsyncClient(transport=transport, base_url="http://internal:8080") as client:
        answer = await client.post("/admin/sign-out", headers={"origin": "https://jobs.example.org"})

    assert answer.status_code == 303


async def test_without_the_gateway_a_page_says_so_and_waits(browser: httpx.AsyncClient) -> None:
    browser.cookies.set(COOKIE, "a-session")

    answer = await browser.get("/admin/jobs", headers={"accept": "text/html"})

    assert answer.status_code == 503
    assert "The gateway cannot be reached" in answer.text
    assert "Traceback" not in answer.text


async def test_sign_in_says_when_the_gateway_is_away(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/admin/sign-in", data={"email": "a@b.c", "password": "x", "next": "/admin/jobs"})

    assert answer.status_code == 503
    assert "The gateway cannot be reached right now" in answer.text


@pytest.mark.parametrize(
    "target", ["https://evil.test", "//evil.test", "/admin/jobs//evil.test", "/admin/jobs\\@evil.test", "/elsewhere"]
)
async def test_sign_in_never_leads_to_another_place(browser: httpx.AsyncClient, target: str) -> None:
    answer = await browser.get("/admin/sign-in", params={"next": target})

    assert 'name="next" value="/admin/jobs"' in answer.text


async def test_what_was_typed_comes_back_as_text(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/admin/sign-in", data={"email": '"><script>alert(1)</script>', "password": ""})

    assert "<script>alert" not in answer.text
    assert answer.status_code == 422


async def test_every_answer_keeps_the_page_on_this_host(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/admin/sign-in")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_root_leads_to_the_entrance(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/")

    assert answer.headers["location"] == "/admin/jobs"
