"""Digests: one mail to one person about all that is new to them.

A digest is written `sending`, with its notices, before the first byte goes out. It becomes `sent` when the server has taken it.
If that is not known, because the process was killed or the connection broke while the mail was on its way, it is `unsure`
and is not sent again by itself: no notice is told twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from core.storage.connection import connection, transaction

MOST_NOTICES = 200


@dataclass(frozen=True, slots=True)
class DigestNotice:
    """One thing to tell."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest whose turn it is."""

    id: UUID
    user_id: str
    message_id: str
    notices: tuple[DigestNotice, ...]
    more: int


async def give_up_unfinished(job_id: str) -> int:
    """Turn digests that a killed process left `sending` into `unsure`; return how many.

    Call it while no other job sends digests.
    """
    async with connection() as lent:
        status: str = await lent.execute(
            """UPDATE digests SET state = 'unsure', error = 'the process was killed while the mail was on its way'
               WHERE state = 'sending'"""
        )
    return int(status.rsplit(maxsplit=1)[-1])


async def waiting_people(limit_to: Sequence[str] | None = None) -> list[str]:
    """Return the addresses of those with notices that no digest has, in order."""
    async with connection() as lent:
        rows = await lent.fetch(
            """SELECT DISTINCT user_id FROM notifications
               WHERE digest_id IS NULL AND ($1::text[] IS NULL OR user_id = ANY($1)) ORDER BY 1""",
            None if limit_to is None else list(limit_to),
        )
    return [row["user_id"] for row in rows]


async def begin(user_id: str, *, job_id: str, number: int, host: str) -> DueDigest | None:
    """Write a person's next digest as `sending`, with the notices it tells; None if there are none any more."""
    async with transaction() as lent:
        rows = await lent.fetch(
            """SELECT id, kind, title, text FROM notifications WHERE user_id = $1 AND digest_id IS NULL
               ORDER BY created_at, id FOR UPDATE SKIP LOCKED""",
            user_id,
        )
        if not rows:
            return None
        # Made of the first notice too, so that a second digest of one job to one person is another mail.
        digest_id = uuid5(NAMESPACE_URL, f"digest/{job_id}/{user_id}/{number}/{rows[0]['id']}")
        message_id = f"<{digest_id}@{host}>"
        await lent.execute(
            """INSERT INTO digests (id, user_id, job_id, message_id, state, created_at)
               VALUES ($1, $2, $3, $4, 'sending', now())
               ON CONFLICT (id) DO UPDATE SET state = 'sending', error = NULL, job_id = excluded.job_id""",
            digest_id, user_id, job_id, message_id,
        )  # fmt: skip
        await lent.execute(
            "UPDATE notifications SET digest_id = $1 WHERE id = ANY($2::uuid[])", digest_id, [row["id"] for row in rows]
        )
    notices = tuple(DigestNotice(row["kind"], row["title"], row["text"]) for row in rows[:MOST_NOTICES])
    return DueDigest(digest_id, user_id, message_id, notices, max(0, len(rows) - MOST_NOTICES))


async def unsure_digests() -> list[DueDigest]:
    """Return the digests of which nobody knows whether they arrived, with the same ids of their mails as before."""
    async with connection() as lent:
        rows = await lent.fetch(
            "SELECT id, user_id, message_id FROM digests WHERE state = 'unsure' ORDER BY created_at, id"
        )
        found = []
        for row in rows:
            notices = await lent.fetch(
                "SELECT kind, title, text FROM notifications WHERE digest_id = $1 ORDER BY created_at, id", row["id"]
            )
            told = tuple(DigestNotice(*each) for each in notices[:MOST_NOTICES])
            more = max(0, len(notices) - MOST_NOTICES)
            found.append(DueDigest(row["id"], row["user_id"], row["message_id"], told, more))
    return found


async def mark(digest_id: UUID, state: str, error: str | None = None) -> None:
    """Say what became of a digest: sending, sent, refused or unsure."""
    async with connection() as lent:
        await lent.execute(
            """UPDATE digests SET state = $2::text, error = $3,
                      sent_at = CASE $2::text WHEN 'sent' THEN now() ELSE sent_at END WHERE id = $1""",
            digest_id, state, error,
        )  # fmt: skip


async def take_back(digest_id: UUID) -> None:
    """Free the notices of a digest that surely was not sent, so that the next one tells them."""
    async with transaction() as lent:
        await lent.execute("UPDATE notifications SET digest_id = NULL WHERE digest_id = $1", digest_id)
        await lent.execute("DELETE FROM digests WHERE id = $1", digest_id)


async def take_back_unfinished(job_id: str) -> None:
    """Do the same with all that a job has begun; those that it sends a second time are not among them."""
    async with transaction() as lent:
        await lent.execute(
            """WITH unfinished AS (DELETE FROM digests WHERE job_id = $1 AND state = 'sending' AND sent_at IS NULL RETURNING id)
               UPDATE notifications SET digest_id = NULL WHERE digest_id IN (SELECT id FROM unfinished)""",
            job_id,
        )
