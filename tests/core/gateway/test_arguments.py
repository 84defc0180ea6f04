from __future__ import annotations

from typing import Any

import pytest

from core.arguments import problems_of

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "minLength": 1},
        "rows": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["fast", "safe"], "default": "safe"},
        "since": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
        "account": {"$ref": "#/$defs/Account"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["file"],
    "additionalProperties": False,
    "$defs": {
        "Account": {"type": "object", "properties": {"iban": {"type": "string"}}, "required": ["iban"]},
    },
}


@pytest.mark.parametrize(
    "arguments",
    [
        {"file": "x"},
        {"file": "x", "rows": 3, "mode": "fast", "since": None, "tags": ["a"]},
        {"file": "x", "rows": 3.0, "since": "2026-10-01", "account": {"iban": "DE00", "more": 1}},
    ],
)
def test_good_arguments_pass(arguments: dict[str, Any]) -> None:
    assert problems_of(arguments, SCHEMA) == {}


@pytest.mark.parametrize(
    ("arguments", "field", "says"),
    [
        ({}, "file", "missing"),
        ({"file": ""}, "file", "1 characters or more"),
        ({"file": 5}, "file", "a text, not a whole number"),
        ({"file": "x", "rows": True}, "rows", "not true or false"),
        ({"file": "x", "rows": 0}, "rows", "1 or more"),
        ({"file": "x", "mode": "slow"}, "mode", "one of fast, safe"),
        ({"file": "x", "since": 5}, "since", "a text"),
        ({"file": "x", "account": {}}, "account.iban", "missing"),
        ({"file": "x", "tags": ["a", 1]}, "tags.1", "a text"),
        ({"file": "x", "fiel": 1}, "fiel", "known are"),
    ],
)
def test_wrong_argument_is_named_with_what_it_must_be(arguments: dict[str, Any], field: str, says: str) -> None:
    found = problems_of(arguments, SCHEMA)

    assert says in found[field]


@pytest.mark.parametrize("schema", [{}, True, {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}])
def test_schema_that_says_nothing_lets_everything_pass(schema: Any) -> None:
    assert problems_of({"a": [1, None, {"b": 2}]}, schema) == {}


def test_schema_that_refers_to_itself_ends() -> None:
    tree = {"$ref": "#/$defs/T", "$defs": {"T": {"$ref": "#/$defs/T"}}}

    assert problems_of({"a": 1}, tree) == {}
