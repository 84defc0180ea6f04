"""The sample banks at work: every few seconds a statement comes in and becomes a job, and what is old is thrown away."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from uuid import UUID

from core.storage.connection import transaction
from core.storage.files import FileStore, delete_file, old_files, save_upload
from taskcast import JobBroker
from taskcast.ending import end
from workers.household.statements import SampleStatement, SampleStatements

logger = logging.getLogger(__name__)

TASK = "TRANSACTION_IMPORT"
CONTENT_TYPE = "text/csv; sample=household"
EPOCH_S = 1_704_067_200  # 2024-01-01
SECONDS_PER_NUMBER = 3  # no more than the mean pause: who runs ahead of the clock delivers twice after a restart
PAUSE_S = (2.0, 5.0)
QUEUE_FULL = 12
KEEP_S = 3600.0
PRUNE_EVERY_S = 60.0
PRUNED_AT_ONCE = 200
LONGEST_BACKOFF_S = 30.0


class Deliveries:
    """Delivers sample statements until it is stopped.

    Statements are numbered by the clock, so that a restart goes on where time has gone on, and nothing is stored for it.
    A day of it keeps no more than an hour's files and bookings; while a dozen imports wait, the banks wait too.
    """

    def __init__(
        self,
        *,
        broker: JobBroker,
        store: FileStore,
        statements: SampleStatements | None = None,
        pause_s: tuple[float, float] = PAUSE_S,
        keep_s: float = KEEP_S,
        queue_full: int = QUEUE_FULL,
    ) -> None:
        self._broker, self._store = broker, store
        self._statements = statements or SampleStatements()
        self._pause_s, self._keep_s, self._queue_full = pause_s, keep_s, queue_full
        self._rng = Random()
        self._task: asyncio.Task[None] | None = None
        self._last_number = 0
        self._pruned_at = 0.0

    async def start(self) -> None:
        """Begin to deliver."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name="household-deliveries")

    async def stop(self) -> None:
        """Deliver no more; stopping twice is fine."""
        task, self._task = self._task, None
        await end(task)

    async def __aenter__(self) -> Deliveries:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def deliver(self, statement: SampleStatement) -> str:
        """Store a statement as its bank delivers it, enqueue its import, and return the job's id."""
        stored = await save_upload(
            self._store,
            statement.contents,
            name=statement.name,
            user_id=statement.account.person,
            content_type=CONTENT_TYPE,
        )
        job = await self._broker.enqueue(
            TASK,
            kwargs={"file": stored.id, "pace_lines_per_s": statement.lines_per_s},
            user_id=statement.account.person,
            priority=statement.priority,
            metadata={"bank": statement.account.bank, "sample": statement.kind.value},
        )
        return job.id

    async def prune(self) -> int:
        """Delete files delivered longer ago than an hour, with the bookings they brought; return how many files."""
        before = datetime.now(UTC) - timedelta(seconds=self._keep_s)
        old = await old_files(content_type=CONTENT_TYPE, before=before, limit=PRUNED_AT_ONCE)
        for stored in old:
            async with transaction() as connection:
                await connection.execute(
                    """DELETE FROM transactions
                       WHERE statement_id IN (SELECT id FROM statements WHERE file_id = $1)""",
                    UUID(stored.id),
                )
                await connection.execute("DELETE FROM statements WHERE file_id = $1", UUID(stored.id))
            await delete_file(self._store, stored.id)
        return len(old)

    async def _loop(self) -> None:
        backoff = 1.0
        while True:
            try:
                await self._once()
                backoff = 1.0
                await asyncio.sleep(self._rng.uniform(*self._pause_s))
            except Exception:
                logger.exception("a sample statement could not be delivered")
                await asyncio.sleep(backoff * self._rng.uniform(0.5, 1.0))
                backoff = min(LONGEST_BACKOFF_S, backoff * 2)

    async def _once(self) -> None:
        if time.monotonic() - self._pruned_at > PRUNE_EVERY_S:
            self._pruned_at = time.monotonic()
            await self.prune()
        if await self._waiting() >= self._queue_full:
            return
        self._last_number = max(self._last_number + 1, int(time.time() - EPOCH_S) // SECONDS_PER_NUMBER)
        statement = await asyncio.to_thread(self._statements.statement, self._last_number)
        job_id = await self.deliver(statement)
        logger.debug(
            "sample statement delivered",
            extra={"job_id": job_id, "file": statement.name, "kind": statement.kind.value, "lines": statement.lines},
        )

    async def _waiting(self) -> int:
        queues = await self._broker.engine.queues()
        return sum(sum(queue.waiting.values()) + queue.running for queue in queues if queue.name == "imports")
