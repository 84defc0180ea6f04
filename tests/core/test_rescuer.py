from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from core.rescuer import Rescuer
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.ids import new_id
from tests.waiting import eventually

INFO = b'{"worker":"w1","host":"here","pid":7,"slots":10}'


def job(**options: int) -> NewJob:
    return NewJob(id=new_id(), task="TASK", message=b"{}", data={}, **options)  # type: ignore[arg-type]


async def test_rescuer_puts_due_jobs_into_their_lanes(redis_url: str, prefix: str, redis: Redis) -> None:
    async with Engine.connect(redis_url, prefix) as engine, Rescuer(engine=engine, every_s=0.05):
        await engine.enqueue([job(delay_ms=100) for _ in range(450)])

        async def promoted() -> bool:
            (queue,) = await engine.queues()
            return (queue.scheduled, sum(queue.waiting.values())) == (0, 450)

        await eventually(promoted)


async def test_rescuer_takes_back_the_jobs_of_a_lost_worker(redis_url: str, prefix: str, redis: Redis) -> None:
    async with Engine.connect(redis_url, prefix) as engine:
        accepted = [job() for _ in range(3)]
        await engine.enqueue(accepted)
        await engine.register("w1", lease_ms=60_000, info=INFO)
        await engine.take("w1", 3, number=1, known=0, started=INFO)
        await redis.delete(engine.names.lease("w1"))

        async with Rescuer(engine=engine, lease_ms=100, every_s=0.05):

            async def queued_again() -> bool:
                live = [await engine.job(one.id) for one in accepted]
                return [(one.state, one.deliveries) for one in live if one] == [("queued", 1)] * 3

            await eventually(queued_again)


async def test_rescuer_waits_for_a_server_that_is_away_and_stops_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async with Engine.connect("unix:///nowhere/valkey.sock") as engine:
        rescuer = Rescuer(engine=engine, every_s=0.01)
        await rescuer.start()
        await eventually(lambda: "a server is away; the rescuer waits" in caplog.text, timeout=30)

        await asyncio.wait_for(rescuer.stop(), 20)
        await rescuer.stop()
