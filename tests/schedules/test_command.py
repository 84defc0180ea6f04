"""The command `taskiq scheduler`, alone with its two servers, which are away at its start and again later."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from core.embedded.postgres import ROLE, EmbeddedPostgres
from core.storage import schedules as stored
from core.storage.connection import connected, connection
from core.timing import Timing
from schedules.firing import job_id_of
from taskcast.names import Names
from tests.schedules.test_scheduler import queued, runs
from tests.taskcast.conftest import OwnServer, own_server
from tests.waiting import eventually

__all__ = ["own_server"]

ROOT = Path(__file__).parents[2]
SECOND = timedelta(seconds=1)


@asynccontextmanager
async def away(postgres: EmbeddedPostgres, database_url: str) -> AsyncIterator[None]:
    """Let PostgreSQL close all connections to a database and take no others."""
    name = urlsplit(database_url).path.lstrip("/")
    root = await asyncpg.connect(host=str(postgres.sockets), port=5432, user=ROLE, database="postgres")
    await root.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await root.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    yield
    await root.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await root.close()


@pytest.mark.timeout(120)
async def test_schedulers_outlive_their_servers_and_a_kill_and_send_each_slot_once(
    postgres: EmbeddedPostgres, database_url: str, own_server: OwnServer, names: Names, tmp_path: Path
) -> None:
    # Each second, which no person may ask for; `all`, so that each second that was is sent.
    fields = {"name": "often", "title": "Often", "task": "OFTEN", "source": "stored", "policy": "all"}
    async with connected(database_url):
        await stored.add(fields, Timing(kind="interval", every_s=1, anchor=datetime(2026, 1, 1, tzinfo=UTC)), by="us")
    environment = os.environ | {
        "TASKCAST_REDIS_URL": own_server.url,
        "TASKCAST_DATABASE_URL": database_url,
        "TASKCAST_PREFIX": names.prefix,
    }
    log = tmp_path / "log"

    async def start(output: Any) -> asyncio.subprocess.Process:
        command = (sys.executable, "-m", "taskiq", "scheduler", "schedules.scheduler:scheduler")
        return await asyncio.create_subprocess_exec(*command, env=environment, cwd=ROOT, stdout=output, stderr=output)

    def says(words: str) -> Callable[[], bool]:
        return lambda: words in log.read_text()

    own_server.stop()
    with log.open("w") as output:
        async with away(postgres, database_url):
            steady, killed = await start(output), await start(output)
            await eventually(says("cannot be stored yet"), timeout=30)
    own_server.start()
    redis = Redis.from_url(own_server.url)

    async def several() -> bool:
        return len(await queued(redis, names)) > 2

    async def asked_in_vain() -> Any:
        async with connection() as lent:
            return await lent.fetchval("SELECT sum(tries) FROM schedule_runs")

    async def goes_on() -> bool:
        found = await runs()
        return (found[-1][0] > back_at) and all(state == "sent" for slot, state in found if slot <= back_at)

    try:
        await eventually(several, timeout=30)
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
        async with away(postgres, database_url):
            await eventually(says("cannot be looked at"), timeout=30)
        async with connected(database_url):
            own_server.stop()
            await eventually(asked_in_vain, timeout=30)
            own_server.start()
            back_at = datetime.now(UTC)
            await eventually(goes_on, timeout=30)
            assert steady.returncode is None
            steady.terminate()
            await asyncio.wait_for(steady.wait(), 30)
            slots = [slot for slot, _ in await runs() if slot <= back_at]
        ids = await queued(redis, names)
    finally:
        await redis.aclose()
        for process in (steady, killed):
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert len(ids) == len(set(ids))
    assert {after - before for before, after in pairwise(slots)} == {SECOND}
    assert {job_id_of("often", slot) for slot in slots} <= set(ids)
