from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from core.storage.shapes import from_json, iso


def test_value_that_python_cannot_hold_is_described() -> None:
    number = "1" + "0" * 9_999

    assert from_json(f'{{"n": {number}}}') == {"$cut": {"bytes": 10_007, "head": f'{{"n": {number}'[:2048]}}


def test_sql_null_is_none() -> None:
    assert from_json(None) is None


def test_time_at_the_edge_of_the_calendar_is_shown() -> None:
    assert iso(datetime.min.replace(tzinfo=UTC)) == "0001-01-01T00:00:00.000Z"
    assert iso(datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))) == "0001-01-01T00:00:00.000Z"
    assert iso(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))) == "9999-12-31T23:59:59.999Z"
