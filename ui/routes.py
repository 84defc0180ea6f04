"""Plain HTTP beside the pages: sign-in and sign-out, the upload of a statement, a job's log as a file, our assets."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from taskcast.client import GatewayError
from ui.components.element import ASSETS, BASE, PLACES, QUEUES, WORKERS
from ui.guard import address_of, is_secure, set_cookie
from ui.ids import clean_id
from ui.page import SIGN_IN
from ui.pages.outside import sign_in_page
from ui.sessions import COOKIE, Session, SessionEnded, Sessions
from ui.settings import Settings
from ui.words import explain, explain_sign_in

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "assets"
IMPORT = "TRANSACTION_IMPORT"
MOVED = {"queues": QUEUES, "workers": WORKERS}
"""Pages that were below `/admin/jobs` once."""
SHOWN = (
    (b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"),
)  # fmt: skip
"""What a browser may show of what jobs made, known by its first bytes and not by what somebody said of it."""
NOT_KEPT = {"Cache-Control": "no-store"}
FORM_EXTRA = 64 * 1024
"""What a form may hold beside its file."""


class Routes:
    """The handlers with what they need."""

    def __init__(self, *, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    def routes(self) -> list[Route | Mount]:
        """Return all routes."""
        return [
            Route("/", lambda _: RedirectResponse(BASE, 307)),
            Route("/admin", lambda _: RedirectResponse(BASE, 307)),
            *(Route(f"{BASE}/{name}", partial(_moved, to), methods=["GET"]) for name, to in MOVED.items()),
            Route("/health", lambda _: JSONResponse({"status": "ok"})),
            Route(SIGN_IN, self.show_sign_in, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            # Whether a session is good still: the guard answers all others, without the work of a page.
            Route("/admin/session", lambda _: Response(status_code=204, headers=NOT_KEPT), methods=["GET"]),
            Route("/admin/sign-out", self.sign_out, methods=["POST"]),
            Route("/admin/upload", self.upload, methods=["POST"]),
            Route("/admin/store", self.store, methods=["POST"]),
            Route("/admin/files/{file_id}", self.file, methods=["GET"]),
            Route("/admin/export/{job_id}", self.export, methods=["GET"]),
            Route(f"{ASSETS}/icons.css", icons, methods=["GET"]),
            Mount(ASSETS, Assets(directory=FOLDER)),
        ]

    async def show_sign_in(self, request: Request) -> Response:
        """Show the form; who is signed in already goes on."""
        target = _inside(request.query_params.get("next"))
        try:
            if await self._sessions.find(request.cookies.get(COOKIE), address=address_of(request.scope)):
                return RedirectResponse(target, 303)
        except GatewayError:
            logger.info("a cookie could not be checked at the sign-in page")
        note = "Your session has ended. Please sign in again." if "ended" in request.query_params else ""
        return _form(sign_in_page(next_path=target, note=note))

    async def sign_in(self, request: Request) -> Response:
        """Sign somebody in."""
        async with request.form(max_files=0, max_fields=8) as form:
            email, password = str(form.get("email") or "").strip(), str(form.get("password") or "")
            target = _inside(str(form.get("next") or ""))
        if not email or not password:
            return _form(
                sign_in_page(next_path=target, email=email, error="Give an e-mail address and a password."), 422
            )
        try:
            session = await self._sessions.sign_in(email, password, address=address_of(request.scope))
        except GatewayError as error:
            status = error.status if 400 <= error.status < 500 else 503
            return _form(sign_in_page(next_path=target, email=email, error=explain_sign_in(error)), status)
        response = RedirectResponse(target, 303)
        set_cookie(response, session.token, secure=is_secure(request.scope))
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session and close its pages."""
        try:
            session = await self._sessions.find(request.cookies.get(COOKIE))
        except GatewayError:
            session = None
        closing = None
        if session is not None and await self._sessions.revoke(session):
            # The other pages are closed after the answer: one of them is on its way to read it.
            closing = BackgroundTask(self._sessions.close, session)
        response = RedirectResponse(SIGN_IN, 303, background=closing)
        response.delete_cookie(COOKIE, path="/")
        return response

    async def upload(self, request: Request) -> Response:
        """Take a bank statement, store it at the gateway and enqueue its import."""

        async def imported(session: Session, stored: dict[str, str]) -> dict[str, str]:
            metadata = {"file_name": stored["name"]}
            return {"job": (await session.client.enqueue(IMPORT, {"file": stored["id"]}, metadata=metadata))["id"]}

        return await self._stored(request, imported)

    async def store(self, request: Request) -> Response:
        """Take a file for a job's argument and store it at the gateway."""

        async def told(_: Session, stored: dict[str, str]) -> dict[str, str]:
            return {"id": stored["id"], "name": stored["name"]}

        return await self._stored(request, told)

    async def _stored(
        self, request: Request, then: Callable[[Session, dict[str, str]], Awaitable[dict[str, str]]]
    ) -> Response:
        session: Session = request.scope["taskcast.session"]
        length = request.headers.get("content-length", "")
        most = self._settings.upload_max_bytes
        if not length.isdigit():
            return _problem("The size of the file is missing.", 411)
        if int(length) > most + FORM_EXTRA:
            return _problem(f"The file is larger than {most // 1_048_576} MB.", 413)
        try:
            await session.check()
            async with request.form(max_files=1, max_fields=4) as form:
                file = form.get("file")
                if not isinstance(file, UploadFile) or not file.size:
                    return _problem("Choose a file that is not empty.", 422)
                stored = await _store(session, file)
            answer = await then(session, stored)
        except SessionEnded:
            return _problem("Your session has ended. Please sign in again.", 401)
        except GatewayError as error:
            return _problem(explain(error), error.status if 400 <= error.status < 500 else 503)
        return JSONResponse(answer, 201)

    async def file(self, request: Request) -> Response:
        """Give a stored file: to be kept, or shown if its first bytes are those of a PDF or a picture."""
        session: Session = request.scope["taskcast.session"]
        file_id = clean_id(request.path_params["file_id"])
        if file_id is None:
            return PlainTextResponse("This is no file id.", 404)
        begun = await _begin(session, session.client.download(file_id))
        if isinstance(begun, Response):
            return begun
        first, whole = begun
        kind = next((kind for magic, kind in SHOWN if first.startswith(magic)), None)
        shows = kind is not None and "open" in request.query_params
        name = quote(label(request.query_params.get("name") or "file"), safe="")
        headers = {
            "Content-Disposition": f"{'inline' if shows else 'attachment'}; filename*=UTF-8''{name}",
            "Cache-Control": "private, no-store",
            # Nothing in a stored file may run as a page of this origin; a PDF is drawn by the browser's own viewer.
            "Content-Security-Policy": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        }
        return StreamingResponse(whole, media_type=kind if shows else "application/octet-stream", headers=headers)

    async def export(self, request: Request) -> Response:
        """Give a job's whole log as a text file."""
        session: Session = request.scope["taskcast.session"]
        job_id = clean_id(request.path_params["job_id"])
        if job_id is None:
            return PlainTextResponse("This is no job id.", 404)
        begun = await _begin(session, session.client.export_logs(job_id, format="txt"))
        if isinstance(begun, Response):
            return begun
        _, whole = begun
        name = quote(f"job-{job_id}.log", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return StreamingResponse(whole, media_type="text/plain; charset=utf-8", headers=headers)


class Assets(StaticFiles):
    """Our files; asked for again each time, but sent only if they changed."""

    def file_response(self, full_path: str, stat_result: object, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[override]
        """Return the file with the rule how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)  # type: ignore[arg-type]
        fixed = str(full_path).endswith(".woff2")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if fixed else "no-cache"
        return response


def icons(_: Request) -> Response:
    """Return all icons as one style sheet, so that none flickers in."""
    return Response(icon_css(), media_type="text/css", headers={"Cache-Control": "no-cache"})


def icon_css() -> str:
    """Return a class per icon file."""
    rules = []
    for file in sorted((FOLDER / "icons").glob("*.svg")):
        svg = " ".join(file.read_text("utf-8").split("-->")[-1].split())
        rules.append(f'.i-{file.stem} {{ --i: url("data:image/svg+xml,{quote(svg, safe="/:=; ")}"); }}')
    return "\n".join(rules)


async def _moved(to: str, _: Request) -> Response:
    return RedirectResponse(to, 308)


async def _begin(session: Session, pieces: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]] | Response:
    """Return the first piece and all pieces once the gateway gives them, or the answer that says why it does not."""
    try:
        await session.check()
        first = await anext(pieces, b"")
    except SessionEnded:
        return RedirectResponse(SIGN_IN, 303)
    except GatewayError as error:
        return PlainTextResponse(explain(error), error.status if 400 <= error.status < 500 else 503)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return first, whole()


async def _store(session: Session, file: UploadFile) -> dict[str, str]:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="taskcast-upload-"))
    try:
        path = folder / "statement"

        def copy() -> None:
            with path.open("wb") as target:
                shutil.copyfileobj(file.file, target)

        await asyncio.to_thread(copy)
        name = (file.filename or "statement.csv").replace("\\", "/").rsplit("/", 1)[-1][:200]
        return await session.client.upload(path, name, content_type=file.content_type or "text/csv")
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _inside(path: str | None) -> str:
    """Return a path of the dashboard: never another host's, whatever a link says."""
    if path and path.startswith(PLACES) and "\\" not in path and "//" not in path and path.isprintable():
        return path
    return BASE


def label(name: str) -> str:
    """Return a name that is safe to offer for a download."""
    last = "".join(letter for letter in name.replace("\\", "/").rsplit("/", 1)[-1] if letter.isprintable())[:200]
    return last if last.strip(". ") else "file"


def _form(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, headers=NOT_KEPT)


def _problem(text: str, status: int) -> Response:
    return JSONResponse({"problem": text}, status)
