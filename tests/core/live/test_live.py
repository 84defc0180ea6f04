"""Snapshots, events, resuming and rights, over a real websocket with the library's own client."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from core.embedded.valkey import EmbeddedValkey
from core.gateway.live import endpoint
from core.recorder.recorder import Recorder
from core.settings import Settings
from core.storage.connection import transaction
from core.storage.models import Job
from taskcast import events
from taskcast.client import (
    Client,
    Connection,
    ConnectionState,
    EventMessage,
    GatewayError,
    Mark,
    Snapshot,
    StateChange,
)
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import End
from taskcast.names import Names
from taskcast.protocol import CloseCode
from tests.core.live.conftest import As, Gateway, Join, Work, collect, make_token, watching
from tests.scenarios.chaos.wire import Wire, Wires
from tests.stopwatch import Stopwatch
from tests.waiting import eventually


def kinds(messages: list[Any], job: str | None = None) -> list[str]:
    return [
        type(each.event).__struct_config__.tag
        for each in messages
        if isinstance(each, EventMessage) and job in (None, each.event.job)
    ]


def has(kind: str) -> Any:
    return lambda messages: kind in kinds(messages[-1:])


def seqs(messages: list[Any]) -> list[int]:
    return [each.event.seq for each in messages if isinstance(each, EventMessage)]


async def recorded(recorder: Recorder, engine: Engine) -> None:
    await recorder.reached((await engine.server()).seq)


async def test_a_large_result_comes_cut_and_rest_has_it_whole(acting: As, recorder: Recorder, work: Work) -> None:
    job = await work.running()
    client = await acting()

    async with watching(client, f"job:{job}") as subscription:
        end = End(job=job, attempt=1, state="completed", data=b'{"duration_ms":5,"result":"' + b"x" * 250_000 + b'"}')
        await work.engine.finish("w1", [end])
        messages = await collect(subscription, has("job.completed"))
    await recorded(recorder, work.engine)

    assert messages[-1].event.data.result["$cut"]["bytes"] == 250_002
    assert (await client.job(job))["result"] == "x" * 250_000


async def test_a_snapshot_with_megabytes_of_lines_has_the_last_of_them(
    acting: As, recorder: Recorder, work: Work
) -> None:
    job = await work.running()
    for _ in range(10):
        await work.log(job, *["m" * 8_000] * 30)
    await recorded(recorder, work.engine)

    async with watching(await acting(), f"job:{job}", tail=1_000) as subscription:
        first = await anext(subscription)

    numbers = [line["line"] for line in first.logs]
    assert first.job["id"] == job
    assert numbers == list(range(numbers[0], 301))
    assert 100 < len(numbers) < 140


async def test_a_client_sees_a_snapshot_and_then_the_life_of_a_job(acting: As, recorder: Recorder, work: Work) -> None:
    old = await work.enqueue()
    await recorded(recorder, work.engine)

    async with watching(await acting(), "jobs") as subscription:
        first = await anext(subscription)
        [(begun, _)] = await work.begin()
        await work.progress(begun, 40)
        await work.log(begun, "not on this topic")
        await work.complete(begun)
        messages = await collect(subscription, has("job.completed"))

    assert isinstance(first, Snapshot)
    assert [(row["id"], row["status"], row["priority"]) for row in first.items] == [(old, "queued", "NORMAL")]
    assert kinds(messages) == ["job.started", "job.progressed", "job.completed"]
    assert messages[1].event.data.percentage == 40


async def test_snapshot_and_events_have_no_hole_and_no_double_while_jobs_run(
    acting: As, recorder: Recorder, work: Work
) -> None:
    seen_enough = False

    async def busy() -> None:
        while not seen_enough:
            job = await work.running()
            await work.complete(job)

    task = asyncio.create_task(busy())
    rounds = []
    client = await acting()
    for _ in range(8):
        async with watching(client, "jobs") as subscription:
            first = await anext(subscription)
            messages = await collect(subscription, lambda found: len(seqs(found)) >= 6)
        rounds.append((first, messages))
    seen_enough = True
    await task

    history = [
        event.seq
        for _, fields in await work.engine.redis.xrange(work.engine.names.events)
        for event in map(events.decode, fields[b"e"].split(b"\n"))
        if event.job
    ]
    for first, messages in rounds:
        told = seqs(messages)
        assert told == [seq for seq in history if first.pos < seq <= told[-1]]
        assert all(row["seq"] <= first.pos for row in first.items)


async def test_a_job_topic_brings_its_detail_its_log_and_its_events(acting: As, recorder: Recorder, work: Work) -> None:
    job = await work.running()
    other = await work.running()
    await work.log(job, "one", "two", "three")
    await recorded(recorder, work.engine)

    async with watching(await acting(), f"job:{job}", tail=2) as subscription:
        first = await anext(subscription)
        await work.log(other, "of another")
        await work.log(job, "four")
        await work.complete(job)
        messages = await collect(subscription, has("job.completed"))

    assert first.job["id"] == job
    assert first.job["attempts"][0]["worker"] == "w1"
    assert [(line["line"], line["message"]) for line in first.logs] == [(2, "two"), (3, "three")]
    assert kinds(messages) == ["job.logged", "job.completed"]
    assert messages[0].event.data.line == 4


async def test_a_job_that_is_not_recorded_yet_is_read_from_the_engine(acting: As, work: Work) -> None:
    job = await work.running()

    async with watching(await acting(), f"job:{job}") as subscription:
        messages = await collect(subscription, has("job.started"))

    assert messages[0].job["status"] == "running"


async def test_a_job_that_there_is_not_is_refused(acting: As) -> None:
    async with (await acting()).live() as live:
        with pytest.raises(GatewayError, match="there is no job 'nobody'") as refused:
            await live.subscribe("job:nobody")

    assert refused.value.code == "job_not_found"


async def test_a_subscription_resumes_after_a_lost_connection(acting: As, work: Work, recorder: Recorder) -> None:
    client = await acting()
    async with client.live() as live:
        subscription = await live.subscribe("jobs")
        await anext(subscription)
        one = await work.running()
        before = await collect(subscription, has("job.started"))
        live._socket.transport.abort()  # type: ignore[union-attr]
        await work.complete(one)
        after = await collect(subscription, has("job.completed"))

    assert kinds(before) == ["job.queued", "job.started"]
    assert kinds(after) == ["job.completed"]
    assert not any(isinstance(message, Snapshot) for message in after)
    assert [each.connection for each in after if isinstance(each, ConnectionState)] == [
        Connection.WAITING,
        Connection.CONNECTING,
        Connection.CONNECTED,
    ]
    assert subscription.resumed


async def test_a_subscription_resumes_from_the_stream_when_the_ring_has_forgotten(
    acting: As, gateway: Gateway, work: Work
) -> None:
    first = await work.enqueue()
    position = (await work.engine.server()).seq
    others = [await work.enqueue() for _ in range(30)]
    last = (await work.engine.server()).seq
    await eventually(lambda: gateway.hub.flushed == last)
    gateway.hub._ring.start(gateway.hub.flushed)

    async with watching(await acting(), "jobs", pos=position, snapshot=False) as subscription:
        messages = await collect(subscription, lambda found: len(seqs(found)) == 30)

    assert [each.event.job for each in messages] == others
    assert first not in others
    assert subscription.resumed


async def test_a_position_that_nobody_gave_out_gets_a_fresh_snapshot(
    acting: As, recorder: Recorder, work: Work
) -> None:
    job = await work.enqueue()
    await recorded(recorder, work.engine)
    position = (await work.engine.server()).seq

    for wrong in (position - 1, position + 10**9, 5):
        async with watching(await acting(), "jobs", pos=wrong) as subscription:
            message = await anext(subscription)

        assert isinstance(message, Snapshot)
        assert [row["id"] for row in message.items] == [job]
        assert not subscription.resumed


async def test_a_gateway_that_stops_says_when_to_come_back_and_clients_go_on(
    acting: As, gateway: Gateway, recorder: Recorder, work: Work
) -> None:
    client = await acting()
    states: list[ConnectionState] = []
    async with client.live() as live:
        live.listen(states.append)
        subscription = await live.subscribe("jobs")
        await anext(subscription)
        await gateway.stop()
        job = await work.running()
        await work.complete(job)
        await gateway.start()
        messages = await collect(subscription, has("job.completed"), 20)

    assert kinds(messages) == ["job.queued", "job.started", "job.completed"]
    assert states[0].connection is Connection.WAITING
    assert states[0].code == 4201


async def test_a_subscription_outlives_a_gateway_that_comes_back_before_its_queue_server(
    settings: Settings,
    database: str,
    valkey: EmbeddedValkey,
    recorder: Recorder,
    work: Work,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "taskcast.client.live")
    with Wires({"valkey": lambda: str(valkey.socket)}) as wires:
        url = f"redis://127.0.0.1:{wires.port('valkey')}/0"
        gateway = Gateway(settings.model_copy(update={"redis_url": url}))
        await gateway.start()
        async with Client(gateway.url, token=await make_token()) as client, client.live() as live:
            subscription = await live.subscribe("jobs")
            await anext(subscription)
            wires.do("valkey", Wire.refuse)
            await gateway.stop()
            job = await work.running()
            await gateway.start()
            await eventually(lambda: "asked for again" in caplog.text and "queue server" in caplog.text, timeout=20)
            wires.do("valkey", Wire.mend)
            await work.complete(job)
            messages = await collect(subscription, has("job.completed"), 30)
        await gateway.stop()

    assert kinds(messages) == ["job.queued", "job.started", "job.completed"]


async def test_a_state_topic_says_which_server_is_away(
    settings: Settings, database: str, valkey: EmbeddedValkey
) -> None:
    with Wires({"valkey": lambda: str(valkey.socket)}) as wires:
        url = f"redis://127.0.0.1:{wires.port('valkey')}/0"
        gateway = Gateway(settings.model_copy(update={"redis_url": url}))
        await gateway.start()
        async with Client(gateway.url, token=await make_token()) as client, client.live() as live:
            wires.do("valkey", Wire.refuse)
            with pytest.raises(GatewayError) as refused:
                await live.subscribe("queues")
        await gateway.stop()

    assert refused.value.code == "engine_unavailable"


async def test_a_subscription_that_cannot_be_had_for_now_is_asked_for_until_it_can(
    acting: As, gateway: Gateway, recorder: Recorder, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    job = await work.running()
    await recorded(recorder, work.engine)
    async with (await acting()).live() as live:
        one, all_jobs = await live.subscribe(f"job:{job}"), await live.subscribe("jobs", snapshot=False)
        await anext(one)
        async with transaction() as connection:
            await connection.execute("ALTER TABLE jobs RENAME TO jobs_away")
        try:
            with caplog.at_level(logging.INFO, "taskcast.client.live"):
                await gateway.stop()
                await gateway.start()
                await eventually(lambda: "asked for again" in caplog.text)
            await work.progress(job, 40)
            await collect(all_jobs, has("job.progressed"))
        finally:
            async with transaction() as connection:
                await connection.execute("ALTER TABLE jobs_away RENAME TO jobs")
        await work.complete(job)
        messages = await collect(one, has("job.completed"))

    assert "job.completed" in kinds(messages)


async def test_a_client_whose_hello_came_late_comes_back(
    acting: As, gateway: Gateway, recorder: Recorder, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await acting()
    states: list[ConnectionState] = []
    async with client.live() as live:
        live.listen(states.append)
        subscription = await live.subscribe("jobs")
        await anext(subscription)
        # As if the network had stood still for longer than the gateway waits.
        with monkeypatch.context() as patch:
            patch.setattr(endpoint, "HELLO_TIMEOUT_S", 0)
            await gateway.stop()
            await gateway.start()
            await eventually(lambda: any(state.code == CloseCode.NO_HELLO for state in states), timeout=20)
        job = await work.running()
        await work.complete(job)
        messages = await collect(subscription, has("job.completed"), 30)

    assert kinds(messages) == ["job.queued", "job.started", "job.completed"]


async def test_a_rollback_of_the_queue_server_closes_all_with_4203_and_a_fresh_snapshot_follows(
    acting: As, recorder: Recorder, work: Work, redis: Any, names: Names
) -> None:
    client = await acting()
    await work.enqueue()
    await recorded(recorder, work.engine)
    states: list[ConnectionState] = []
    async with client.live() as live:
        live.listen(states.append)
        subscription = await live.subscribe("jobs")
        await anext(subscription)
        await redis.set(names.seq, int(await redis.get(names.seq)) - 60_000_000)
        await redis.xtrim(names.events, maxlen=0)
        messages = await collect(subscription, lambda found: isinstance(found[-1], Snapshot), 20)

    assert states[0].code == 4203
    assert isinstance(messages[-1], Snapshot)


async def test_a_user_sees_their_own_jobs_alone(acting: As, recorder: Recorder, work: Work) -> None:
    ada, bob = await work.enqueue(user_id="ada"), await work.enqueue(user_id="bob")
    await recorded(recorder, work.engine)

    async with (await acting("user", "ada")).live() as live:
        subscription = await live.subscribe("jobs")
        first = await anext(subscription)
        with pytest.raises(GatewayError) as refused:
            await live.subscribe(f"job:{bob}")
        with pytest.raises(GatewayError) as forbidden:
            await live.subscribe("workers")
        await work.begin(2)
        await work.enqueue(user_id="bob")
        newer = await work.enqueue(user_id="ada")
        messages = await collect(subscription, has("job.queued"))

    assert [row["id"] for row in first.items] == [ada]
    assert refused.value.code == "job_not_found"
    assert forbidden.value.code == "forbidden"
    assert [each.event.job for each in messages] == [ada, newer]


async def test_a_filter_by_others_shows_a_user_nothing(acting: As, recorder: Recorder, work: Work) -> None:
    await work.enqueue(user_id="bob")
    await recorded(recorder, work.engine)

    async with watching(await acting("user", "ada"), "jobs", filter={"user_id": ["bob"]}) as subscription:
        first = await anext(subscription)

    assert first.items == []


async def test_filters_hold_for_snapshot_and_events(acting: As, recorder: Recorder, work: Work) -> None:
    await work.enqueue(queue="reports", task="report")
    wanted = await work.enqueue(queue="imports", priority=4)
    await work.enqueue(queue="imports", priority=1)
    await recorded(recorder, work.engine)

    filter_ = {"queue": ["imports"], "priority": ["HIGH", "CRITICAL"]}
    async with watching(await acting(), "jobs", filter=filter_) as subscription:
        first = await anext(subscription)
        taken = dict(await work.begin(3))
        for job in taken:
            await work.complete(job)
        messages = await collect(subscription, has("job.completed"))

    assert [row["id"] for row in first.items] == [wanted]
    assert [each.event.job for each in messages] == [wanted, wanted]
    assert kinds(messages) == ["job.started", "job.completed"]


async def test_a_job_is_seen_leaving_the_watched_state(acting: As, work: Work) -> None:
    job = await work.running()

    async with watching(await acting(), "jobs", filter={"status": "running"}, snapshot=False) as subscription:
        await work.enqueue()
        await work.complete(job)
        messages = await collect(subscription, bool)

    assert kinds(messages) == ["job.completed"]


async def test_a_quiet_client_is_told_how_far_the_events_are(acting: As, work: Work) -> None:
    async with watching(await acting(), "jobs", filter={"queue": ["nobody"]}, snapshot=False) as subscription:
        await work.enqueue()
        position = (await work.engine.server()).seq
        messages = await collect(subscription, lambda found: found[-1].pos >= position, marks=True)

    assert all(isinstance(message, Mark) for message in messages)


async def test_statistics_move_with_the_jobs(acting: As, recorder: Recorder, work: Work) -> None:
    async with watching(await acting(), "statistics") as subscription:
        first = await anext(subscription)
        await work.enqueue()

        def queued(found: list[Any]) -> bool:
            rows = [row for each in found if isinstance(each, StateChange) for row in each.set]
            return any(row["name"] == "totals" and row["by_status"]["queued"] == 1 for row in rows)

        await collect(subscription, queued)

    assert first.items[0]["by_status"]["queued"] == 0
    assert len(first.items) == 61


async def test_queues_and_workers_move_with_the_jobs(acting: As, recorder: Recorder, work: Work) -> None:
    async with (await acting()).live() as live:
        queues, workers = await live.subscribe("queues"), await live.subscribe("workers")
        empty = [await anext(queues), await anext(workers)]
        await work.running()

        def appears(name: str, key: str) -> Any:
            return lambda found: any(
                row[key] == name for each in found if isinstance(each, StateChange) for row in each.set
            )

        await collect(queues, appears("imports", "name"))
        await collect(workers, appears("w1", "id"))

    assert [each.items for each in empty] == [[], []]


async def test_tasks_appear_when_a_worker_announces_them(acting: As, recorder: Recorder, engine: Engine) -> None:
    async with watching(await acting(), "tasks") as subscription:
        empty = await anext(subscription)
        told = {"worker": "w1", "host": "h", "pid": 1, "tasks": {"report": {"queue": "slow"}}}
        await engine.register("w1", lease_ms=60_000, info=json.dumps(told).encode())

        found = await collect(subscription, lambda found: isinstance(found[-1], StateChange))

    assert empty.items == []
    assert [(row["name"], row["queue"]) for row in found[-1].set] == [("report", "slow")]


async def test_a_pause_shows_in_the_queues_within_their_rate(acting: As, recorder: Recorder, work: Work) -> None:
    await work.enqueue()
    async with watching(await acting(), "queues", max_hz=4) as subscription:
        first = await anext(subscription)

        def paused(yes: bool) -> Any:
            return lambda found: any(
                bool(row["paused"]) is yes for each in found if isinstance(each, StateChange) for row in each.set
            )

        with Stopwatch() as took:
            await work.engine.pause(queue="imports", by="ada", reason="the bank is down")
            changes = await collect(subscription, paused(True), 30)
        await work.engine.resume(queue="imports")
        await collect(subscription, paused(False))

    assert first.items[0]["paused"] is None
    assert changes[-1].set[0]["paused"]["reason"] == "the bank is down"
    assert took.seconds < 2


async def test_a_schedule_that_is_made_paused_and_deleted_over_rest_is_seen_at_once(acting: As) -> None:
    client = await acting("operator")
    async with watching(await acting(), "schedules") as subscription:
        first = await anext(subscription)
        await client.create_schedule("IMPORT", id="nightly", cron="0 3 * * *", force=True)
        made = await collect(subscription, lambda messages: messages[-1].set)
        await client.pause_schedule("nightly", reason="holidays")
        paused = await collect(subscription, lambda messages: messages[-1].set)
        await client.delete_schedule("nightly")
        deleted = await collect(subscription, lambda messages: messages[-1].deleted)

    assert first.items == []
    assert [row["id"] for row in made[-1].set] == ["nightly"]
    assert paused[-1].set[0]["paused"]["reason"] == "holidays"
    assert deleted[-1].deleted == ["nightly"]


@pytest.mark.parametrize("topic", ["schedules", "alerts"])
async def test_topics_without_rows_answer_an_empty_snapshot(acting: As, topic: str) -> None:
    async with watching(await acting(), topic) as subscription:
        assert (await anext(subscription)).items == []


async def test_many_clients_of_one_snapshot_share_one_reading(
    acting: As, gateway: Gateway, recorder: Recorder, work: Work
) -> None:
    await work.enqueue()
    await recorded(recorder, work.engine)
    client = await acting()
    async with client.live() as live:
        subscriptions = await asyncio.gather(*(live.subscribe("jobs") for _ in range(20)))
        firsts = [await anext(each) for each in subscriptions]

    assert len({each.pos for each in firsts}) == 1
    assert await Job.all().count() == 1


async def test_unsubscribing_ends_the_stream_and_frees_the_place(acting: As, gateway: Gateway, work: Work) -> None:
    async with (await acting()).live() as live:
        subscription = await live.subscribe("jobs", snapshot=False)
        await eventually(lambda: gateway.hub._members)
        await subscription.close()

        assert [message async for message in subscription] == []
        assert not gateway.hub._members


async def test_a_client_that_leaves_is_forgotten(join: Join, gateway: Gateway) -> None:
    socket = await join()
    await socket.hello()
    await socket.send({"id": 2, "sub": {"topic": "jobs", "snapshot": False}})
    await socket.next()
    await eventually(lambda: gateway.hub._members)

    socket.socket.transport.abort()

    await eventually(lambda: not gateway.hub._members and not gateway.hub._sessions)
