"""The feed: nothing is missed, whatever breaks, and what cannot be had any more is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from taskcast import events
from taskcast.engine.engine import Engine
from taskcast.feed import Batch, Feed, Item, Rollback, Trimmed, read
from taskcast.names import Names
from tests.taskcast.engine.conftest import PrivateServer, new_job
from tests.waiting import eventually

pytestmark = pytest.mark.parametrize("live", [True, False], ids=["live", "stream"])


@pytest.fixture
async def engine(redis_url: str, names: Names, redis: Redis) -> Any:
    async with Engine.connect(redis_url, names.prefix) as engine:
        yield engine


@pytest.fixture
def private_server(tmp_path: Path) -> Iterator[PrivateServer]:
    server = PrivateServer(tmp_path)
    server.start()
    yield server
    server.kill()
    server.valkey.remove()


async def enqueue(engine: Engine, *jobs: str) -> int:
    await engine.enqueue([new_job(job) for job in jobs])
    return int(await engine.redis.get(engine.names.seq) or 0)


async def heard(feed: Feed, upto: int) -> list[Item]:
    """Return the items until the batch that ends with the seq `upto`."""
    items: list[Item] = []
    async with asyncio.timeout(20):
        async for item in feed:
            items.append(item)
            if isinstance(item, Batch) and item.last >= upto:
                return items
    raise AssertionError("the feed ended")


def jobs_of(items: list[Item]) -> list[str | None]:
    return [events.decode(line).job for item in items if isinstance(item, Batch) for line in item.lines]


async def test_feed_begins_at_a_position_and_goes_on(engine: Engine, redis_url: str, names: Names, live: bool) -> None:
    old = await enqueue(engine, "a")
    await enqueue(engine, "b", "c")
    async with Feed(redis_url, names, position=old, live=live) as feed:
        await feed.wait_connected()
        last = await enqueue(engine, "d")
        items = await heard(feed, last)

        assert jobs_of(items) == ["b", "c", "d"]
        assert next(item.prev for item in items if isinstance(item, Batch)) == old
        assert feed.position == last
        if not live:
            assert [dict(item.messages) for item in items if isinstance(item, Batch)][-1] == {"d": b'{"args":[]}'}


async def test_feed_without_position_begins_at_the_end(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    await enqueue(engine, "old")
    async with Feed(redis_url, names, position=None, live=live) as feed:
        await feed.wait_connected()
        last = await enqueue(engine, "new")

        assert jobs_of(await heard(feed, last)) == ["new"]


async def test_position_within_a_batch_gives_the_rest_of_it(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    last = await enqueue(engine, "a", "b", "c")
    async with Feed(redis_url, names, position=last - 1, live=live) as feed:
        items = await heard(feed, last)

        assert jobs_of(items) == ["c"]
        assert [type(item) for item in items] == [Batch]


async def test_killed_connections_lose_nothing(engine: Engine, redis_url: str, names: Names, live: bool) -> None:
    async with Feed(redis_url, names, position=0, live=live, probe_s=0.2) as feed:
        await feed.wait_connected()
        sent: list[str] = []
        for round_ in range(4):
            for i in range(10):
                sent.append(f"j{round_}.{i}")
                await enqueue(engine, sent[-1])
            await _kill_others(engine)
            last = await enqueue(engine, f"k{round_}")
            sent.append(f"k{round_}")
        items = await heard(feed, last)

        assert jobs_of(items) == sent
        assert {type(item) for item in items} == {Batch}


async def _kill_others(engine: Engine) -> None:
    """Cut every connection that listens or waits, and only those: other tests share the server."""
    mine = await engine.redis.client_id()
    for client in await engine.redis.client_list():
        if int(client["id"]) != mine and (int(client["sub"]) or client["cmd"] in {"xread", "subscribe"}):
            await engine.redis.client_kill_filter(_id=client["id"])


async def test_server_that_is_killed_and_started_again_loses_nothing(private_server: PrivateServer, live: bool) -> None:
    names = Names("alone")
    async with (
        Engine.connect(private_server.url, "alone") as engine,
        Feed(private_server.url, names, position=0, live=live, probe_s=0.2) as feed,
    ):
        await feed.wait_connected()
        await enqueue(engine, "before")
        private_server.kill()
        await asyncio.to_thread(private_server.start)
        last = await enqueue(engine, "after")
        items = await heard(feed, last)

        assert jobs_of(items) == ["before", "after"]
        assert {type(item) for item in items} == {Batch}


async def test_feed_waits_for_a_server_that_is_not_there_yet(private_server: PrivateServer, live: bool) -> None:
    private_server.kill()
    async with Feed(private_server.url, Names("alone"), position=0, live=live) as feed:
        assert not feed.connected
        await asyncio.to_thread(private_server.start)
        async with Engine.connect(private_server.url, "alone") as engine:
            assert jobs_of(await heard(feed, await enqueue(engine, "a"))) == ["a"]


async def test_server_that_forgot_the_end_is_noticed_at_the_next_event(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    await enqueue(engine, "a")
    kept = {key: await engine.redis.dump(key) for key in (names.events, names.seq)}
    told = await enqueue(engine, "b")
    await engine.redis.delete(names.events, names.seq)
    for key, value in kept.items():
        await engine.redis.restore(key, 0, value)
    last = await enqueue(engine, "c")

    async with Feed(redis_url, names, position=told, live=live) as feed:
        items = await heard(feed, last)

        rollback, batch = items
        assert isinstance(rollback, Rollback)
        assert (rollback.seq, len(rollback.run_id)) == (last, 40)
        assert isinstance(batch, Batch)
        assert jobs_of([batch]) == ["c"]


async def test_server_that_forgot_the_end_is_noticed_without_an_event(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    async with Feed(redis_url, names, position=None, live=live, probe_s=0.1) as feed:
        await feed.wait_connected()
        last = await enqueue(engine, "a")
        await heard(feed, last)
        await engine.redis.delete(names.events, names.seq)

        async with asyncio.timeout(10):
            rollback = await anext(feed)

        assert isinstance(rollback, Rollback)
        assert rollback.seq == 0
        assert jobs_of(await heard(feed, await enqueue(engine, "b"))) == ["b"]


async def test_events_that_were_trimmed_are_said(engine: Engine, redis_url: str, names: Names, live: bool) -> None:
    first = await enqueue(engine, "a")
    gone = await enqueue(engine, "b")
    last = await enqueue(engine, "c")
    await engine.redis.xtrim(names.events, minid=f"{last}-0", approximate=False)

    async with Feed(redis_url, names, position=first, live=live) as feed:
        trimmed, batch = await heard(feed, last)

        assert trimmed == Trimmed(gone)
        assert isinstance(batch, Batch)
        assert (batch.prev, jobs_of([batch])) == (gone, ["c"])


async def test_stream_that_was_trimmed_to_nothing_is_said(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    first = await enqueue(engine, "a")
    gone = await enqueue(engine, "b")
    await engine.redis.xtrim(names.events, maxlen=0, approximate=False)

    async with Feed(redis_url, names, position=first, live=live, probe_s=0.1) as feed:
        async with asyncio.timeout(10):
            assert await anext(feed) == Trimmed(gone)
        assert jobs_of(await heard(feed, await enqueue(engine, "c"))) == ["c"]


async def test_messages_that_never_came_are_read_from_the_stream(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    async with Feed(redis_url, names, position=0, live=live, probe_s=0.1) as feed:
        await feed.wait_connected()
        other = Names(names.prefix + "x")  # a writer whose messages nobody hears, as a user who may not publish
        async with Engine.connect(redis_url, other.prefix) as mute:
            last = await enqueue(mute, "a")
            for key, moved in ((other.events, names.events), (other.seq, names.seq)):
                await engine.redis.rename(key, moved)
            items = await heard(feed, last)

        assert jobs_of(items) == ["a"]
        assert all(item.from_stream for item in items if isinstance(item, Batch))
        leftover = [key async for key in engine.redis.scan_iter(match=other.tag.replace("{", "\\{") + "*")]
        await engine.redis.unlink(*leftover)


async def test_slow_consumer_gets_everything_in_the_end(
    engine: Engine, redis_url: str, names: Names, live: bool
) -> None:
    async with Feed(redis_url, names, position=0, live=live, probe_s=0.2) as feed:
        await feed.wait_connected()
        sent = [f"j{i}" for i in range(700)]
        for job in sent:
            await enqueue(engine, job)
        last = await enqueue(engine, "end")

        assert jobs_of(await heard(feed, last)) == [*sent, "end"]


async def test_stop_ends_the_iteration(redis_url: str, names: Names, live: bool) -> None:
    feed = Feed(redis_url, names, position=None, live=live)
    await feed.start()
    waiting = asyncio.create_task(anext(feed, None))
    await asyncio.sleep(0)

    await feed.stop()
    await feed.stop()

    assert await asyncio.wait_for(waiting, 10) is None
    assert [item async for item in feed] == []


async def test_what_is_there_can_be_had_at_once(engine: Engine, redis_url: str, names: Names, live: bool) -> None:
    async with Feed(redis_url, names, position=0, live=live) as feed:
        last = await enqueue(engine, "a")
        await eventually(lambda: feed.position == last)

        assert jobs_of(feed.ready()) == ["a"]
        assert feed.ready() == []


async def test_stretches_of_the_stream_can_be_read_again(engine: Engine, names: Names, live: bool) -> None:
    del live
    first = await enqueue(engine, "a", "b")
    await enqueue(engine, "c")
    await enqueue(engine, "d")

    assert jobs_of(list(await read(engine.redis, names, 0))) == ["a", "b", "c", "d"]
    assert jobs_of(list(await read(engine.redis, names, first - 1, 2))) == ["b", "c"]
    assert await read(engine.redis, names, await enqueue(engine, "e")) == []
