from __future__ import annotations

import json

import pytest

from core.errors import InvalidInput
from core.messages import by_name, edited, new_message, shown
from taskcast.redaction import MASK

SENT = json.dumps(
    {
        "task_id": "j1",
        "task_name": "t",
        "labels": {"a": "1"},
        "labels_types": {"a": 1},
        "args": [1, 2**80],
        "kwargs": {"c": 3},
    }
).encode()


def test_message_can_be_read_by_taskiq() -> None:
    from taskiq.formatters.json_formatter import JSONFormatter

    message = JSONFormatter().loads(new_message("j1", "import", {"file": "june.csv", "ä": None}))

    assert (message.task_id, message.task_name, message.kwargs) == ("j1", "import", {"file": "june.csv", "ä": None})


def test_message_can_be_read_by_our_worker() -> None:
    from taskcast.message import decode

    message = decode(new_message("j1", "import", {"file": "june.csv"}))

    assert (message.task_id, message.kwargs, message.for_taskiq().labels) == ("j1", {"file": "june.csv"}, {})


def test_edit_changes_positions_and_names_and_keeps_the_rest() -> None:
    changed = json.loads(edited(SENT, {"a": 10, "c": 30, "d": 40}, ["a", "b", "c", "d"]))

    assert changed["args"] == [10, 2**80]
    assert changed["kwargs"] == {"c": 30, "d": 40}
    assert changed["labels"] == {"a": "1"}


def test_positions_without_names_are_not_guessed() -> None:
    with pytest.raises(InvalidInput) as refused:
        edited(SENT, {"a": 10}, None)

    assert "arguments" in refused.value.fields


def test_edit_refuses_the_mask_of_a_secret() -> None:
    with pytest.raises(InvalidInput) as refused:
        edited(SENT, {"c": {"password": MASK}}, ["a", "b"])

    assert "arguments.c" in refused.value.fields


def test_arguments_by_name_number_what_has_none() -> None:
    assert by_name(SENT, ["a"]) == {"a": 1, "1": 2**80, "c": 3}


def test_shown_arguments_hide_secrets_and_are_cut() -> None:
    assert shown({"password": "hunter22", "n": 1}) == {"password": MASK, "n": 1}
    assert "$cut" in shown({"text": "x" * 50_000})
