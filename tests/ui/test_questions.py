from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui import questions
from ui.looks import DEAD_LETTERS
from ui.questions import Unfit, edited_arguments, until_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refusal(call: Any) -> dict[str, str]:
    with pytest.raises(Unfit) as raised:
        call()
    return raised.value.refusal.fields


@pytest.mark.parametrize(
    ("values", "until"),
    [
        ({}, None),
        ({"until": ""}, None),
        ({"until": "15"}, "2026-11-24T12:15:00.000Z"),
        ({"until": "240"}, "2026-11-24T16:00:00.000Z"),
        ({"until": "at", "until_at": "2026-11-25T08:00:00.000Z"}, "2026-11-25T08:00:00.000Z"),
        ({"until": "at", "until_at": "2026-11-25T08:00:00+02:00"}, "2026-11-25T06:00:00.000Z"),
    ],
)
def test_a_pause_ends_when_it_was_told_to(values: dict[str, Any], until: str | None) -> None:
    assert until_of(values, NOW) == until


@pytest.mark.parametrize("at", ["", "tomorrow", (NOW - timedelta(seconds=1)).isoformat(), "9999-01-01T00:00:00Z", None])
def test_an_end_that_is_none_or_has_passed_is_refused(at: str | None) -> None:
    assert set(refusal(lambda: until_of({"until": "at", "until_at": at}, NOW))) == {"until"}


@pytest.mark.parametrize(("waiting", "typed"), [(0, False), (100, False), (101, True), (20_000, True)])
def test_many_jobs_are_drained_only_after_the_queues_name_was_typed(waiting: int, typed: bool) -> None:
    question = questions.drain_queue("imports", waiting)

    assert (any(field["kind"] == "confirm" and field["value"] == "imports" for field in question.fields)) is typed
    assert f"{waiting:,}" in question.yes


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"older": [7, "days"], "status": ["completed"]}, (604_800.0, ["completed"])),
        ({"older": ["1.5", "hours"], "status": ["failed", "completed"]}, (5400.0, ["completed", "failed"])),
        ({"older": [0, "minutes"], "status": ["cancelled", "running"]}, (0.0, ["cancelled"])),
    ],
)
def test_cleaning_takes_an_age_and_final_states(values: dict[str, Any], found: tuple[float, list[str]]) -> None:
    assert questions.cleaning_of(values) == found


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"status": ["completed"]}, "older"),
        ({"older": ["", "days"], "status": ["completed"]}, "older"),
        ({"older": [-1, "days"], "status": ["completed"]}, "older"),
        ({"older": ["nan", "days"], "status": ["completed"]}, "older"),
        ({"older": [1, "years"], "status": ["completed"]}, "older"),
        ({"older": [1, "days"], "status": []}, "status"),
        ({"older": [1, "days"], "status": ["running"]}, "status"),
    ],
)
def test_a_cleaning_that_makes_no_sense_is_refused(values: dict[str, Any], field: str) -> None:
    assert set(refusal(lambda: questions.cleaning_of(values))) == {field}


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_arguments_that_were_not_changed_are_not_sent(data: dict[str, Any]) -> None:
    text = questions.arguments_text({name: value for name, value in data.items() if name != "$cut"})

    assert text is not None
    assert edited_arguments(text, {name: value for name, value in data.items() if name != "$cut"}) == {}


def test_only_changed_arguments_are_sent() -> None:
    data = {"file": "june.csv", "rows": 1, "password": "***"}

    assert edited_arguments(json.dumps(data | {"file": "july.csv"}), data) == {"file": "july.csv"}
    assert edited_arguments(json.dumps(data | {"rows": True}), data) == {"rows": True}
    assert edited_arguments(json.dumps(data | {"more": None}), data) == {"more": None}
    assert edited_arguments(None, data) == {}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "arguments"),
        ('{"file": }', "arguments"),
        ("[1]", "arguments"),
        ('{"file": NaN}', "arguments"),
        ("[" * 100_000, "arguments"),
        ("{}", "arguments.file"),
    ],
)
def test_arguments_that_are_no_json_object_are_refused(text: str, field: str) -> None:
    assert set(refusal(lambda: edited_arguments(text, {"file": "june.csv"}))) == {field}


def test_a_hidden_secret_is_never_sent_in_place_of_the_true_one() -> None:
    data = {"login": {"user": "ada", "password": "***"}}

    text = json.dumps({"login": {"user": "eve", "password": "***"}})

    assert set(refusal(lambda: edited_arguments(text, data))) == {"arguments.login"}


@pytest.mark.parametrize("data", [{"$cut": {"bytes": 90_000, "head": "x"}}, None, [1]])
def test_arguments_that_are_not_known_whole_cannot_be_edited(data: Any) -> None:
    assert questions.retry_job({"id": "a", "type": "import", "status": "failed", "data": data}).fields == ()


@pytest.mark.parametrize("reason", DEAD_LETTERS)
def test_a_dead_letter_is_sent_again_with_a_word_of_warning(reason: str) -> None:
    row = {"id": "a", "type": "import", "status": "failed", "final_reason": reason, "data": {}}

    question = questions.retry_job(row)

    assert question.title == "Send import again?"
    assert "failed for good" in question.text[0]


def test_what_a_check_found_is_shown_job_by_job() -> None:
    found = {"checked": 12, "found": [{"job": "a", "reason": "no_lease", "action": "put back into its lane"}]}

    question = questions.stuck_found(found)

    assert question.title == "1 stuck job"
    assert question.items == ({"job": "a", "title": "No lease", "text": "Put back into its lane"},)
    assert questions.stuck_found({"checked": 3, "found": []}).title == "No job is stuck"


def test_what_can_be_done_to_all_that_match_is_offered_with_its_count() -> None:
    few: dict[str, int | None] = {"retry": 1, "cancel": 1_200}
    many: dict[str, int | None] = {"delete": None}

    asked = questions.steer_matching(few)

    assert asked.fields[0]["options"] == [["retry", "Run again 1 job"], ["cancel", "Cancel 1,200 jobs"]]
    assert questions.action_of({"action": "cancel", "confirm": "all"}, few) == "cancel"
    assert questions.begun("cancel", 1_200) == "1,200 jobs are being cancelled."
    assert refusal(lambda: questions.action_of({"action": "cancel"}, few)) == {"confirm": "Type all."}
    assert refusal(lambda: questions.action_of({"action": "delete"}, few)) == {"action": "Choose one."}
    assert "Delete for good an unknown number of jobs" in str(questions.steer_matching(many))
