"""The queue of one client, with a connection that takes nothing until it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from core.gateway.live.entry import Entry
from core.gateway.live.outbox import Frame, Outbox
from core.gateway.live.shape import Shape
from tests.core.live.sample import entry
from tests.waiting import eventually

ALL = Shape(sub="s1")
ONE = Shape(sub="s2", job="j1")


class Wire:
    """The sending end of a websocket whose client reads only while it is open."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.open = asyncio.Event()

    async def send(self, message: Any) -> None:
        await self.open.wait()
        self.sent.append(message["text"])

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(each) for text in self.sent for each in text.split("\n")]


def outbox(wire: Wire, **options: Any) -> tuple[Outbox, list[str]]:
    told: list[str] = []
    box = Outbox(
        wire.send, overflow=lambda: told.append("overflow"), broken=lambda error: told.append(repr(error)), **options
    )
    return box, told


def put(box: Outbox, shape: Shape, entries: Iterable[Entry]) -> None:
    box.put(Frame.of(shape, list(entries)))
    box.kick()


async def test_a_client_that_reads_gets_a_frame_at_once_without_a_task() -> None:
    wire = Wire()
    wire.open.set()
    box, _ = outbox(wire)

    put(box, ALL, [entry("job.started", 1), entry("job.completed", 2)])

    assert [each["pos"] for each in wire.objects] == ["1", "2"]
    assert box.writing_since is None


async def test_frames_that_waited_are_sent_in_order_and_joined() -> None:
    wire = Wire()
    box, _ = outbox(wire)

    for seq in range(1, 6):
        put(box, ALL, [entry("job.started", seq)])
    wire.open.set()
    await eventually(lambda: len(wire.objects) == 5)

    assert [each["ev"]["seq"] for each in wire.objects] == [1, 2, 3, 4, 5]
    assert len(wire.sent) == 2
    assert box.bytes == 0


async def test_a_full_queue_keeps_the_latest_progress_only() -> None:
    wire = Wire()
    box, told = outbox(wire, limit=4_000)

    for seq in range(1, 500):
        put(box, ALL, [entry("job.progressed", seq, job=f"j{seq % 3}", data={"percentage": seq / 5})])
    wire.open.set()
    await eventually(lambda: box.writing_since is None)

    last = {each["ev"]["job"]: each["ev"]["seq"] for each in wire.objects}
    assert last == {"j1": 499, "j0": 498, "j2": 497}
    assert len(wire.objects) < 40
    assert not told


async def test_a_full_queue_drops_the_oldest_log_lines_and_says_which() -> None:
    wire = Wire()
    box, told = outbox(wire, limit=4_000)

    for number in range(1, 201):
        put(box, ONE, [entry("job.logged", number, data={"line": number})])
    wire.open.set()
    await eventually(lambda: box.writing_since is None)

    lines = [each["ev"]["data"]["line"] for each in wire.objects if "ev" in each]
    missing = [
        number
        for each in wire.objects
        if "gap" in each
        for number in range(each["gap"]["from_line"], each["gap"]["to_line"] + 1)
    ]
    assert sorted(lines + missing) == list(range(1, 201))
    assert lines == sorted(lines)
    assert lines[-1] == 200
    assert not told


async def test_lifecycle_events_are_never_dropped_and_end_a_client_that_is_too_slow() -> None:
    wire = Wire()
    box, told = outbox(wire, limit=4_000)

    for seq in range(1, 30):
        put(box, ALL, [entry("job.started", seq, job=f"j{seq}")])

    assert told[0] == "overflow"


async def test_positions_never_go_back_when_a_queue_is_reduced() -> None:
    wire = Wire()
    box, _ = outbox(wire, limit=4_000)

    for seq in range(1, 400):
        if seq % 10 == 0:
            box.put(Frame(f'{{"s":"s1","mark":{{}},"pos":"{seq}"}}', shape=ALL))
        else:
            put(box, ALL, [entry("job.progressed", seq, job=f"j{seq % 4}")])
    wire.open.set()
    await eventually(lambda: box.writing_since is None)

    positions = [int(each["pos"]) for each in wire.objects]
    assert positions == sorted(positions)


async def test_a_wire_that_breaks_is_told_once() -> None:
    box, told = outbox(Wire())

    async def broken(_: Any) -> None:
        raise ConnectionResetError

    box._send = broken
    put(box, ALL, [entry("job.started", 1)])
    put(box, ALL, [entry("job.started", 2)])

    assert told == ["ConnectionResetError()"]


async def test_closing_it_stops_a_write_that_hangs() -> None:
    wire = Wire()
    box, _ = outbox(wire)
    put(box, ALL, [entry("job.started", 1)])

    box.close()
    box.close()
    wire.open.set()
    await eventually(lambda: box.writing_since is None)

    assert wire.sent == []
