"""The connection of the scripts: replies in order, losses told, a hung server dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from taskcast.engine.calls import connect
from taskcast.engine.link import Link
from tests.taskcast.engine.conftest import Bench, new_job


def soon() -> float:
    return asyncio.get_running_loop().time() + 10


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    client = connect(redis_url)
    link = Link(client.connection_pool, 5)
    yield link
    await link.aclose()
    await client.aclose()


async def test_calls_made_at_once_get_each_its_own_reply(link: Link) -> None:
    texts = [f"{number}" * number for number in range(1, 200)]

    replies = await asyncio.gather(*(link.call(("ECHO", text), soon()) for text in texts))

    assert replies == [text.encode() for text in texts]


async def test_reply_to_a_cancelled_call_goes_to_nobody_else(link: Link) -> None:
    await link.call(("PING",), soon())
    given_up = asyncio.create_task(link.call(("ECHO", "first"), soon()))
    await asyncio.sleep(0)

    given_up.cancel()

    assert await link.call(("ECHO", "second"), soon()) == b"second"


async def test_error_reply_fails_its_own_call_alone(link: Link) -> None:
    replies: list[Any] = await asyncio.gather(
        link.call(("ECHO", "a"), soon()),
        link.call(("NO-SUCH-COMMAND",), soon()),
        link.call(("ECHO", "b"), soon()),
        return_exceptions=True,
    )

    assert (replies[0], replies[2]) == (b"a", b"b")
    assert isinstance(replies[1], ResponseError)


async def test_call_in_a_lost_connection_fails_and_the_next_opens_another(link: Link, redis: Redis) -> None:
    me = await link.call(("CLIENT", "ID"), soon())
    waiting = asyncio.create_task(link.call(("BLPOP", "nothing-comes-here", 0), soon()))
    await asyncio.sleep(0)

    await redis.client_kill_filter(_id=me)

    with pytest.raises(RedisConnectionError):
        await waiting
    assert await link.call(("CLIENT", "ID"), soon()) != me


async def test_call_gives_up_when_its_time_is_over(link: Link) -> None:
    loop = asyncio.get_running_loop()
    me = await link.call(("CLIENT", "ID"), soon())

    with pytest.raises(RedisTimeoutError):
        await link.call(("BLPOP", "nothing-comes-here", 0.3), loop.time() + 0.05)

    assert await link.call(("CLIENT", "ID"), soon()) == me


def test_call_whose_time_is_over_disturbs_no_other_on_uvloop(redis_url: str) -> None:
    async def late_and_in_time() -> list[Any]:
        client = connect(redis_url)
        link = Link(client.connection_pool, 5)
        await link.call(("PING",), soon())
        now = asyncio.get_running_loop().time()
        replies = await asyncio.gather(
            link.call(("BLPOP", "nothing-comes-here", 0.1), now - 1),
            link.call(("ECHO", "a"), now - 2),
            return_exceptions=True,
        )
        replies.append(await link.call(("ECHO", "b"), soon()))
        await link.aclose()
        await client.aclose()
        return replies

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        first, second, third = runner.run(late_and_in_time())

    assert isinstance(first, RedisTimeoutError)
    assert isinstance(second, RedisTimeoutError)
    assert third == b"b"


async def test_silent_server_loses_its_connection(redis_url: str) -> None:
    client = connect(redis_url)
    link = Link(client.connection_pool, 0.2)
    me = await link.call(("CLIENT", "ID"), soon())

    with pytest.raises(RedisTimeoutError, match="no answer within"):
        await link.call(("BLPOP", "nothing-comes-here", 5), soon())

    assert await link.call(("CLIENT", "ID"), soon()) != me
    await link.aclose()
    await client.aclose()


async def test_engine_goes_on_after_all_its_connections_were_killed(bench: Bench, redis: Redis) -> None:
    await bench.engine.enqueue([new_job("a")])

    await redis.client_kill_filter(_type="normal", skipme=True)

    assert (await bench.engine.enqueue([new_job("b")]))[0].outcome == "accepted"
