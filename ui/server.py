"""The dashboard as an ASGI application: NiceGUI's pages mounted in a plain Starlette app behind the guard."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nicegui import Client as Browser
from nicegui import app as nicegui_app
from nicegui import core, ui
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ui.components.element import PLACES
from ui.guard import Guard
from ui.looks import as_json
from ui.page import Page
from ui.pages.frame import Frame
from ui.pages.job import job
from ui.pages.jobs import jobs
from ui.pages.outside import STYLES, THEME, missing_page
from ui.pages.overview import overview
from ui.pages.queue import queue
from ui.pages.queues import queues
from ui.pages.schedules import schedules
from ui.pages.tasks import tasks
from ui.pages.workers import workers
from ui.routes import FOLDER, Routes
from ui.sessions import Session, Sessions
from ui.settings import Settings
from ui.ticker import Ticker
from ui.upstream import Upstreams

logger = logging.getLogger(__name__)

BUILDERS: dict[str, Callable[..., None]] = {
    "/jobs": overview,
    "/jobs/list": jobs,
    "/jobs/job/{job_id}": job,
    "/queues": queues,
    "/queues/{name}": queue,
    "/tasks": tasks,
    "/schedules": schedules,
    "/workers": workers,
}
"""From the address below `/admin` to the page."""
RECONNECT_S = 20.0
"""How long a page that lost its socket is kept; afterwards its browser loads it anew, by itself."""


def create_app(settings: Settings) -> Starlette:
    """Return the application; NiceGUI allows one per process."""
    ticker = Ticker()
    upstreams = Upstreams(ticker=ticker)

    async def close_pages(session: Session) -> None:
        for page in list(session.pages):
            page.leave()
        await upstreams.leave(session)

    sessions = Sessions(settings.gateway_address, on_end=close_pages)

    def build(request: Request, client: Browser) -> None:
        session: Session = request.scope["taskcast.session"]
        upstream = upstreams.of(session, sessions)
        page = Page(client, session, upstream=upstream, sessions=sessions, settings=settings)
        Frame(page, dict(BUILDERS))

    for place in PLACES:
        for path in (place, f"{place}/{{_:path}}"):
            ui.page(path, title="Taskcast", language=None)(build)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with ticker:
            yield
            await upstreams.stop()
            await sessions.aclose()

    app = Starlette(
        routes=Routes(sessions=sessions, settings=settings).routes(),
        lifespan=lifespan,
        middleware=[Middleware(Guard, sessions=sessions, settings=settings)],
    )
    core.sio.eio.cors_allowed_origins = None  # NiceGUI allows every origin; None means the same origin only
    looks = as_json().replace("<", "\\u003c")
    ui.add_head_html(
        f'{THEME}{STYLES}<script type="application/json" id="taskcast-looks">{looks}</script>', shared=True
    )
    nicegui_app.add_exception_handler(404, lambda *_: HTMLResponse(missing_page(), 404))
    nicegui_app.on_exception(lambda error: logger.error("a page failed", exc_info=error))
    ui.run_with(
        app,  # type: ignore[arg-type]  # any Starlette application will do
        title="Taskcast",
        favicon=FOLDER / "taskcast.svg",
        dark=None,
        language="en-US",
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
    )
    return app
