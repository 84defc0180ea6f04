"""The audit log's writer: every control action and every refusal, in the database and in the process's own log."""

from __future__ import annotations

import logging
from typing import Any, Literal

from core.auth import Identity
from core.storage.audit import Entry, add_entry

Outcome = Literal["done", "refused", "failed"]

logger = logging.getLogger("taskcast.audit")


async def record(
    identity: Identity | None,
    action: str,
    outcome: Outcome,
    *,
    target: str | None = None,
    detail: dict[str, Any] | None = None,
    address: str | None = None,
    actor: str | None = None,
) -> None:
    """Write who did what and what came of it; never raises, because the action has happened already.

    `actor` names somebody who is not signed in, such as the e-mail address of a failed sign-in.
    """
    who = identity.email if identity else actor
    fields = {"actor": who, "action": action, "outcome": outcome, "target": target, "address": address}
    logger.info("%s %s: %s", action, target or "", outcome, extra=fields)
    entry = Entry(
        actor=who,
        role=identity.role if identity else None,
        action=action,
        target=target,
        outcome=outcome,
        detail=detail or {},
        address=address,
    )
    try:
        await add_entry(entry)
    except Exception:
        # The line above has told it to the process's log, which is all that is left while PostgreSQL is away.
        logger.exception("the audit log cannot be written", extra=fields)
