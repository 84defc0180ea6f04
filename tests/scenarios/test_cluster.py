"""A cluster of three Valkeys: jobs run there as on one server, also while the slot of their keys is given away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from taskcast.events import decode
from taskcast.feed import Batch, Feed
from taskcast.states import JobState
from tests.scenarios.system import running_system
from tests.scenarios.witness import Witness
from tests.taskcast.processes import workers_on
from tests.valkeys import Cluster
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]
JOBS = 200


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


async def follow(feed: Feed, ends: Counter[str]) -> None:
    """Count the ends of jobs that a feed tells."""
    async for item in feed:
        assert isinstance(item, Batch)
        for line in item.lines:
            event = decode(line)
            if event.state and JobState(event.state).is_final:
                ends[str(event.job)] += 1


@pytest.mark.parametrize("way", ["key by key", "at once"])
async def test_jobs_of_a_cluster_survive_that_their_slot_moves(cluster: Cluster, tmp_path: Path, way: str) -> None:
    async with workers_on(cluster.url, tmp_path) as workers:
        broker, names = workers.shop.broker, workers.shop.broker.names
        slot = key_slot(names.events.encode())
        source = cluster.owner_of(slot)
        target = next(node for node in cluster.nodes if node is not source)
        ends: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        feeds = [Feed(cluster.url, names, position=0, live=live) for live in ends]
        for feed in feeds:
            await feed.start()
        readers = [asyncio.create_task(follow(feed, ends[feed._live])) for feed in feeds]
        await workers.start("--max-async-tasks", "5")

        jobs = await broker.enqueue_many("work", [(0.05,)] * JOBS)
        await eventually(lambda: len(workers.told("end")) > 20)
        await asyncio.to_thread(cluster.move if way == "key by key" else cluster.move_at_once, slot, target)
        more = await broker.enqueue("work", 0.0)

        result = await more.wait_result(timeout=30)
        await eventually(lambda: all(len(seen) == JOBS + 1 for seen in ends.values()), 60)
        for feed in feeds:
            await feed.stop()
        await asyncio.gather(*readers)

    assert result.return_value == 1
    assert cluster.owner_of(slot) is target
    for seen in ends.values():
        assert seen == Counter([job.id for job in (*jobs, more)])
    assert len(workers.told("end")) == JOBS + 1


async def test_jobs_wait_while_their_slot_is_half_way(cluster: Cluster, tmp_path: Path) -> None:
    """Between two servers no script runs at all: it could find one half of the keys here and the other there."""
    async with workers_on(cluster.url, tmp_path) as workers:
        engine, names = workers.shop.broker.engine, workers.shop.broker.names
        slot = key_slot(names.events.encode())
        source = cluster.owner_of(slot)
        target = next(node for node in cluster.nodes if node is not source)
        await workers.start()
        job = await workers.shop.broker.enqueue("until_told")
        await workers.begun()

        cluster.begin_move(slot, source, target)
        source.client.execute_command("MIGRATE", "127.0.0.1", target.port, names.job(job.id), 0, 5000)
        workers.let_go()
        await eventually(lambda: bool(workers.told("end")))
        with pytest.raises(Exception, match="cannot be reached"):
            await engine.enqueue([], deadline_s=0.2) or await engine.cancel(job.id, deadline_s=0.3)
        cluster.end_move(slot, source, target)
        event = await workers.shop.ended(job.id, timeout=20)

    assert (event.state, event.attempt) == ("completed", 1)


async def test_cluster_that_is_down_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    async with workers_on(cluster.url, tmp_path) as workers:
        slot = key_slot(workers.shop.broker.names.events.encode())
        owner = cluster.owner_of(slot)
        other = next(node for node in cluster.nodes if node is not owner)
        process = await workers.start()
        job = await workers.shop.broker.enqueue("until_told")
        await workers.begun()

        other.kill()  # its slots have no server now, so the cluster serves nobody
        await eventually(lambda: b"cluster_state:fail" in owner.client.execute_command("CLUSTER", "INFO"), 20)
        workers.let_go()
        await eventually(lambda: bool(workers.told("end")))
        other.start()
        event = await workers.shop.ended(job.id, timeout=30)

    assert (event.state, event.attempt) == ("completed", 1)
    assert process.poll() is None or process.returncode < 0


async def test_whole_taskcast_runs_on_a_cluster(cluster: Cluster) -> None:
    with running_system(TASKCAST_REDIS_URL=cluster.url) as system:
        async with system.client() as client, Witness(client) as witness:
            job = await client.enqueue("ledger", {"number": 1})

            await eventually(lambda: list(witness.ends[job["id"]].values()) == ["completed"], timeout=30)

            async def stored() -> bool:
                return bool((await client.job(job["id"]))["status"] == "completed")

            await eventually(stored, timeout=20)
    assert cluster.owner_of(key_slot(b"{taskcast}")).client.dbsize() > 0
