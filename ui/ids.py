"""Ids that come from a URL or a browser."""

from __future__ import annotations

from typing import Any

from taskcast.ids import FOREIGN_ID


def clean_id(value: Any) -> str | None:
    """Return a job's id if this can be one, else None."""
    return value if isinstance(value, str) and FOREIGN_ID.fullmatch(value) else None
