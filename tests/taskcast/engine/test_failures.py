"""What may go wrong between a client and the server, and half-way through a script."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from taskcast.engine.calls import connect
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import Ended, Report
from taskcast.errors import EngineFull, EngineUnavailable
from taskcast.names import Names
from tests.stopwatch import Stopwatch
from tests.taskcast.engine.conftest import LEASE_MS, Bench, PrivateServer, end, new_job
from tests.waiting import eventually


async def test_full_server_refuses_new_jobs_and_accepts_ends(private: Bench) -> None:
    jobs = [f"j{i}" for i in range(12)]
    await private.engine.enqueue([new_job(job, max_attempts=3) for job in jobs] + [new_job("later", delay_ms=99_999)])
    await private.taken(want=8)
    await private.worker("w2")
    await private.taken("w2", want=1)
    await private.ripen()
    await private.redis.config_set("maxmemory", 1)
    await private.redis.delete(private.names.lease("w2"))

    with pytest.raises(EngineFull):
        await private.engine.enqueue([new_job("new")])
    with pytest.raises(EngineFull):
        await private.engine.retry(new_job("old"), after_attempt=1)
    assert await private.reclaim() == 1
    report = Report(job="j0", attempt=1, items=[("logged", b'{"line":1,"level":"INFO","message":"x"}')])
    assert await private.engine.report("w1", [report]) == [True]
    assert private.engine.reports_dropped == 1
    assert await private.engine.cancel("j1") == "requested"
    assert await private.engine.cancel_seen("w1", "j1", 1)
    assert await private.engine.cancel("later") == "cancelled"
    assert await private.engine.release("w1", [("j2", 1)], begun=True) == 1
    ends = [end("j0"), end("j1", state="cancelled"), end("j3", state="failed"), end("j4", state="retrying")]
    assert await private.engine.finish("w1", ends) == [Ended("done")] * 4
    assert (await private.engine.promote())[0] == 1
    assert len(await private.taken(want=20)) == 6
    await private.redis.delete(private.names.lease("w1"))
    assert (await private.engine.renew("w1", lease_ms=LEASE_MS, known=0)).lease_held is False
    assert (await private.engine.renew("w1", lease_ms=LEASE_MS, known=0)).lease_held is True
    await private.worker("w3")
    assert [e.state for job in ("j0", "j1", "j3") for e in (await private.events(job))[-1:]] == [
        "completed",
        "cancelled",
        "failed",
    ]
    await private.redis.config_set("maxmemory", 0)
    assert (await private.engine.job("new")) is None


async def test_nearly_full_server_drops_reports_first_and_then_refuses_jobs(private: Bench) -> None:
    await private.engine.enqueue([new_job("a")])
    await private.taken()
    await private.redis.set("ballast", b"x" * 20_000_000)
    item = ("logged", b'{"line":1,"level":"INFO","message":"x"}')
    report = Report(job="a", attempt=1, items=[item])  # type: ignore[list-item]

    async def written() -> dict[str, int]:  # on a slow disk the ballast stands a second time in what is to be written
        found = await private.redis.info("memory")
        return found if found["mem_aof_buffer"] < 100_000 else {}

    async def fill(percent: int) -> None:
        used = (await eventually(written))["used_memory"]
        await private.redis.config_set("maxmemory", used * 100 // percent)
        await private.redis.hdel(private.names.run, "mem_at")

    await fill(60)
    assert await private.engine.report("w1", [report]) == [True]
    assert private.engine.reports_dropped == 0
    await fill(80)
    assert await private.engine.report("w1", [report, report]) == [True, True]
    assert private.engine.reports_dropped == 2
    assert int(await private.redis.hget(private.names.run, "dropped") or 0) == 2
    assert (await private.engine.enqueue([new_job("b")]))[0].outcome == "accepted"
    await fill(93)
    with pytest.raises(EngineFull):
        await private.engine.enqueue([new_job("c")])
    assert await private.engine.finish("w1", [end("a")]) == [Ended("done")]
    assert await private.story("a") == ["queued/0", "started/1", "logged/1", "completed/1"]


async def test_user_who_may_not_publish_loses_no_move(private: Bench, private_server: PrivateServer) -> None:
    await private.redis.execute_command("ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels")
    client = connect(private_server.url, username="mute", password="secret")
    mute = Bench(Engine(client, private.names, owns=True))

    await mute.engine.enqueue([new_job("a"), new_job("b")])
    await mute.taken()
    assert await mute.engine.cancel("b") == "requested"
    assert await mute.engine.finish("w1", [end("a")]) == [Ended("done")]

    assert await private.story("a") == ["queued/0", "started/1", "completed/1"]
    await mute.engine.aclose()


WRITTEN = ["events", "seq", "delayed", "counts", "lanes", "lane", "held", "workers", "shares"]
STEERED = ["paused", "holds", "wakes", "concurrency", "rate", "hold"]


@pytest.mark.parametrize("key", WRITTEN + STEERED)
async def test_key_of_a_wrong_type_fails_before_anything_is_written(bench: Bench, key: str) -> None:
    await bench.engine.enqueue([new_job(f"j{i}", max_attempts=3, priority=p) for i in range(3) for p in (2,)])
    await bench.engine.enqueue([new_job(f"high{i}", priority=4) for i in range(3)] + [new_job("s", delay_ms=1)])
    if key in STEERED:
        both = {"concurrency": 1, "rate_count": 3, "rate_period_ms": 600_000, "queue": "limited"}
        await bench.engine.enqueue([new_job(f"l{i}", **both) for i in range(4)])
        await bench.engine.enqueue([new_job("p", task="stopped", queue="limited")])
        await bench.engine.pause(task="stopped")
        await bench.taken("w2", queues=["limited"])
        await bench.taken("w3", want=0)
        await bench.engine.enqueue([new_job("l9", **both)])
    await bench.taken(want=2)
    await bench.due("s")
    special = {
        "lane": bench.names.lane("default", 2),
        "held": bench.names.held("w1"),
        "concurrency": bench.names.concurrency("work"),
        "rate": bench.names.rate("work"),
        "hold": bench.names.hold("c:work", "limited", 2),
    }
    name = special.get(key) or getattr(bench.names, key)
    await bench.redis.delete(name)
    await (bench.redis.sadd(name, "x") if key not in {"lanes", "concurrency"} else bench.redis.set(name, "x"))
    await bench.redis.delete(bench.names.lease("gone"))

    async def dump() -> dict[bytes, Any]:
        keys = [k async for k in bench.redis.scan_iter(match=bench.names.tag.replace("{", "\\{") + "*", count=1000)]
        return {k: await content(k) for k in sorted(keys)}

    async def content(k: bytes) -> Any:
        is_hash = await bench.redis.type(k) == b"hash"  # whose dump changes when it is only read, on Redis 6.2
        return await (bench.redis.hgetall(k) if is_hash else bench.redis.dump(k))

    before = await dump()
    calls = [
        lambda: bench.engine.enqueue([new_job("new"), new_job("late", delay_ms=99_999)]),
        lambda: bench.take(want=2),
        lambda: bench.engine.finish("w1", [end("high0"), end("high1", state="retrying")]),
        lambda: bench.engine.release("w1", [("high0", 1), ("j0", 1)], begun=True),
        lambda: bench.engine.cancel("j1"),
        bench.engine.promote,
        lambda: bench.engine.renew("w1", lease_ms=LEASE_MS, known=99, held=[]),
    ]
    if key in STEERED:
        calls += [
            lambda: bench.engine.cancel("l1"),
            lambda: bench.engine.release("w2", [("l0", 1)], begun=True),
            lambda: bench.take("w3"),
            lambda: bench.engine.finish("w3", [end("l0", 2)]),
            bench.engine.promote,
            lambda: bench.engine.pause(queue="default"),
            lambda: bench.engine.resume(task="stopped"),
            lambda: bench.engine.drain("limited"),
        ]
    failed = 0
    for call in calls:
        try:
            await call()
        except ResponseError as error:
            assert "WRONGTYPE" in str(error)
            failed += 1
            assert await dump() == before, f"half a move by {call}"
        else:
            before = await dump()

    assert failed


async def test_seq_never_goes_back_when_the_server_forgets(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    told = (await bench.events("a"))[-1].seq
    await bench.redis.delete(bench.names.seq, bench.names.events)

    await bench.engine.enqueue([new_job("b")])

    assert (await bench.events("b"))[-1].seq > told


async def test_seq_that_is_lost_is_found_in_the_stream(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])
    ahead = 2**52
    await bench.redis.xadd(bench.names.events, {"p": "0", "e": "{}"}, id=f"{ahead}-0")
    await bench.redis.delete(bench.names.seq)

    await bench.engine.enqueue([new_job("b")])

    assert int(await bench.redis.get(bench.names.seq) or 0) == ahead + 1


async def test_clock_of_the_server_that_stands_still_gives_new_seqs(bench: Bench) -> None:
    ahead = 2**52
    await bench.redis.set(bench.names.seq, ahead)

    await bench.engine.enqueue([new_job("a"), new_job("b")])

    assert [event.seq for event in await bench.events()] == [ahead + 1, ahead + 2]


class Cut(Redis):
    """A client whose replies are lost after the server has done its work."""

    lose = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        reply = await super().execute_command(*args, **options)
        if self.lose:
            self.lose -= 1
            raise ConnectionResetError("the reply was lost")
        return reply


async def test_call_whose_reply_is_lost_is_repeated_without_harm(bench: Bench, redis_url: str) -> None:
    client = Cut.from_url(redis_url)
    cut = Bench(Engine(client, bench.names, owns=True))
    await cut.worker()

    client.lose = 2
    await cut.engine.enqueue([new_job("a"), new_job("b")])
    client.lose = 1
    taken = await cut.taken()
    client.lose = 1
    assert await cut.engine.cancel("b") == "requested"
    client.lose = 1
    ended = await cut.engine.finish("w1", [end("a"), end("b", state="cancelled")])
    client.lose = 1
    assert await cut.engine.retry(new_job("b"), after_attempt=1, was="cancelled") == "accepted"
    client.lose = 1
    assert await cut.engine.cancel("b") == "cancelled"
    client.lose = 1
    assert await cut.engine.resend(new_job("c"), attempt=1, errors=0, deliveries=0, was="running")
    client.lose = 1
    await cut.engine.tell([("worker.beat", b"", b'{"worker":"w","host":"h","pid":1}')])

    assert sorted(taken) == [("a", 1), ("b", 1)]
    assert ended == [Ended("already")] * 2
    assert await bench.story("a") == ["queued/0", "started/1", "completed/1"]
    assert await bench.story("b") == [
        "queued/0", "started/1", "cancel_requested/1", "cancelled/1", "queued/1", "cancelled/1",
    ]  # fmt: skip
    assert await bench.story("c") == ["queued/1"]
    assert sum(event.__struct_config__.tag == "worker.beat" for event in await bench.events()) == 1
    await cut.engine.aclose()


async def test_server_that_is_away_is_told_within_the_deadline() -> None:
    async with Engine.connect("redis://127.0.0.1:1/0") as engine:
        with Stopwatch() as took, pytest.raises(EngineUnavailable, match="cannot be reached"):
            await engine.enqueue([new_job("a")], deadline_s=0.3)
        assert took.seconds < 2


async def test_server_that_hangs_is_told_within_the_deadline() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Engine.connect(f"redis://127.0.0.1:{port}/0") as engine:
            with pytest.raises(EngineUnavailable):
                await engine.take("w", 1, number=1, known=0, started=b"{}", deadline_s=0.3)


def test_connection_closed_under_uvloop_is_a_lost_connection(redis_url: str) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def use_what_was_closed() -> None:
        client = connect(redis_url)
        connection = await client.connection_pool.get_connection()
        transport = connection._writer.transport
        transport.abort()
        await eventually(lambda: "closed=True" in repr(transport))
        try:
            await connection.send_command("PING")
        finally:
            await client.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, pytest.raises(RedisConnectionError):
        runner.run(use_what_was_closed())


async def test_wrong_password_is_not_tried_again(private_server: PrivateServer) -> None:
    client = connect(private_server.url, username="nobody", password="wrong")
    engine = Engine(client, Names(), owns=True)

    with Stopwatch() as took, pytest.raises(EngineUnavailable, match="invalid username-password"):
        await engine.queues()

    assert took.seconds < 2
    await engine.aclose()


async def test_server_killed_and_started_again_has_forgotten_nothing(
    private: Bench, private_server: PrivateServer
) -> None:
    await private.engine.enqueue([new_job("a"), new_job("b")])
    await private.taken(want=1)

    private_server.kill()
    with pytest.raises(EngineUnavailable):
        await private.engine.finish("w1", [end("a")], deadline_s=0.2)
    waiting = asyncio.create_task(private.engine.finish("w1", [end("a")], deadline_s=30))
    await asyncio.to_thread(private_server.start)

    assert await waiting == [Ended("done")]
    assert await private.taken() == [("b", 1)]
    assert await private.story("a") == ["queued/0", "started/1", "completed/1"]


async def test_server_state_is_told(bench: Bench) -> None:
    await bench.engine.enqueue([new_job("a")])

    state = await bench.engine.server()

    assert (len(state.run_id), state.appendonly, state.appendfsync) == (40, True, "always")
    assert state.maxmemory_policy == "noeviction"
    assert state.seq == (await bench.events("a"))[-1].seq
