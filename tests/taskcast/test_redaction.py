from __future__ import annotations

import json
from typing import Any

import pytest

from taskcast.redaction import MASK, Redactor


def masked(value: Any, **options: Any) -> Any:
    return json.loads(Redactor(**options).json(json.dumps(value).encode()))


@pytest.mark.parametrize("name", ["password", "userPassword", "API_KEY", "api-key", "apiKey", "token", "access_token",
                                  "Authorization", "client_secret", "private_key", "db_passwd", "cookie"])  # fmt: skip
def test_secret_names_are_masked_however_they_are_written(name: str) -> None:
    assert masked({"a": [{"b": {name: "hunter22"}}]}) == {"a": [{"b": {name: MASK}}]}


@pytest.mark.parametrize(
    "name", ["keyboard", "monkey", "tokenizer", "author", "key", "primary_key", "tokens", "passing"]
)
def test_harmless_names_stay(name: str) -> None:
    assert masked({name: 5}) == {name: 5}


def test_names_of_the_user_are_masked() -> None:
    assert masked({"Tax-Id": "DE1", "x": 1}, names=["tax_id"]) == {"Tax-Id": MASK, "x": 1}


def test_registered_values_are_masked_everywhere() -> None:
    redactor = Redactor(values=["hunter22", 'quo"te"d'])

    assert redactor.text("it is hunter22!") == f"it is {MASK}!"
    assert json.loads(redactor.json(json.dumps({"note": 'it is quo"te"d'}).encode())) == {"note": f"it is {MASK}"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connect(password=abc, retries=3)", f"connect(password={MASK}, retries=3)"),
        ("api_key: abc", f"api_key: {MASK}"),
        ("Authorization: Bearer abcdefghijk", f"Authorization: Bearer {MASK}"),
        ("sent Bearer abcdefghijk.lmn", f"sent Bearer {MASK}"),
        ("postgres://ada:lovelace@db/x", f"postgres://ada:{MASK}@db/x"),
        ("12:30 rows=17", "12:30 rows=17"),
    ],
)
def test_secrets_in_texts_are_masked(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown
    assert json.loads(Redactor().json(json.dumps({"error": text}).encode()))["error"] in {shown, text}


def test_head_of_a_cut_value_is_masked() -> None:
    text = Redactor().json_within(json.dumps({"password": "hunter22", "x": "y" * 50_000}).encode(), 16_384)

    assert b"hunter22" not in text
    assert b"$cut" in text


def test_value_that_would_blacken_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="redact_values"):
        Redactor(values=["ab"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"pin": 123456}, {"pin": MASK}),
        ({"n": 7123457}, {"n": MASK}),
        ({"12345": ["a 12345", 1.5, None]}, {MASK: [f"a {MASK}", 1.5, None]}),
    ],
)
def test_registered_value_within_a_number_leaves_json(value: Any, shown: Any) -> None:
    assert masked(value, values=["12345"]) == shown


@pytest.mark.parametrize("secret", ["null", "true", '":"x'])
def test_registered_value_that_looks_like_json_leaves_json(secret: str) -> None:
    assert masked({"a": None, "b": True, "c": "x"}, values=[secret]) == {"a": None, "b": True, "c": "x"}
