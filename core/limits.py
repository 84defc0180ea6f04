"""A job's limits: from what its task announced, and from the row, `{"concurrency": {...}, "rate": {...}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from taskcast.events import Json
from taskcast.limits import Rate, key_of


class LimitFields(TypedDict, total=False):
    """What `NewJob` is given for the limits of a job."""

    concurrency: int
    concurrency_key: str
    rate_count: int
    rate_period_ms: int


def limits_of_task(task: Mapping[str, Any], arguments: Mapping[str, Any]) -> LimitFields:
    """Return the limits of a new job of an announced task, given its arguments by name.

    Raises:
        ValueError, TypeError: if an argument that the concurrency key asks for is missing or no plain value.
    """
    fields, options = LimitFields(), task["options"]
    if isinstance(options.get("concurrency"), int):
        fields["concurrency"] = options["concurrency"]
        if isinstance(template := options.get("concurrency_key"), str):
            defaults = {
                name: known["default"]
                for name, known in task["schema"].get("properties", {}).items()
                if isinstance(known, dict) and "default" in known
            }
            fields["concurrency_key"] = key_of(template, {**defaults, **arguments})
    if options.get("rate_limit"):
        rate = Rate.parse(options["rate_limit"])
        fields["rate_count"], fields["rate_period_ms"] = rate.count, rate.period_ms
    return fields


def limits_of_row(limits: Json) -> LimitFields:
    """Return the fields of a new job that has these limits; what is damaged is left out."""
    fields = LimitFields()
    if not isinstance(limits, dict):
        return fields
    concurrency, rate = limits.get("concurrency"), limits.get("rate")
    if isinstance(concurrency, dict) and isinstance(concurrency.get("limit"), int):
        fields["concurrency"], fields["concurrency_key"] = concurrency["limit"], str(concurrency.get("key"))
    if isinstance(rate, dict) and isinstance(rate.get("count"), int) and isinstance(rate.get("period_ms"), int):
        fields["rate_count"], fields["rate_period_ms"] = rate["count"], rate["period_ms"]
    return fields
