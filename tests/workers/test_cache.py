from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from core.storage.files import FileStore
from taskcast.names import Names
from tests.workers.conftest import ToldJob, held, stopped_at, stopped_when
from workers.cache import Cleanup, clean_cache
from workers.tasks.cache_cleanup import cache_cleanup


async def test_only_expired_and_idle_entries_of_the_cache_go(redis: Redis, names: Names) -> None:
    live = names.tag + "cache:live"
    await redis.set(live, "x", ex=100)
    await redis.set(names.result_prefix() + ":old", "x" * 5000)
    await redis.set(names.tag + "cache:old", "x")
    await redis.set(names.tag + "cache:gone", "x", px=1)
    engine = [names.job("1"), names.lease("w"), names.events, names.tombstone("1"), names.dedup("cache:1")]
    for key in engine:
        await redis.set(key, "x")
    others = names.tag.replace(":", "x:") + "cache:other"
    await redis.set(others, "x", ex=100)

    steps = [step async for step in clean_cache(redis, names, idle_s=0)]

    assert await redis.exists(live, *engine, others) == 7
    assert await redis.exists(names.result_prefix() + ":old", names.tag + "cache:old", names.tag + "cache:gone") == 0
    assert steps[-1].removed >= 2
    assert steps[-1].bytes > 5000


async def test_entries_that_somebody_reads_stay(redis: Redis, names: Names) -> None:
    await redis.set(names.tag + "cache:read", "x")

    steps = [step async for step in clean_cache(redis, names, idle_s=3600)]

    assert (steps[-1].looked, steps[-1].removed) == (1, 0)


async def test_many_entries_are_removed_in_bounded_steps(redis: Redis, names: Names) -> None:
    async with redis.pipeline(transaction=False) as fill:
        for number in range(5000):
            fill.set(f"{names.tag}cache:{number}", "x")
        await fill.execute()

    steps = [step async for step in clean_cache(redis, names, idle_s=0)]

    assert len(steps) > 3
    assert all(
        after.removed - before.removed <= 2000 for before, after in zip([Cleanup(), *steps], steps, strict=False)
    )
    assert steps[-1].removed == 5000


async def test_cache_cleanup_reports_what_it_freed(
    redis: Redis, redis_url: str, names: Names, database: str, tmp_path: Path
) -> None:
    store, job = FileStore((tmp_path / "files").as_uri()), ToldJob()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "incoming-a").write_bytes(b"12345")
    os.utime(tmp_path / "files" / "incoming-a", (time.time() - 90_000,) * 2)
    await redis.set(names.tag + "cache:old", "x")

    async with Redis.from_url(redis_url) as server:
        result = await cache_cleanup(idle_hours=0, job=job, store=store, cache=(server, names))

    assert (result["looked"], result["removed"]) == (1, 1)
    assert (result["files_removed"], result["file_bytes_freed"]) == (1, 5)
    assert job.moves[-1][0] == 100


async def test_killed_in_the_middle_and_run_again_the_cache_is_as_after_one_run(
    redis: Redis, redis_url: str, names: Names, database: str, tmp_path: Path, prefix: str,
    killed: Callable[..., Awaitable[None]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store, stays = FileStore((tmp_path / "files").as_uri()), [names.tag + "cache:live", names.job("1")]
    (tmp_path / "files").mkdir()
    for number in range(3):
        (tmp_path / "files" / f"incoming-{number}").write_bytes(b"12345")
        os.utime(tmp_path / "files" / f"incoming-{number}", (time.time() - 90_000,) * 2)
    async with redis.pipeline(transaction=False) as fill:
        for number in range(3000):
            fill.set(f"{names.tag}cache:{number}", "x")
        fill.set(stays[0], "x", ex=1000)
        fill.set(stays[1], "x")
        await fill.execute()
    monkeypatch.setenv("TASKCAST_REDIS_URL", redis_url)
    monkeypatch.setenv("TASKCAST_PREFIX", prefix)

    await killed("CACHE_CLEANUP", at=[1, 2, 0], idle_hours=0)
    async with Redis.from_url(redis_url) as server:
        again = await cache_cleanup(idle_hours=0, job=ToldJob(), store=store, cache=(server, names))

    assert (again["removed"], again["files_removed"]) == (0, 0)
    assert sorted([key.decode() async for key in redis.scan_iter(match=names.tag + "*")]) == sorted(stays)
    assert list((tmp_path / "files").iterdir()) == []


async def test_cancelled_in_the_middle_it_stops_at_once_and_what_is_in_use_stays(
    redis: Redis, redis_url: str, names: Names, database: str, tmp_path: Path
) -> None:
    store, job = FileStore((tmp_path / "files").as_uri()), ToldJob()
    (tmp_path / "files").mkdir()
    left = tmp_path / "files" / "0198c0de-0000-7000-8000-000000000000"
    left.write_bytes(b"12345")
    os.utime(left, (time.time() - 90_000,) * 2)
    await redis.set(names.tag + "cache:live", "x", ex=1000)

    async with Redis.from_url(redis_url) as server:
        await stopped_at("Looking", job, cache_cleanup(job=job, store=store, cache=(server, names)))
        async with held("files") as waited_for:
            await stopped_when(waited_for, cache_cleanup(job=ToldJob(), store=store, cache=(server, names)))

    assert await redis.exists(names.tag + "cache:live") == 1
    assert left.exists()
