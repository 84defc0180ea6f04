"""Results as figures, tables and files; forms made of a task's schema: the data the browser draws, without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.forms import arguments_of, fields_of, whole
from ui.job_page import job_page
from ui.questions import Unfit
from ui.results import result_parts
from ui.schedules import edited, schedule_row, timing

FILE = {
    "id": "0198c0de-0000-7000-8000-000000000000",
    "name": "a.pdf",
    "size_bytes": 12,
    "content_type": "application/pdf",
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "accounts": {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}], "default": None},
        "file": {"type": "string", "description": "id of the file"},
        "kind": {"enum": ["month", "year"], "type": "string", "default": "month"},
        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
        "times": {"type": "integer", "default": 3},
        "share": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
        "again": {"type": "boolean", "default": False},
        "more": {"$ref": "#/$defs/More"},
    },
    "required": ["file"],
    "additionalProperties": False,
    "x-positions": ["file", "kind"],
    "$defs": {"More": {"type": "object"}},
}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_a_result_in_the_known_shapes_is_drawn_as_what_it_is() -> None:
    parts = result_parts({
        "summary": "all is well",
        "figures": [{"label": "Spent", "value": "1,204.50", "unit": "EUR", "tone": "bad"}],
        "tables": [{"title": "T", "columns": [{"key": "a", "label": "A"}, {"key": "n", "label": "N", "align": "right"}],
                    "rows": [{"a": "x", "n": "1"}, {"a": None}], "total_rows": 9}],
        "files": [FILE],
    })  # fmt: skip

    assert parts["figures"] == [{"label": "Spent", "value": "1,204.50", "unit": "EUR", "tone": "bad"}]
    assert parts["tables"] == [
        {"title": "T", "columns": [["A", False], ["N", True]], "rows": [["x", "1"], ["", ""]], "total": 9}
    ]
    assert parts["files"] == [{"id": FILE["id"], "name": "a.pdf", "size": 12, "opens": True}]


@given(
    st.fixed_dictionaries(
        {}, optional={"summary": anything, "figures": anything, "tables": anything, "files": anything}
    )
)
def test_a_result_in_any_other_shape_never_breaks_the_page(result: dict[str, Any]) -> None:
    page = job_page({"id": "1", "type": "T", "status": "completed", "result": result})

    assert page["result"]["text"]


def test_only_an_id_names_a_file() -> None:
    assert result_parts({"files": [FILE | {"id": "../../etc/passwd"}, FILE | {"id": "x"}]}) == {}


def test_each_argument_has_the_field_its_type_needs_in_the_order_of_the_function() -> None:
    fields = fields_of(SCHEMA, {"accounts": ["a", "b"], "times": 5})
    assert fields is not None

    kinds = {field["name"].removeprefix("data."): field["kind"] for field in fields}
    assert list(kinds)[:2] == ["file", "kind"]
    assert kinds == {
        "file": "file", "kind": "select", "accounts": "area", "day": "date", "times": "number", "share": "number",
        "again": "select", "more": "area",
    }  # fmt: skip
    values = {field["name"]: field["value"] for field in fields}
    assert (values["data.accounts"], values["data.times"], values["data.kind"]) == ("a\nb", "5", "")
    [kind] = [field for field in fields if field["name"] == "data.kind"]
    assert kind["options"][0] == ["", "Month (default)"]


def test_a_form_says_what_is_left_out_and_offers_what_a_list_may_hold() -> None:
    formats = {"anyOf": [{"items": {"enum": ["pdf", "xlsx"], "type": "string"}, "type": "array"}, {"type": "null"}]}
    mapping = {
        "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}],
        "description": "a `name`, or\n one",
    }
    hours = {"type": "number", "default": 24.0, "description": "`h` of them"}
    schema = SCHEMA | {"properties": {"formats": formats, "mapping": mapping, "hours": hours}, "required": []}

    fields = {field["name"]: field for field in fields_of(schema, {"formats": ["pdf", "gif"]}) or ()}

    boxes = fields["data.formats"]
    assert (boxes["kind"], boxes["options"], boxes["value"]) == ("checks", [["pdf", "pdf"], ["xlsx", "xlsx"]], ["pdf"])
    assert fields["data.mapping"]["hint"] == "A name, or one. A text, or JSON."
    assert fields["data.hours"]["hint"] == "h of them. By default 24."
    filled = {"data.formats": ["xlsx"], "data.mapping": "my bank", "data.hours": ""}
    assert arguments_of(schema, filled) == {"formats": ["xlsx"], "mapping": "my bank"}
    assert arguments_of(schema, {"data.formats": [], "data.mapping": '{"a": 1}'}) == {"mapping": {"a": 1}}


def test_what_was_filled_in_becomes_arguments_and_what_was_left_empty_is_left_out() -> None:
    values = {"data.file": " id ", "data.accounts": "a\n\n b ", "data.kind": "year", "data.times": "7", "data.again": "false",
              "data.more": '{"x": 1}', "data.day": "", "data.share": ""}  # fmt: skip

    assert arguments_of(SCHEMA, values) == {
        "file": "id", "accounts": ["a", "b"], "kind": "year", "times": 7, "again": False, "more": {"x": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "data.file"),
        ({"data.file": "x", "data.times": "many"}, "data.times"),
        ({"data.file": "x", "data.share": "half"}, "data.share"),
        ({"data.file": "x", "data.more": "{"}, "data.more"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Unfit) as unfit:
        arguments_of(SCHEMA, values)

    assert list(unfit.value.refusal.fields) == [field]


def test_a_task_of_unknown_parameters_takes_one_object() -> None:
    assert fields_of({}) is None
    assert whole({"a": 1})[0]["value"] == '{\n  "a": 1\n}'
    assert arguments_of({}, {"data": '{"a": 1}'}) == {"a": 1}
    with pytest.raises(Unfit):
        arguments_of({}, {"data": "[1]"})


def test_a_schedule_that_was_filled_in_has_one_time() -> None:
    values = {
        "title": "T",
        "task": "X",
        "kind": "interval",
        "every_s": "90",
        "cron": "* * * * *",
        "arguments": "{}",
        "policy": "skip",
    }

    assert edited(values) == {"title": "T", "task": "X", "policy": "skip", "why": "", "arguments": {}, "every_s": 90}
    with pytest.raises(Unfit):
        edited(values | {"every_s": "often"})
    with pytest.raises(Unfit):
        edited(values | {"arguments": "[]"})


def test_an_interval_of_nothing_is_a_number_and_the_gateways_to_refuse() -> None:
    assert timing({"every_s": 0}, "interval") == {"every_s": 0}


def test_a_schedule_is_drawn_though_the_gateway_tells_less_than_usual() -> None:
    assert schedule_row({})["next"] == []
