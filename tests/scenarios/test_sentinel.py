"""A master that a Sentinel watches: when it dies, its replica takes over, and the jobs go on there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskcast.engine.engine import Engine
from taskcast.errors import EngineUnavailable
from tests.scenarios.system import running_system
from tests.scenarios.witness import Witness
from tests.taskcast.processes import workers_on
from tests.valkeys import Watched
from tests.waiting import eventually

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]
JOBS = 200


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    try:
        watched.start()
        yield watched
    finally:
        watched.close()


async def test_jobs_go_on_at_the_new_master(watched: Watched, tmp_path: Path) -> None:
    async with workers_on(watched.url, tmp_path, WORKER_LEASE_S="5") as workers:
        broker = workers.shop.broker
        process = await workers.start("--max-async-tasks", "5")
        jobs = await broker.enqueue_many("work", [(0.05,)] * JOBS)
        long = await broker.enqueue("work", 4.0)
        await eventually(lambda: len(workers.told("end")) > 20)

        watched.master.kill()

        await eventually(watched.has_switched, 30)
        ends = await workers.ends([job.id for job in (*jobs, long)])
        after = await broker.enqueue("work", 0.0)
        assert (await after.wait_result(timeout=20)).return_value == 1
        assert process.poll() is None

    assert Counter(event.job for event in ends) == Counter(job.id for job in (*jobs, long))
    assert {event.state for event in ends} == {"completed"}


async def test_worker_leaves_a_master_that_became_a_replica(watched: Watched, tmp_path: Path) -> None:
    async with workers_on(watched.url, tmp_path) as workers:
        broker = workers.shop.broker
        await workers.start()
        before = await broker.enqueue("work", 0.0)
        await workers.shop.ended(before.id)
        await eventually(watched.replicated)

        watched.sentinel.client.execute_command("SENTINEL", "FAILOVER", "orders")

        await eventually(watched.old_master_follows, 30)
        job = await broker.enqueue("work", 0.0)
        assert (await workers.shop.ended(job.id, timeout=30)).state == "completed"

    assert watched.replica.client.exists(broker.names.tombstone(job.id))


async def test_whole_taskcast_goes_on_after_a_failover(watched: Watched) -> None:
    with running_system(TASKCAST_REDIS_URL=watched.url) as system:
        async with system.client() as client, Witness(client) as witness:
            first = (await client.enqueue("ledger", {"number": 1}))["id"]
            await eventually(lambda: list(witness.ends[first].values()) == ["completed"], timeout=30)
            await eventually(watched.replicated)

            watched.master.kill()
            await eventually(watched.has_switched, 30)
            second = (await client.enqueue("ledger", {"number": 2}))["id"]

            await eventually(lambda: list(witness.ends[second].values()) == ["completed"], timeout=30)

            async def stored() -> bool:
                rows = [await client.job(job) for job in (first, second)]
                return [row["status"] for row in rows] == ["completed"] * 2

            await eventually(stored, timeout=20)


async def test_sentinel_and_server_may_have_passwords_of_their_own(tmp_path: Path) -> None:
    watched = Watched(tmp_path, password="of-the-server", sentinel_password="of/the+sentinel")
    rest = watched.url.removeprefix("redis+sentinel://")
    right = f"redis+sentinel://:of-the%2Dserver@{rest}?sentinel_password=of%2Fthe%2Bsentinel"
    try:
        watched.start()
        async with workers_on(right, tmp_path) as workers:
            await workers.start()
            job = await workers.shop.broker.enqueue("work", 0.0)
            assert (await job.wait_result(timeout=20)).return_value == 1
        for wrong in (right.replace("Bsentinel", "Bsentry"), right.replace("Dserver", "Dserfer")):
            async with Engine.connect(wrong) as engine:
                with pytest.raises(EngineUnavailable, match=r"(?i)(invalid|auth)"):
                    await engine.queues(deadline_s=5)
    finally:
        watched.close()
