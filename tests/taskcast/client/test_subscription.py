"""What a subscription makes of the gateway's frames."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from taskcast.client import EventMessage, Gap, Mark, Snapshot, StateChange
from taskcast.client.live import Live, _websocket_url
from taskcast.client.rest import Client
from taskcast.client.subscription import Subscription, make_filter
from taskcast.protocol import CloseCode, Filter, Subscribe, decode_server
from tests.taskcast.client.golden import SERVER


def subscription(topic: str = "jobs") -> Subscription:
    made = Subscription(None, Subscribe(topic=topic))  # type: ignore[arg-type]
    made.begin("s1", resumed=False, pos="5")
    return made


def told(made: Subscription, line: str) -> Any:
    return made.message(decode_server(line))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("snap", Snapshot),
        ("ev", EventMessage),
        ("mark", Mark),
        ("gap", Gap),
        ("set", StateChange),
        ("del", StateChange),
    ],
)
def test_each_golden_frame_becomes_a_message(name: str, kind: type[Any]) -> None:
    assert isinstance(told(subscription(), SERVER[name]), kind)


def test_a_snapshot_in_parts_is_one_message() -> None:
    made = subscription()

    first = told(made, '{"s":"s1","snap":{"items":[{"id":"a"}]},"pos":"9"}')
    last = told(made, '{"s":"s1","snap":{"items":[{"id":"b"}],"last":true},"pos":"9"}')

    assert first is None
    assert last.items == [{"id": "a"}, {"id": "b"}]
    assert last.pos == made.pos == 9


def test_a_lost_connection_resumes_from_the_last_position() -> None:
    made = subscription()
    told(made, SERVER["mark"])

    made.lost(rewritten=False)

    assert made.request().pos == "1760000000223456"


def test_half_a_snapshot_is_forgotten_with_the_connection() -> None:
    made = subscription()
    told(made, '{"s":"s1","snap":{"items":[{"id":"a"}]},"pos":"9"}')

    made.lost(rewritten=False)
    made.begin("s1", resumed=False, pos="11")
    last = told(made, '{"s":"s1","snap":{"items":[{"id":"b"}],"last":true},"pos":"11"}')

    assert last.items == [{"id": "b"}]


def test_after_a_rollback_nothing_is_resumed() -> None:
    made = subscription()

    made.lost(rewritten=True)

    assert made.request().pos is None


def test_a_state_topic_never_resumes() -> None:
    assert subscription("workers").request().pos is None


def test_an_event_of_a_newer_gateway_is_passed_over() -> None:
    made = subscription()

    assert told(made, '{"s":"s1","ev":{"type":"job.danced","seq":7,"at":0,"data":{}},"pos":"7"}') is None
    assert made.pos == 7


def test_a_filter_may_be_written_short() -> None:
    assert make_filter({"status": "running", "priority": 3}) == msgspec.convert(
        {"status": ["running"], "priority": [3]}, Filter
    )


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"status": "runing"}, {"queue": 5}])
def test_a_filter_that_is_none_is_refused_before_it_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="filter"):
        make_filter(wrong)


async def test_pauses_grow_after_41xx_and_start_near_zero_after_42xx() -> None:
    async with Client("http://gateway") as client:
        live = Live(client)

        assert live._pause(0, CloseCode.SHUTDOWN) <= 0.25
        assert live._pause(0, CloseCode.SLOW) >= 0.125
        assert 5 <= live._pause(20, None) <= 15


@pytest.mark.parametrize(
    ("url", "websocket"),
    [("http://gateway:8000", "ws://gateway:8000/ws"), ("https://jobs.example.com/x", "wss://jobs.example.com/x/ws")],
)
def test_the_websocket_is_beside_the_rest(url: str, websocket: str) -> None:
    assert _websocket_url(url) == websocket
