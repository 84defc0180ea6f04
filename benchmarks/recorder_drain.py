"""Lets a real recorder process store all events of a queue server, and times it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import asyncpg
from redis.asyncio import Redis

from benchmarks.servers import postgres
from core.storage.address import normal_url
from migrations.upgrade import upgrade
from taskcast.names import Names


async def connect(url: str) -> asyncpg.Connection:
    """Return a plain connection to the database at one of our URLs."""
    return await asyncpg.connect(normal_url(url).replace("asyncpg://", "postgres://", 1))


async def drain(redis_url: str) -> float:
    """Return the seconds from the recorder's first commit to its last, on a fresh database."""
    with postgres() as database_url:
        await upgrade(database_url)
        return await drain_into(redis_url, database_url)


async def drain_into(redis_url: str, database_url: str) -> float:
    """Do the same on a migrated database; the recorder's own start is not counted."""
    redis = Redis.from_url(redis_url)
    last = int(await redis.get(Names().seq) or 0)
    await redis.aclose()
    connection = await connect(database_url)
    env = {
        **os.environ,
        "TASKCAST_REDIS_URL": redis_url,
        "TASKCAST_DATABASE_URL": database_url,
        "TASKCAST_SECRET_KEY": "a secret of the benchmarks, long enough",
        "TASKCAST_LOG_LEVEL": "ERROR",
    }
    recorder = subprocess.Popen([sys.executable, "-m", "core.recorder"], env=env)
    try:
        first: float | None = None
        until = time.monotonic() + 300
        while True:
            position = await connection.fetchval("SELECT seq FROM recorder") or 0
            if position and first is None:
                first = time.perf_counter()
            if position >= last:
                return time.perf_counter() - (first or time.perf_counter())
            if time.monotonic() > until or recorder.poll() is not None:
                raise RuntimeError("the recorder did not store all events")
            await asyncio.sleep(0.005)
    finally:
        recorder.terminate()
        recorder.wait(30)
        await connection.close()
