"""An engine with one worker, and servers of a test's own that may be killed."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from taskcast.engine.engine import Engine
from tests.core.floor import Floor, Own


@pytest.fixture
async def floor(redis_url: str, prefix: str, redis: Redis) -> AsyncIterator[Floor]:
    async with Engine.connect(redis_url, prefix) as engine:
        yield Floor(engine, redis_url)


@pytest.fixture
def own_valkey() -> Iterator[Own]:
    with tempfile.TemporaryDirectory(prefix="taskcast-own-") as folder:
        server = EmbeddedValkey(Path(folder))
        own = Own(server)
        own.start()
        yield own
        own.stop(signal.SIGTERM)
        server.remove()


@pytest.fixture
def own_postgres() -> Iterator[Own]:
    with tempfile.TemporaryDirectory(prefix="taskcast-own-") as folder:
        server = EmbeddedPostgres(Path(folder))
        own = Own(server)
        own.start()
        yield own
        own.stop(signal.SIGINT)
        server.remove()
