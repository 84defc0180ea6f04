"""The wire format, decoded and encoded by both ends."""

from __future__ import annotations

import json

import msgspec
import pytest

from taskcast import protocol
from taskcast.protocol import CloseCode, Filter, ProtocolError, decode_client, decode_server
from tests.taskcast.client.golden import CLIENT, SERVER


@pytest.mark.parametrize("name", CLIENT)
def test_a_client_frame_is_read_and_written_as_it_stands_on_the_wire(name: str) -> None:
    frame = decode_client(CLIENT[name])

    assert json.loads(protocol.encode_client(frame)) == json.loads(CLIENT[name])


@pytest.mark.parametrize("name", SERVER)
def test_a_gateway_frame_is_read_and_written_as_it_stands_on_the_wire(name: str) -> None:
    frame = decode_server(SERVER[name])

    assert json.loads(protocol.encode_server(frame)) == json.loads(SERVER[name])


def test_every_kind_of_frame_has_a_golden_one() -> None:
    client = {key for text in CLIENT.values() for key in json.loads(text)}
    server = {key for text in SERVER.values() for key in json.loads(text)}

    assert client == set(protocol.ClientFrame.__struct_encode_fields__)
    assert server == set(protocol.ServerFrame.__struct_encode_fields__)


@pytest.mark.parametrize(
    ("text", "field", "request_id"),
    [
        ("nope", "frame", None),
        ("", "frame", None),
        ("[1]", "frame", None),
        pytest.param('{"id":1,"sub":' + "[" * 20_000 + "]" * 20_000 + "}", "frame", None, id="deep"),
        ('{"id":1}', "frame", 1),
        ('{"id":1,"hello":{},"pong":1}', "frame", 1),
        ('{"id":1,"shout":{}}', "shout", 1),
        ('{"id":"one","unsub":{"sub":"s1"}}', "id", None),
        ('{"id":true,"unsub":{"sub":"s1"}}', "id", None),
        ('{"unsub":{"sub":"s1"}}', "id", None),
        ('{"pong":"seven"}', "pong", None),
        ('{"id":1,"hello":{"ticket":5}}', "hello.ticket", 1),
        ('{"id":1,"unsub":{}}', "unsub.sub", 1),
        ('{"id":1,"sub":{}}', "topic", 1),
        ('{"id":1,"sub":{"topic":"jobs","limit":"many"}}', "limit", 1),
        ('{"id":1,"sub":{"topic":"jobs","colour":"red"}}', "colour", 1),
        ('{"id":1,"sub":{"topic":"jobs","filter":{"status":"running"}}}', "filter.status", 1),
        ('{"id":1,"sub":{"topic":"jobs","filter":{"status":["runing"]}}}', "filter.status", 1),
        ('{"id":1,"sub":{"topic":"jobs","filter":{"colour":["red"]}}}', "filter.colour", 1),
        ('{"id":1,"sub":{"topic":"jobs","filter":[]}}', "filter", 1),
    ],
)
def test_a_wrong_frame_is_refused_by_the_name_of_the_field(text: str, field: str, request_id: int | None) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client(text)

    assert refused.value.field == field
    assert refused.value.request == request_id
    assert str(refused.value).startswith(field)


def test_a_priority_is_named_by_word_or_number() -> None:
    assert Filter(priority=("high", 1)).normal().priority == ("LOW", "HIGH")


def test_a_priority_that_is_none_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"filter.priority: .*CRITICAL"):
        Filter(priority=("URGENT",)).normal()


def test_a_filter_of_too_many_values_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"filter.queue: at most 100"):
        Filter(queue=tuple(str(number) for number in range(101))).normal()


def test_a_filter_with_a_character_that_no_job_has_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"filter.type: .*U\+0000"):
        Filter(type=("a", "b\0")).normal()


def test_equal_filters_are_one_shape() -> None:
    one = msgspec.convert({"queue": ["b", "a", "b"], "status": ["running"]}, Filter).normal()
    other = msgspec.convert({"status": ["running"], "queue": ["a", "b"]}, Filter).normal()

    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("topic", ["", "job:", "jobs:1", "everything", "job:" + "x" * 129, "job:a b", "job:\0"])
def test_a_topic_that_is_none_is_refused_with_the_topics_there_are(topic: str) -> None:
    with pytest.raises(ProtocolError, match="statistics"):
        protocol.split_topic(topic)


def test_the_hundreds_of_a_close_code_say_whether_to_come_back() -> None:
    assert not CloseCode.BAD_TOKEN.may_reconnect
    assert CloseCode.SLOW.may_reconnect
    assert not CloseCode.SLOW.reconnect_now
    assert CloseCode.SHUTDOWN.reconnect_now
    assert protocol.may_reconnect(None)
    assert protocol.may_reconnect(1006)
    assert not protocol.may_reconnect(4009)
