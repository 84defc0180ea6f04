"""The reconciler: what becomes of jobs that a queue server forgot, or remembers wrongly."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.reconciler import Reconciler
from core.recorder.recorder import Recorder
from core.resender import Resender
from core.steering import Steering
from core.storage.connection import connection
from core.storage.jobs import job_detail
from core.storage.pauses import list_pauses
from tests.core.floor import CIPHER, Floor, Own, floor_on, statuses
from tests.waiting import eventually


@asynccontextmanager
async def at_work(floor: Floor, **options: Any) -> AsyncIterator[tuple[Recorder, Reconciler]]:
    async with floor.recorder() as recorder:
        resender = Resender(engine=floor.engine, **({"cipher": CIPHER} | options))
        reconciler = Reconciler(engine=floor.engine, recorder=recorder, resender=resender)
        async with reconciler:
            yield recorder, reconciler


async def recorded(floor: Floor) -> None:
    async with floor.recorder() as recorder:
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)


async def forget_everything(floor: Floor) -> None:
    redis = floor.engine.redis
    keys = [key async for key in redis.scan_iter(match=floor.engine.names.tag.replace("{", "\\{") + "*", count=1000)]
    await redis.unlink(*keys)


async def test_jobs_that_the_server_forgot_are_sent_again_and_end(floor: Floor, database: str) -> None:
    waiting = await floor.enqueue(5, metadata={"from": "test"}, max_attempts=3, user_id="ada")
    await floor.enqueue(2, delay_ms=3_600_000)
    await floor.take(2)
    await recorded(floor)
    await forget_everything(floor)

    async with at_work(floor) as (recorder, reconciler):
        await eventually(lambda: reconciler.counted["resent"] == 7)
        held = await floor.take(10)
        await floor.finish(held)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    assert {job for job, _ in held} == set(waiting)
    assert sorted(attempt for _, attempt in held) == [1, 1, 1, 2, 2]
    assert await statuses() == {"completed": 5, "scheduled": 2}
    row = await job_detail(waiting[4])
    assert row
    assert (row["metadata"], row["max_attempts"], row["user_id"]) == ({"from": "test"}, 3, "ada")


async def test_forgotten_jobs_fail_where_the_policy_says_so(floor: Floor, database: str) -> None:
    (job,) = await floor.enqueue(1)
    await recorded(floor)
    await forget_everything(floor)

    async with at_work(floor, on_forgotten="fail") as (_, reconciler):
        await eventually(lambda: reconciler.counted["failed"] == 1)

        async def failed() -> bool:
            row = await job_detail(job)
            return row is not None and (row["status"], row["final_reason"]) == ("failed", "forgotten")

        await eventually(failed)


async def test_a_forgotten_job_without_its_message_fails(floor: Floor, database: str) -> None:
    await floor.enqueue(1, keep_message=False)
    await recorded(floor)
    await forget_everything(floor)

    async with at_work(floor) as (recorder, reconciler):
        await eventually(lambda: reconciler.counted["failed"] == 1)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    assert await statuses() == {"failed": 1}


async def test_jobs_that_the_server_knows_are_left_alone(floor: Floor, database: str) -> None:
    await floor.enqueue(5)
    await floor.take(2)
    await floor.run(3)
    await recorded(floor)
    before = await floor.seq()

    async with at_work(floor) as (_, reconciler):
        await reconciler.reconcile()

    assert not reconciler.counted
    assert await floor.seq() == before


async def test_an_end_whose_event_was_lost_is_put_right_from_the_tombstone(floor: Floor, database: str) -> None:
    await floor.enqueue(3)
    held = await floor.take(3)
    await recorded(floor)
    await floor.finish(held)
    await floor.engine.redis.xtrim(floor.engine.names.events, maxlen=0, approximate=False)
    await floor.enqueue(1)

    async with at_work(floor) as (_, reconciler):
        await eventually(lambda: reconciler.counted["repaired"] == 3)

    assert await statuses() == {"completed": 3, "queued": 1}


async def test_a_row_that_missed_moves_follows_the_record(floor: Floor, database: str) -> None:
    await floor.enqueue(2)
    await recorded(floor)
    await floor.take(1)
    await floor.engine.redis.xtrim(floor.engine.names.events, maxlen=0, approximate=False)
    await floor.enqueue(1)

    async with at_work(floor) as (_, reconciler):
        await eventually(lambda: reconciler.counted["repaired"] == 1)

    assert await statuses() == {"running": 1, "queued": 2}
    async with connection() as lent:
        assert await lent.fetchval("SELECT processed_by FROM jobs WHERE status = 'running'") == "w1"


async def test_a_server_set_back_runs_no_ended_job_again_and_loses_none(
    own_valkey: Own, prefix: str, database: str, tmp_path: Path
) -> None:
    async with floor_on(own_valkey.url, prefix) as floor:
        ended = await floor.enqueue(5)
        await recorded(floor)
        folder = own_valkey.server.folder  # type: ignore[attr-defined]
        await asyncio.to_thread(own_valkey.stop, signal.SIGTERM)
        shutil.copytree(folder, tmp_path / "earlier")
        await asyncio.to_thread(own_valkey.start)
        await floor.finish(await floor.take(5))
        later = await floor.enqueue(4)
        await recorded(floor)
        await asyncio.to_thread(own_valkey.stop)
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "earlier", folder)
        folder.chmod(0o700)

        async with at_work(floor) as (recorder, reconciler):
            await asyncio.to_thread(own_valkey.start)
            await eventually(
                lambda: (reconciler.counted["dropped"], reconciler.counted["resent"]) == (5, 4), timeout=30
            )
            held = await floor.take(20)
            await floor.finish(held)
            await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

        assert {job for job, _ in held} == set(later)
        assert not set(later) & set(ended)
        assert await statuses() == {"completed": 9}


async def test_a_server_set_back_while_the_recorder_runs_is_noticed(
    own_valkey: Own, prefix: str, database: str
) -> None:
    async with floor_on(own_valkey.url, prefix) as floor, at_work(floor) as (recorder, reconciler):
        await floor.run(5)
        jobs = await floor.enqueue(3)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)
        await floor.engine.redis.flushall()

        await eventually(lambda: reconciler.counted["resent"] == 3, timeout=20)
        held = await floor.take(10)
        await floor.finish(held)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

        assert {job for job, _ in held} == set(jobs)
        assert await statuses() == {"completed": 8}


async def test_limits_and_deliveries_come_back_with_a_forgotten_job(floor: Floor, database: str) -> None:
    limited = {"concurrency": 1, "concurrency_key": "tenant:1", "rate_count": 100, "rate_period_ms": 1000}
    await floor.enqueue(2, max_deliveries=5, **limited)
    await recorded(floor)
    await forget_everything(floor)

    async with at_work(floor) as (recorder, reconciler):
        await eventually(lambda: reconciler.counted["resent"] == 2)
        held = await floor.take(2)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    assert len(held) == 1
    row = await job_detail(held[0][0])
    assert row
    assert row["max_deliveries"] == 5
    assert row["limits"]["concurrency"] == {"key": "tenant:1", "limit": 1}


async def test_pauses_that_an_empty_server_forgot_are_put_back(floor: Floor, database: str) -> None:
    await floor.enqueue(1)
    await floor.engine.pause(queue="default", by="ada", reason="the bank is down")
    await floor.engine.pause(task="REPORT", until_ms=4_000_000_000_000)
    await floor.engine.pause(queue="resumed")
    await floor.engine.resume(queue="resumed")
    await recorded(floor)
    await forget_everything(floor)

    async with at_work(floor) as (_, reconciler):
        await eventually(lambda: reconciler.counted["paused"] == 2)
        await eventually(lambda: reconciler.counted["resent"] == 1)
        paused = await floor.engine.paused()

        assert await floor.take(1) == []

    assert set(paused) == {"q:default", "t:REPORT"}
    assert (paused["q:default"].by, paused["q:default"].reason) == ("ada", "the bank is down")
    assert paused["t:REPORT"].until_ms == 4_000_000_000_000


async def test_a_pause_whose_end_has_come_while_it_was_forgotten_is_over(floor: Floor, database: str) -> None:
    await floor.engine.pause(queue="default", until_ms=4_000_000_000_000)
    await recorded(floor)
    async with connection() as lent:
        await lent.execute("UPDATE pauses SET until = now() - interval '1 minute'")
    await forget_everything(floor)

    async with at_work(floor) as (recorder, _):

        async def over() -> bool:
            return not await list_pauses()

        await eventually(over)
        await asyncio.wait_for(recorder.reached(await floor.seq()), 10)

    assert not await floor.engine.paused()


async def test_a_pause_that_was_over_does_not_come_back_with_the_servers_memory(floor: Floor, database: str) -> None:
    await floor.engine.pause(queue="default", by="ada")
    await recorded(floor)
    before = await floor.seq()
    remembered = await floor.engine.redis.hgetall(floor.engine.names.paused)
    await floor.engine.resume(queue="default")
    await recorded(floor)
    await floor.engine.redis.hset(floor.engine.names.paused, mapping=remembered)

    async with at_work(floor) as (_, reconciler):
        await reconciler.reconcile(back_to=before)

    assert not await floor.engine.paused()


async def test_a_pause_whose_event_was_lost_is_told_again(floor: Floor, database: str) -> None:
    await floor.enqueue(1)
    await recorded(floor)
    await floor.engine.pause(queue="default", by="ada")
    await floor.engine.redis.xtrim(floor.engine.names.events, maxlen=0, approximate=False)
    await floor.enqueue(1)

    async with at_work(floor):

        async def told() -> bool:
            return "q:default" in await list_pauses()

        await eventually(told)

    assert set(await floor.engine.paused()) == {"q:default"}


async def test_a_forgotten_pause_that_somebody_ends_is_not_put_back(floor: Floor, database: str) -> None:
    await floor.engine.pause(queue="default", by="ada")
    await recorded(floor)
    await forget_everything(floor)

    await Steering(engine=floor.engine).resume(queue="default", by="ada")

    async with at_work(floor) as (_, reconciler):
        await reconciler.reconcile()
    assert not await floor.engine.paused()
    assert not await list_pauses()


class Behind(Recorder):
    """A recorder that comes to where the server is only after something has happened meanwhile."""

    meanwhile: Callable[[], Awaitable[Any]]

    async def reached(self, seq: int) -> None:
        await super().reached(seq)
        await self.meanwhile()


async def reconciled_behind(floor: Floor, meanwhile: Callable[[Recorder], Awaitable[Any]]) -> None:
    """Do one round whose recorder takes a while, then record all there is."""
    recorder = Behind(engine=floor.engine, redis_url=floor.redis_url, cipher=CIPHER, gap_s=0.01)
    recorder.meanwhile = lambda: meanwhile(recorder)
    async with recorder:
        resender = Resender(engine=floor.engine, cipher=CIPHER)
        await Reconciler(engine=floor.engine, recorder=recorder, resender=resender).reconcile()
    await recorded(floor)


async def test_a_pause_that_ends_while_the_recorder_is_behind_is_not_told_again(floor: Floor, database: str) -> None:
    await floor.engine.pause(queue="default")

    async def resume(recorder: Recorder) -> None:
        await floor.engine.resume(queue="default")
        await Recorder.reached(recorder, await floor.seq())

    await reconciled_behind(floor, resume)

    assert not await list_pauses()
    assert not await floor.engine.paused()


async def test_a_pause_that_comes_and_goes_while_the_recorder_is_behind_is_not_put_back(
    floor: Floor, database: str
) -> None:
    async def pause_and_resume(recorder: Recorder) -> None:
        await floor.engine.pause(queue="default")
        await Recorder.reached(recorder, await floor.seq())
        await recorder.stop()
        await floor.engine.resume(queue="default")

    await reconciled_behind(floor, pause_and_resume)

    assert not await floor.engine.paused()
    assert not await list_pauses()
