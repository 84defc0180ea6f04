"""Jobs whose record names a place where they do not stand are put back there."""

from __future__ import annotations

from tests.taskcast.engine.conftest import Bench, end, new_job


async def test_job_in_its_place_is_left_alone(bench: Bench) -> None:
    jobs = [new_job("running"), new_job("retrying", max_attempts=3), new_job("held", task="stopped")]
    await bench.engine.enqueue([*jobs, new_job("later", delay_ms=99_999), new_job("asked")])
    await bench.engine.pause(task="stopped")
    await bench.taken()
    await bench.engine.finish("w1", [end("retrying", state="retrying", delay_ms=99_999)])
    await bench.engine.cancel("asked")
    await bench.engine.enqueue([new_job("queued")])

    ids = ["running", "retrying", "held", "later", "asked", "queued", "unknown"]

    assert await bench.engine.misplaced(ids) == []


async def test_waiting_job_comes_back_to_the_front_of_its_lane(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a"), new_job("b"), new_job("c", task="stopped")])
    await bench.engine.pause(task="stopped")
    await bench.take(want=1)
    await bench.engine.release("w1", [("a", 1)], begun=False)
    await bench.take(want=1, queues=["none"])
    for key in await bench.redis.keys(bench.names.tag + "hold*"):
        await bench.redis.delete(key)
    await bench.redis.delete(bench.names.lane("default", 2))
    await bench.redis.hset(bench.names.job("c"), "z", "t:stopped")

    assert await bench.engine.misplaced(["b", "a", "c", "a"]) == [("b", "lane"), ("a", "lane"), ("c", "lane")]

    assert sorted(await bench.lane()) == ["a", "b", "c"]
    await bench.engine.resume(task="stopped")
    assert sorted(job for job, _ in await bench.taken()) == ["a", "b", "c"]


async def test_delayed_job_is_due_now(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("later", delay_ms=99_999)])
    await bench.redis.delete(bench.names.delayed)

    assert await bench.engine.misplaced(["later"]) == [("later", "due")]

    assert await bench.taken() == [("later", 1)]


async def test_running_job_is_asked_for_at_its_worker_again(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("kept"), new_job("unheard"), new_job("lost")])
    await bench.taken(want=2)
    await bench.taken("w2")
    for worker, job in (("w1", "kept"), ("w1", "unheard"), ("w2", "lost")):
        await bench.redis.hdel(bench.names.held(worker), job)
    await bench.die("w2")
    await bench.reclaim()

    found = await bench.engine.misplaced(["kept", "unheard", "lost"])

    assert found == [("kept", "worker"), ("unheard", "worker"), ("lost", "worker")]
    take = await bench.take(want=0, held=[("kept", 1)])
    assert take.lost == []
    assert await bench.story("unheard") == ["queued/0", "started/1", "queued/1"]
    assert await bench.reclaim() == 1
    assert await bench.story("lost") == ["queued/0", "started/1", "lost/1", "queued/1"]
    assert [event.__struct_config__.tag for event in await bench.events() if event.job is None].count(
        "worker.stopped"
    ) == 1
