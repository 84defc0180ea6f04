"""Queries of table `operations`: commands about many jobs, with how far each is and which process works on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from core.storage.connection import connection
from core.storage.shapes import from_json, iso
from taskcast.events import Json

_COLUMNS = (
    "id, action, state, by, reason, scope::text, matched, position::text, page::text, done, refused::text, error,"
    " cancel_requested_at, created_at, updated_at, ended_at"
)
# As everybody sees it: how many ids rather than which, and nothing of how it is carried.
_SHOWN = (
    "id, action, state, by, reason, CASE WHEN scope ? 'ids' THEN"
    " jsonb_build_object('ids', jsonb_array_length(scope->'ids')) ELSE scope END::text AS scope,"
    " matched, done, refused::text, error, cancel_requested_at, created_at, updated_at, ended_at"
)
LIVE_S = 60.0
"""How long after its end an operation is still among the live ones, so that everybody who watches hears of it."""
MOST_LIVE = 100
# A process that stood still over its page may have got the claim back from one that has turned it meanwhile.
_OWN = "id = $1 AND claimed_by = $2 AND position IS NOT DISTINCT FROM $3::text::jsonb AND state = 'running'"

_json = msgspec.json.Encoder()

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """A command about many jobs.

    Attributes:
        scope: which jobs, as the action has it.
        matched: how many jobs it was about when it began; None where that was not counted.
        position: up to where it is done, as the action has it.
        page: what is being done now; the process that had begun it may have died over it.
        done: how many jobs it was done to.
        refused: how many it could not be done to, by the code of the refusal.
        cancel_requested_at: when somebody asked it to stop; it ends before its next page then.
    """

    id: str
    action: str
    state: str
    by: str | None
    reason: str | None
    scope: Json
    matched: int | None
    position: Json
    page: Json
    done: int
    refused: dict[str, int]
    error: str | None
    cancel_requested_at: datetime | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None

    @property
    def count(self) -> int | None:
        """How many jobs it was done to in all; None while it goes on, or if it failed."""
        return self.done if self.state in ("done", "cancelled") else None


async def create(
    *,
    id: str,  # noqa: A002  # the table's word
    action: str,
    by: str | None,
    reason: str | None,
    scope: Any,
    matched: int | None,
    claimed_by: str,
    claim_s: float,
) -> Operation:
    """Write a new operation, already claimed by the process that made it."""
    async with connection() as lent:
        record = await lent.fetchrow(
            "INSERT INTO operations (id, action, state, by, reason, scope, matched, done, refused, claimed_by,"  # noqa: S608
            " claimed_until, created_at, updated_at) VALUES ($1, $2, 'running', $3, $4, $5::text::jsonb, $6, 0, '{}', $7,"
            f" now() + make_interval(secs => $8), now(), now()) RETURNING {_COLUMNS}",
            id, action, by, reason, _text(scope), matched, claimed_by, claim_s,
        )  # fmt: skip
    return _operation(record)


async def claim(claimed_by: str, claim_s: float) -> Operation | None:
    """Take over the oldest operation whose process is gone; None if there is none."""
    async with connection() as lent:
        record = await lent.fetchrow(
            "UPDATE operations SET claimed_by = $1, claimed_until = now() + make_interval(secs => $2) WHERE id = ("  # noqa: S608
            " SELECT id FROM operations WHERE state = 'running' AND claimed_until < now()"
            f" ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}",
            claimed_by, claim_s,
        )  # fmt: skip
    return None if record is None else _operation(record)


async def begin_page(
    id: str,  # noqa: A002
    page: Any,
    *,
    after: Any,
    claimed_by: str,
    claim_s: float,
) -> Operation | None:
    """Say what is going to be done next, from the position `after` on; return the operation as it is now.

    Returns None if it is another process's by now, beyond that position, or at its end.
    """
    return await _own(
        "page = $4::text::jsonb, claimed_until = now() + make_interval(secs => $5)",
        id, claimed_by, after, _text(page), claim_s,
    )  # fmt: skip


async def end_page(
    id: str,  # noqa: A002
    *,
    after: Any,
    done: int,
    refused: Mapping[str, int],
    position: Any,
    matched: int | None,
    claimed_by: str,
    claim_s: float,
) -> Operation | None:
    """Keep what came of the page that began at the position `after`; return as `begin_page` does."""
    return await _own(
        "page = NULL, position = $4::text::jsonb, done = $5, refused = $6::text::jsonb, matched = $7,"
        " updated_at = now(), claimed_until = now() + make_interval(secs => $8)",
        id, claimed_by, after, _text(position), done, _text(dict(refused)), matched, claim_s,
    )  # fmt: skip


async def end(id: str, *, after: Any, error: str | None, claimed_by: str) -> Operation | None:  # noqa: A002
    """End an operation: as `failed` with an error, as `cancelled` if that was asked for, else as `done`.

    Returns as `begin_page` does.
    """
    return await _own(
        # Decided here, so that nobody is told of a cancel that then does not come.
        "state = CASE WHEN $4::text IS NOT NULL THEN 'failed' WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'"
        " ELSE 'done' END, error = $4, page = NULL, updated_at = now(), ended_at = now()",
        id, claimed_by, after, error,
    )  # fmt: skip


async def request_cancel(id: str) -> Operation | None:  # noqa: A002
    """Ask whoever carries an operation to end it before its next page; None if it does not go on.

    Asking again changes nothing.
    """
    async with connection() as lent:
        record = await lent.fetchrow(
            "UPDATE operations SET cancel_requested_at = coalesce(cancel_requested_at, now())"  # noqa: S608
            f" WHERE id = $1 AND state = 'running' RETURNING {_COLUMNS}",
            id,
        )
    return None if record is None else _operation(record)


async def give_back(claimed_by: str) -> None:
    """Let other processes go on with what this one has not ended."""
    async with connection() as lent:
        await lent.execute(
            "UPDATE operations SET claimed_until = now() WHERE state = 'running' AND claimed_by = $1", claimed_by
        )


async def get_operation(id: str) -> Operation | None:  # noqa: A002
    """Return an operation, or None."""
    async with connection() as lent:
        record = await lent.fetchrow(f"SELECT {_COLUMNS} FROM operations WHERE id = $1", id)  # noqa: S608
    return None if record is None else _operation(record)


async def show_operation(id: str) -> Row | None:  # noqa: A002
    """Return an operation as everybody sees it, or None."""
    async with connection() as lent:
        record = await lent.fetchrow(f"SELECT {_SHOWN} FROM operations WHERE id = $1", id)  # noqa: S608
    return None if record is None else _row(record)


async def list_operations(limit: int) -> list[Row]:
    """Return the newest operations as everybody sees them."""
    async with connection() as lent:
        records = await lent.fetch(
            f"SELECT {_SHOWN} FROM operations ORDER BY created_at DESC, id DESC LIMIT $1",  # noqa: S608
            limit,
        )
    return [_row(record) for record in records]


async def live_operations() -> list[Row]:
    """Return the operations that go on or ended within the last minute, as everybody sees them."""
    async with connection() as lent:
        records = await lent.fetch(
            f"SELECT {_SHOWN} FROM operations WHERE state = 'running'"  # noqa: S608
            " OR ended_at > now() - make_interval(secs => $1) ORDER BY created_at DESC, id DESC LIMIT $2",
            LIVE_S, MOST_LIVE,
        )  # fmt: skip
    return [_row(record) for record in records]


async def delete_operations_before(before: datetime) -> None:
    """Delete operations that ended before a time."""
    async with connection() as lent:
        await lent.execute("DELETE FROM operations WHERE ended_at < $1", before)


async def _own(sets: str, id: str, claimed_by: str, after: Any, *values: Any) -> Operation | None:  # noqa: A002
    async with connection() as lent:
        record = await lent.fetchrow(
            f"UPDATE operations SET {sets} WHERE {_OWN} RETURNING {_COLUMNS}",  # noqa: S608
            id, claimed_by, _text(after), *values,
        )  # fmt: skip
    return None if record is None else _operation(record)


def _text(value: Any) -> str | None:
    return None if value is None else _json.encode(value).decode()


def _row(record: Any) -> Row:
    row = dict(record)
    for name in ("scope", "refused"):
        row[name] = from_json(row[name])
    for name in ("cancel_requested_at", "created_at", "updated_at", "ended_at"):
        row[name] = iso(row[name])
    return row


def _operation(record: Any) -> Operation:
    fields = dict(record)
    for name in ("scope", "position", "page", "refused"):
        fields[name] = from_json(fields[name])
    return Operation(**fields)
