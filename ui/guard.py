"""What every request passes first: where it comes from, who sends it, and what its answer may load."""

from __future__ import annotations

import logging
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskcast.client import GatewayError
from ui.page import SIGN_IN
from ui.pages.outside import waiting_page
from ui.sessions import COOKIE, COOKIE_S, Session, Sessions
from ui.settings import Settings

logger = logging.getLogger(__name__)

OPEN = ("/admin/sign-in", "/admin/sign-out", "/admin/assets/", "/_nicegui/", "/favicon.ico", "/health")
SOCKET = "/_nicegui_ws/"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""No request leaves the host: the browser itself sees to it."""


class Guard:
    """Refuses requests of other origins and of people who are not signed in."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, settings: Settings) -> None:
        self._app = app
        self._sessions = sessions
        self._origin = settings.public_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = _with_headers(send)
        if not self._is_ours(scope, headers):
            await self._refuse(scope, receive, send, 403, "This request came from another site.")
            return
        path: str = scope["path"]
        if path.startswith(OPEN) or path == "/":
            await self._app(scope, receive, send)
            return
        token = _cookie(headers)
        try:
            session = await self._sessions.find(token, address=address_of(scope))
        except GatewayError as error:
            logger.warning("the gateway cannot be asked about a session: %s", error)
            await self._refuse(scope, receive, send, 503, "The gateway cannot be reached right now.")
            return
        if session is None or (path.startswith(SOCKET) and not _owns_socket(scope, session)):
            await self._send_to_sign_in(scope, receive, send)
            return
        scope["taskcast.session"] = session
        await self._app(scope, receive, _with_cookie(send, scope, session))

    def _is_ours(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether a request was made by a page of ours; browsers say so in `Origin` where it matters."""
        if (
            scope["type"] == "http"
            and scope["method"] in ("GET", "HEAD", "OPTIONS")
            and not scope["path"].startswith(SOCKET)
        ):
            return True
        origin = headers.get("origin")
        if origin is None:
            return scope["type"] == "http" and headers.get("sec-fetch-site") in (None, "same-origin", "none")
        if self._origin is not None and origin.lower() == self._origin:
            return True
        return origin.lower().partition("://")[2] == headers.get("host", "").lower()

    async def _send_to_sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        wants_page = "text/html" in Headers(scope=scope).get("accept", "")
        if scope["type"] == "http" and scope["method"] == "GET" and wants_page and not scope["path"].startswith(SOCKET):
            query = scope.get("query_string", b"").decode("latin-1")
            target = quote(scope["path"] + (f"?{query}" if query else ""), safe="")
            await RedirectResponse(f"{SIGN_IN}?next={target}", 303)(scope, receive, send)
            return
        await self._refuse(scope, receive, send, 401, "Your session has ended. Please sign in again.")

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4003, "reason": text})
            return
        response: Response
        if status == 503 and "text/html" in Headers(scope=scope).get("accept", ""):
            response = HTMLResponse(waiting_page(text), 503, headers={"Retry-After": "2", "Cache-Control": "no-store"})
        else:
            response = JSONResponse({"problem": text}, status)
        await response(scope, receive, send)


def _owns_socket(scope: Scope, session: Session) -> bool:
    """Tell whether the page that a socket names belongs to this session; NiceGUI refuses unknown pages itself."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    name = query.get("client_id", [""])[0]
    from nicegui import Client

    browser = Client.instances.get(name)
    return browser is None or any(page.browser is browser for page in session.pages)


def _cookie(headers: Headers) -> str | None:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return None
    return jar[COOKIE].value if COOKIE in jar else None


def set_cookie(response: Response, token: str, *, secure: bool) -> None:
    """Let the browser keep the session."""
    response.set_cookie(COOKIE, token, max_age=COOKIE_S, path="/", httponly=True, samesite="lax", secure=secure)


def address_of(scope: Scope) -> str | None:
    """Return the network address of the browser, or of the proxy that does not tell it."""
    client = scope.get("client")
    return client[0] if client else None


def is_secure(scope: Scope) -> bool:
    """Tell whether the browser speaks HTTPS, to us or to a proxy before us."""
    return scope.get("scheme") == "https" or Headers(scope=scope).get("x-forwarded-proto") == "https"


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return wrapped


def _with_cookie(send: Send, scope: Scope, session: Session) -> Send:
    """Let the cookie live as long as the session, which slides with every page."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html") and not session.is_ended:
                carrier = Response()
                set_cookie(carrier, session.token, secure=is_secure(scope))
                headers.append("set-cookie", carrier.headers["set-cookie"])
        await send(message)

    return wrapped
