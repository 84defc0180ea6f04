"""A queue server whose memory is used up: reports are dropped and shown as gaps, new jobs refused, ends accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from taskcast import JobBroker
from taskcast.client import Client
from taskcast.errors import EngineFull, GatewayError
from tests.scenarios.system import running_system
from tests.taskcast.conftest import OwnServer
from tests.taskcast.processes import workers_on
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]


def fill(server: redis.Redis, percent: int) -> None:
    """Let what the server holds be so many percent of what it may hold."""
    server.setrange("ballast", 50_000_000, "x")  # not sent as a whole: what a connection has buffered counts too
    used = server.info("memory")["used_memory"]
    server.config_set("maxmemory", used * 100 // percent)


def empty(server: redis.Redis) -> None:
    server.config_set("maxmemory", 0)
    server.delete("ballast")


async def is_refused(broker: JobBroker) -> bool:
    """Whether new jobs are refused; how full the server is, scripts ask once a second."""
    try:
        await broker.enqueue("work", 0.0, delay_s=3600)
    except EngineFull:
        return True
    return False


@pytest.fixture
def server(own_server: OwnServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(own_server.url) as client:
        yield client


@pytest.mark.parametrize("percent", [93, 101])
async def test_running_jobs_end_on_a_full_server_and_their_dropped_lines_show_as_a_gap(
    own_server: OwnServer, server: redis.Redis, tmp_path: Path, percent: int
) -> None:
    async with workers_on(own_server.url, tmp_path) as workers:
        shop, broker = workers.shop, workers.shop.broker
        await workers.start()
        job = (await broker.enqueue("talk_until_told")).id
        waiting = (await broker.enqueue("work", 0.0, delay_s=2)).id
        await eventually(lambda: shop.events(job, "job.logged"))

        fill(server, percent)
        await eventually(lambda: is_refused(broker))
        await eventually(lambda: server.hget(broker.names.run, "dropped"))
        workers.let_go()
        ends = await workers.ends([job, waiting])
        full_until_here = server.config_get("maxmemory")["maxmemory"]
        empty(server)

        async def accepted() -> str | None:
            try:
                return (await broker.enqueue("work", 0.0)).id
            except EngineFull:
                return None

        after = await eventually(accepted)
        assert (await shop.ended(after)).state == "completed"
        lines = [event.data for event in await shop.events(job, "job.logged")]
        dropped = int(server.hget(broker.names.run, "dropped") or 0)

    assert int(full_until_here) > 0
    assert {event.state for event in ends} == {"completed"}
    assert dropped > 0
    assert "log lines were dropped here: the memory of the queue server" in lines[-1].message
    assert lines[-1].line == len(lines) + lines[-1].context["dropped"]  # the numbers tell which lines are missing


async def test_the_gateway_says_that_the_queue_is_full_and_recovers() -> None:
    with running_system() as system, redis.Redis.from_url(system.redis_url) as server:
        async with system.client() as client:
            before = await client.enqueue("quick", {"number": 1})

            fill(server, 95)
            refused = await eventually(lambda: refusal(client))
            empty(server)

            async def accepted() -> str | None:
                try:
                    return str((await client.enqueue("quick", {"number": 3}))["id"])
                except GatewayError:
                    return None

            after = await eventually(accepted, timeout=20)

            async def both_done() -> bool:
                rows = [await client.job(job) for job in (before["id"], after)]
                return [row["status"] for row in rows] == ["completed", "completed"]

            await eventually(both_done, timeout=20)

    assert (refused.status, refused.code) == (503, "engine_full")


async def refusal(client: Client) -> GatewayError | None:
    """Return the gateway's refusal of a new job, if it refuses."""
    try:
        await client.enqueue("quick", {"number": 2})
    except GatewayError as error:
        return error
    return None
