from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from taskcast.values import STACK_TRACE_BYTES, cut, cut_middle, cut_text, encode, error_info, stack_trace


class Invoice(BaseModel):
    number: int
    total: Decimal


@dataclasses.dataclass
class Point:
    x: int


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Struct(msgspec.Struct):
    a: int


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "json_value"),
    [
        (None, None),
        (True, True),
        (2**80, 2**80),
        ("ä<b>", "ä<b>"),
        (b"text", "text"),
        (b"\xff\x00", {"$bytes": "/wA="}),
        (float("nan"), "NaN"),
        ({"a": [float("inf")]}, {"a": ["Infinity"]}),
        ({1: 2, (1, 2): 3}, {"1": 2, "1,2": 3}),
        ({"deep": {"bytes": b"\xff"}}, {"deep": {"bytes": {"$bytes": "/w=="}}}),
        (Invoice(number=1, total=Decimal("1.20")), {"number": 1, "total": "1.20"}),
        (Point(1), {"x": 1}),
        (Struct(1), {"a": 1}),
        (dt.date(2026, 11, 24), "2026-11-24"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("0.10"), "0.10"),
        ((1, 2), [1, 2]),
        ({7}, [7]),
        (Mute(), {"$error": {"type": f"{__name__}.Mute", "message": f"<{__name__}.Mute: str() failed>"}}),
        (Odd(), {"$repr": f"<{__name__}.Odd: repr() failed>", "type": f"{__name__}.Odd"}),
    ],
)
def test_every_kind_of_value_becomes_json(value: object, json_value: object) -> None:
    assert json.loads(encode(value)) == json_value


@pytest.mark.parametrize("value", ["\ud800", CYCLE, {"a": "\udfff"}, object(), lambda: 1, (n for n in [1, 2])])
def test_what_json_cannot_say_is_described_and_never_raises(value: object) -> None:
    json.loads(encode(value))


def test_number_of_thousands_of_digits_is_described() -> None:
    described = {"$repr": "a number of 16610 bits", "type": "int"}

    assert json.loads(encode(10**5000)) == described
    assert json.loads(encode({"a": [-(10**5000)]})) == {"a": [described]}
    assert json.loads(encode({10**5000: 1})) == {"<int: str() failed>": 1}


def test_large_value_is_cut_with_its_size_and_head() -> None:
    found = json.loads(cut(encode("x" * 5_000_000), 256 * 1024))

    assert found["$cut"]["bytes"] == 5_000_002
    assert found["$cut"]["head"].startswith('"xxx')


def test_long_text_is_cut_within_its_bytes_and_says_so() -> None:
    text = cut_text("ä" * 10_000, 8192)

    assert len(text.encode()) <= 8192
    assert text.endswith("[cut from 20000 bytes]")


def test_stack_trace_keeps_its_end() -> None:
    text = cut_middle("first\n" + "x" * 100_000 + "\nlast", STACK_TRACE_BYTES)

    assert text.startswith("first")
    assert text.endswith("last")
    assert len(text.encode()) <= STACK_TRACE_BYTES


def test_error_whose_str_raises_is_described() -> None:
    try:
        raise Mute
    except Mute as error:
        info, trace = error_info(error), stack_trace(error)

    assert info.type == f"{__name__}.Mute"
    assert "str() failed" in info.message
    assert "raise Mute" in trace


def test_error_code_is_kept_when_it_is_a_text_or_a_number() -> None:
    class Coded(Exception):
        code: object = 42

    assert error_info(Coded()).code == "42"
    Coded.code = object()
    assert error_info(Coded()).code is None
