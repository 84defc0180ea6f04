"""Pages of a list: cursors that name the last row seen, and totals that never cost more than a glance."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from core.errors import InvalidInput
from core.storage.connection import transaction

EXACT_UP_TO = 10_000
COUNT_MS = 20

Row = dict[str, Any]
Total = int | dict[str, int]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, the cursor of the next page (None: there is none), and how many there are in all."""

    items: list[Row]
    next_cursor: str | None
    total: Total


def make_cursor(*parts: object) -> str:
    """Return an opaque cursor for the last row of a page."""
    return base64.urlsafe_b64encode("|".join(map(str, parts)).encode()).decode().rstrip("=")


def read_cursor(cursor: str, parts: int, *, field: str = "cursor") -> list[str]:
    """Return what a cursor was made of.

    Raises:
        InvalidInput: if it is none of ours.
    """
    try:
        found = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|", parts - 1)
    except (binascii.Error, UnicodeError, ValueError):
        found = []
    if len(found) != parts:
        raise wrong_cursor(field)
    return found


def wrong_cursor(field: str = "cursor") -> InvalidInput:
    """Return the refusal of a cursor."""
    return InvalidInput(
        f"{field}: is no cursor of this list", fields={field: "is no cursor of this list; take next_cursor as it came"}
    )


async def count(rows: str, parameters: Sequence[Any], *, at_least: int) -> Total:
    """Return how many rows `SELECT 1 {rows}` has: exactly up to 10,000 and within 20 ms, else a lower bound."""
    try:
        async with transaction(readonly=True) as connection:
            await connection.execute(f"SET LOCAL statement_timeout = {COUNT_MS}")
            found = await connection.fetchval(
                f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT {EXACT_UP_TO + 1}) AS few",  # noqa: S608
                *parameters,
            )
    except asyncpg.QueryCanceledError:
        return {"at_least": at_least}
    return int(found) if found <= EXACT_UP_TO else {"at_least": EXACT_UP_TO}
