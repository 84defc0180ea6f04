"""The audit log: the queries of table `audit_log`, as functions that return plain objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.storage.models import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who did what, when, from where, and what came of it."""

    actor: str | None
    role: str | None
    action: str
    target: str | None
    outcome: str
    detail: dict[str, Any]
    address: str | None
    id: int | None = None
    at: datetime | None = None


async def add_entry(entry: Entry) -> None:
    """Write one entry; texts that are too long for their column are cut."""
    await AuditEntry.create(
        actor=_cut(entry.actor, 255),
        role=_cut(entry.role, 16),
        action=entry.action[:64],
        target=_cut(entry.target, 255),
        outcome=entry.outcome[:16],
        detail=entry.detail,
        address=_cut(entry.address, 64),
    )


async def list_entries(*, limit: int = 100, before: int | None = None) -> list[Entry]:
    """Return entries, newest first; `before` is the id of the last one of the page before."""
    query = AuditEntry.all() if before is None else AuditEntry.filter(id__lt=before)
    return [
        Entry(
            id=row.id,
            at=row.at,
            actor=row.actor,
            role=row.role,
            action=row.action,
            target=row.target,
            outcome=row.outcome,
            detail=row.detail,
            address=row.address,
        )
        for row in await query.order_by("-id").limit(limit)
    ]


def _cut(text: str | None, length: int) -> str | None:
    return text if text is None else text.replace("\x00", "")[:length]
