"""The gateway's process: `python -m core.gateway`."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys

import uvicorn
from starlette.applications import Starlette

from core.gateway.app import create_app
from core.gateway.live.endpoint import SERVER_OPTIONS
from core.logs import configure_logging
from core.settings import Settings, load_settings
from taskcast.errors import ConfigurationError

KEEP_ALIVE_S = 30
GRACE_S = 8
GOODBYE_S = 3
BACKLOG = 2048

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings)
        app = create_app(settings, announce=lambda password: _announce(settings, password))
        listener = _listen(settings)
    except ConfigurationError as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201
        return 2
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        loop="auto",
        http="auto",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        # The dashboard says whom it speaks for, so that a wrong password is counted against the right one.
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        **SERVER_OPTIONS,
    )
    _Server(config, app).run(sockets=[listener])
    return 0


class _Server(uvicorn.Server):
    """Says goodbye at every websocket before uvicorn closes it with a code that does not say when to come back."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, end the live part, then let uvicorn end the rest."""
        for server in self.servers:
            server.close()
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self._app.state.hub.stop()
        except Exception:
            logger.exception("the live part did not stop in order")
        await super().shutdown(sockets)


def _listen(settings: Settings) -> socket.socket:
    """Bind here rather than in uvicorn, whose own complaint names no setting.

    Raises:
        ConfigurationError: if the port is in use or the address is not this host's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.gateway_port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {settings.gateway_port} is in use; set TASKCAST_GATEWAY_PORT to a free one"
            ) from None
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.gateway_port} (TASKCAST_HOST, TASKCAST_GATEWAY_PORT): {error}"
        ) from None
    listener.setblocking(False)
    return listener


def _announce(settings: Settings, password: str) -> None:
    print(f"The first admin is {settings.admin_email}, password {password} (shown once)", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
