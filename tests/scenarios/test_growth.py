"""Nothing grows: thousands of jobs of every kind leave the server with the keys and the memory that it had before."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import soak
from tests.taskcast.conftest import OwnServer
from tests.taskcast.processes import workers_on
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]
KNOWN_KEYS = {"events", "seq", "lanes", "shares", "counts", "run", "workers", "lease", "held"}


async def test_thousands_of_jobs_leave_no_key_and_no_memory_behind(own_server: OwnServer) -> None:
    soaked = await soak(own_server.url, 5_000, warm_up=1_000)

    assert soaked.after.keys == soaked.before.keys
    assert set(soaked.after.keys) <= KNOWN_KEYS
    assert soaked.after.ended_now["tomb"] <= 5_000
    assert soaked.after.scripts < 50
    assert soaked.server_growth < 0.05  # 11 bytes a job: less than any key of its own
    assert soaked.worker_growth < 0.25


async def test_workers_that_vanish_leave_no_keys_behind(redis_url: str, tmp_path: Path) -> None:
    async with workers_on(redis_url, tmp_path, WORKER_LEASE_S="1") as workers:
        broker = workers.shop.broker
        jobs = []
        for count in (0, 3, 1):  # also one that was idle
            process = await workers.start()
            jobs += [job.id for job in await broker.enqueue_many("work", [(60.0,)] * count)]
            await workers.begun(len(jobs))
            process.kill()
        await workers.start()
        await workers.ends(jobs)

        async def keys() -> set[str]:
            redis, names = broker.engine.redis, broker.names
            found = {key.decode() async for key in redis.scan_iter(match="*" + names.prefix + "*", count=1000)}
            kept = {name for name in found if name.split(":")[1] in {"held", "lease", "workers"}}
            return kept if await redis.zcard(names.workers) == 1 and len(kept) == 3 else set()

        assert await eventually(keys)
