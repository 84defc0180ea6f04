"""Notices: what a person is to be told once; NOTIFICATION_DIGEST takes them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

TITLE_LENGTH = 255
KEY_LENGTH = 191


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one person; `kind` and `key` say what it is about, so that it is told once."""

    user_id: str
    kind: str
    key: str
    title: str
    text: str


async def add_notices(connection: Any, notices: Iterable[Notice]) -> int:
    """Write notices that are not there yet, within the caller's transaction; return how many were new."""
    added = 0
    for notice in sorted(notices, key=lambda notice: (notice.user_id, notice.kind, notice.key)):
        status = await connection.execute(
            """INSERT INTO notifications (id, user_id, kind, key, title, text, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, now()) ON CONFLICT (user_id, kind, key) DO NOTHING""",
            uuid5(NAMESPACE_URL, f"notice/{notice.user_id}/{notice.kind}/{notice.key}"),
            notice.user_id,
            notice.kind,
            notice.key[:KEY_LENGTH],
            notice.title[:TITLE_LENGTH],
            notice.text,
        )
        added += int(status.split()[-1])
    return added


async def people(connection: Any) -> list[str]:
    """Return the addresses of those who own accounts."""
    rows = await connection.fetch("SELECT DISTINCT user_id FROM accounts WHERE user_id LIKE '%_@_%' ORDER BY 1")
    return [row["user_id"] for row in rows]
