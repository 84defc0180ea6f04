"""The gateway that the client is tested against."""

from tests.core.live.conftest import acting, engine, gateway, recorder, work  # noqa: F401  # fixtures
