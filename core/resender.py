"""What becomes of a job that the queue server forgot: sent again from its kept message, or failed as `forgotten`."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Literal

from core.limits import limits_of_row
from core.secrets import MessageCipher, MessageUnreadable
from core.storage.unfinished import Whole
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.errors import MessageTooLarge

logger = logging.getLogger(__name__)


class Resender:
    """Puts forgotten jobs right, one by one, by the policy of the installation.

    Args:
        engine: the queue server.
        cipher: reads the kept messages; without it nothing can be sent again.
        on_forgotten: `resend` sends a job again if its message was kept; `fail` never does.
    """

    def __init__(self, *, engine: Engine, cipher: MessageCipher | None, on_forgotten: str = "resend") -> None:
        self._engine, self._cipher = engine, cipher
        self._resends = on_forgotten == "resend"

    async def resend(self, row: Whole) -> Literal["resent", "failed", "known"]:
        """Send the job of this row again, or fail it; `known` if the queue server knows it after all."""
        job = self._new_job(row) if self._resends else None
        if job is not None:
            try:
                sent = await self._engine.resend(
                    job, attempt=row.attempts, errors=row.errors, deliveries=row.deliveries, was=row.status
                )
            except (ValueError, MessageTooLarge) as error:
                logger.warning("a forgotten job cannot be sent again", extra={"job_id": row.id, "error": str(error)})
            else:
                if sent:
                    logger.warning("a job that the queue server forgot was sent again", extra={"job_id": row.id})
                return "resent" if sent else "known"
        ended = await self._engine.forget(
            row.id, task=row.type, queue=row.queue_name, user_id=row.user_id, attempt=row.attempts, was=row.status
        )
        if ended:
            logger.error("a job that the queue server forgot has failed", extra={"job_id": row.id})
        return "failed" if ended else "known"

    def _new_job(self, row: Whole) -> NewJob | None:
        if row.message is None or self._cipher is None:
            return None
        try:
            message = self._cipher.decrypt(row.id, row.message)
        except MessageUnreadable as error:
            logger.warning("a kept message is unreadable", extra={"job_id": row.id, "error": str(error)})
            return None
        return NewJob(
            id=row.id,
            task=row.type,
            queue=row.queue_name,
            priority=row.priority,
            message=message,
            data=row.data,
            user_id=row.user_id,
            run_at_ms=_milliseconds(row.run_at) if row.run_at and row.status == "scheduled" else None,
            created_at_ms=_milliseconds(row.created_at),
            max_attempts=max(row.max_attempts, 1),
            timeout_s=row.timeout_s,
            max_deliveries=max(row.max_deliveries, 1),
            deduplication_key=row.deduplication_key,
            rate_limit_key=row.rate_limit_key,
            metadata=row.metadata if isinstance(row.metadata, dict) else {},
            **limits_of_row(row.limits),
        )


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
