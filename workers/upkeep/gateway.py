"""Calls to the gateway by a service token, with errors that say what to set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taskcast.client import Client
from taskcast.client.rest import GatewayUnavailable
from taskcast.errors import GatewayError, TaskcastError
from workers.settings import WorkerSettings

SERVER_ERROR = 500
REFUSED = frozenset({401, 403})


class ServiceTokenRefused(TaskcastError):
    """The gateway refuses the token of this host's jobs; give another in TASKCAST_SERVICE_TOKEN."""

    code = "service_token_refused"


class GatewayAway(TaskcastError, ConnectionError):
    """The gateway cannot be reached (TASKCAST_GATEWAY_URL), or answers with an error of its own."""

    code = "gateway_away"


@asynccontextmanager
async def service_client(settings: WorkerSettings) -> AsyncIterator[Client]:
    """Lend a client of the gateway.

    Raises:
        ConfigurationError: if there is no token.
        ServiceTokenRefused: if the gateway does not know the token, or its role may not do this.
        GatewayAway: if the gateway is away, or failed; worth trying again.
    """
    async with Client(settings.gateway_url, token=settings.need_service_token(), timeout_s=30) as client:
        try:
            yield client
        except GatewayUnavailable as error:
            raise GatewayAway(f"TASKCAST_GATEWAY_URL: {error}") from error
        except GatewayError as error:
            if error.status in REFUSED:
                raise ServiceTokenRefused(
                    f"TASKCAST_SERVICE_TOKEN: the gateway at {settings.gateway_url} refuses it ({error}); make one for an "
                    "admin with `taskcast token create`, or restart `taskcast up`"
                ) from error
            if error.status >= SERVER_ERROR:
                raise GatewayAway(f"the gateway at {settings.gateway_url} failed: {error}") from error
            raise
