from __future__ import annotations

from core.storage.shapes import from_json


def test_value_that_python_cannot_hold_is_described() -> None:
    number = "1" + "0" * 9_999

    assert from_json(f'{{"n": {number}}}') == {"$cut": {"bytes": 10_007, "head": f'{{"n": {number}'[:2048]}}


def test_sql_null_is_none() -> None:
    assert from_json(None) is None
