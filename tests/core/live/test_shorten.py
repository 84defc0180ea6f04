from __future__ import annotations

import json
from typing import Any

from core.gateway.live.entry import Entry
from core.gateway.live.shorten import EVENT_BYTES, shorten
from taskcast import events
from tests.core.live.sample import line


def long_line(type_: str, data: dict[str, Any]) -> bytes:
    event = json.loads(line(type_, 1_000))
    return json.dumps(event | {"data": data}, ensure_ascii=False).encode()


def test_event_of_usual_size_stays_byte_for_byte() -> None:
    usual = line("job.completed", 1_000)

    assert shorten(usual) is usual
    assert Entry(usual).line is usual


def test_large_result_is_cut_with_its_size_and_the_head_stays() -> None:
    whole = long_line("job.completed", {"duration_ms": 5, "result": "x" * 250_000})

    event = json.loads(Entry(whole).line)

    assert event["data"]["result"]["$cut"]["bytes"] == 250_002
    assert event["data"]["duration_ms"] == 5
    assert (event["seq"], event["state"], event["job"]) == (1_000, "completed", "j1")


def test_large_stack_trace_stays_a_text_with_its_end() -> None:
    error = {"type": "ValueError", "message": "m" * 8_000, "code": None}
    trace = "first\n" + "\x01ä" * 30_000 + "\nlast"
    whole = long_line("job.failed", {"duration_ms": 5, "error": error, "stack_trace": trace, "final_reason": "error"})

    shorter = Entry(whole).line
    event = events.decode(shorter)

    assert len(shorter) <= EVENT_BYTES
    assert isinstance(event, events.JobFailed)
    assert event.data.error.message == "m" * 8_000
    assert str(event.data.stack_trace).startswith("first\n")
    assert str(event.data.stack_trace).endswith("\nlast")
    assert "[cut from" in str(event.data.stack_trace)


def test_error_stays_whole_even_when_nothing_else_is_left_to_cut() -> None:
    error = {"type": "ValueError", "message": "\x01" * 8_000, "code": None}
    data = {"duration_ms": 5, "error": error, "stack_trace": "\x01" * 60_000, "final_reason": "error"}

    event = events.decode(Entry(long_line("job.failed", data)).line)

    assert isinstance(event, events.JobFailed)
    assert event.data.error.message == "\x01" * 8_000


def test_log_line_with_everything_large_is_cut_until_it_fits() -> None:
    data = {
        "line": 1,
        "level": "ERROR",
        "message": "m" * 8_000,
        "context": {"c": "c" * 8_000},
        "stack_trace": "t\n" * 32_000,
    }

    shorter = Entry(long_line("job.logged", data)).line

    assert len(shorter) <= EVENT_BYTES
    assert json.loads(shorter)["data"]["context"] == {"c": "c" * 8_000}


def test_line_that_is_no_event_stays() -> None:
    odd = b'{"type":"job.x","seq":1,"data":[' + b"1," * 40_000 + b"1]}"

    assert shorten(odd) is odd
