"""The gateway as one ASGI application: REST under `/job-monitor` and `/auth`, the websocket at `/ws`, the docs.

`create_app` makes nothing that needs a loop or a server; the lifespan does, and copes with servers that are away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, WebSocketRoute

from core.auth import Authenticator
from core.auth_passwords import Passwords
from core.auth_throttle import LoginThrottle
from core.auth_tickets import Tickets
from core.auth_tokens import AccessTokens
from core.control import Control
from core.first_admin import ensure_first_admin
from core.gateway.live.endpoint import LiveEndpoint
from core.gateway.live.hub import LiveHub
from core.gateway.middleware import SecurityHeaders
from core.gateway.problems import on_error
from core.gateway.routes.auth import auth
from core.gateway.routes.docs import docs_routes
from core.gateway.routes.files import files
from core.gateway.routes.health import health
from core.gateway.routes.jobs import jobs
from core.gateway.routes.logs import logs
from core.gateway.routes.metrics import metrics
from core.gateway.routes.operations import operations
from core.gateway.routes.overview import overview
from core.gateway.routes.people import people
from core.gateway.routes.queues import queues
from core.gateway.routes.schedules import schedules
from core.gateway.routes.tasks import tasks
from core.gateway.routes.upkeep import upkeep
from core.gateway.services import Services
from core.operations import Operations
from core.resender import Resender
from core.secrets import MessageCipher, derive
from core.settings import Settings
from core.steering import Steering
from core.storage.connection import connected
from core.storage.files import open_store
from core.stuck import StuckCheck
from taskcast.engine.engine import Engine
from taskcast.errors import ConfigurationError

FIRST_ADMIN_RETRY_S = 2.0
PARTS = (jobs, upkeep, operations, logs, overview, queues, schedules, tasks, files, auth, people, health, metrics)
"""All REST routes, by noun."""

logger = logging.getLogger(__name__)


def create_app(settings: Settings, *, announce: Callable[[str], None] | None = None) -> Starlette:
    """Return the gateway.

    Args:
        settings: with the URLs of both servers and the secret.
        announce: told the first admin's password if this gateway has to make one; by default nobody is.

    Raises:
        ConfigurationError: if a URL or the secret is missing.
    """
    redis_url, database_url, secret = settings.need_redis_url(), settings.need_database_url(), settings.need_secret()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(connected(database_url))
            engine = await stack.enter_async_context(Engine.connect(redis_url, settings.prefix))
            authenticator = Authenticator(
                access=AccessTokens(derive(secret, "access tokens")),
                tickets=Tickets(engine.redis, engine.names),
                passwords=Passwords(),
                throttle=LoginThrottle(),
            )
            hub = LiveHub(
                settings=settings,
                redis_url=redis_url,
                names=engine.names,
                engine=engine,
                authenticator=authenticator,
            )
            cipher = MessageCipher(secret)
            control = Control(engine=engine, cipher=cipher)
            app.state.services = Services(
                settings=settings,
                engine=engine,
                authenticator=authenticator,
                control=control,
                steering=Steering(engine=engine),
                operations=await stack.enter_async_context(Operations(engine=engine, control=control)),
                stuck=StuckCheck(
                    engine=engine, resender=Resender(engine=engine, cipher=cipher, on_forgotten=settings.on_forgotten)
                ),
                files=open_store(settings.storage_url, settings.data_dir),
                hub=hub,
            )
            app.state.hub = await stack.enter_async_context(hub)
            first = asyncio.create_task(_make_first_admin(settings, announce), name="gateway-first-admin")
            stack.push_async_callback(_stopped, first)
            yield

    documented = [route for part in PARTS for route in part.routes]
    routes: list[BaseRoute] = [*documented, *docs_routes(documented), WebSocketRoute("/ws", LiveEndpoint())]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders)],
        # What is registered for every exception is raised again afterwards, for the server to log; who left needs no log.
        exception_handlers={HTTPException: on_error, ClientDisconnect: on_error, Exception: on_error},
    )


async def _make_first_admin(settings: Settings, announce: Callable[[str], None] | None) -> None:
    """Make the first admin as soon as PostgreSQL lets us; `taskcast up` has done it already."""
    while True:
        try:
            password = await ensure_first_admin(settings)
        except ConfigurationError as error:
            logger.error("%s", error)
            return
        except Exception:
            logger.exception("the first admin cannot be made yet")
            await asyncio.sleep(FIRST_ADMIN_RETRY_S)
            continue
        if password is not None and announce is not None:
            announce(password)
        return


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
