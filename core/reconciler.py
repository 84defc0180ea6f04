"""The reconciler: compares unfinished rows with the queue server, and puts right what a server that forgot left behind.

It runs when the recorder starts, after a rollback or a hole, and every five minutes for rows unchanged for a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import msgspec
from redis.exceptions import RedisError

from core.loops import Loop
from core.recorder.apply import apply_aside
from core.recorder.decoding import Heard
from core.recorder.recorder import Recorder
from core.resender import Resender
from core.storage.connection import DatabaseAway
from core.storage.pauses import Pause, list_pauses, pause_of
from core.storage.unfinished import Seen, Whole, ended_rows, still_unfinished, unfinished_rows
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import LiveJob
from taskcast.errors import EngineFull, EngineUnavailable
from taskcast.states import FINAL

logger = logging.getLogger(__name__)

EVERY_S = 300.0
UNCHANGED_S = 60.0
PAGE = 500
AT_ONCE = 20
_TIME = "local time = redis.call('TIME') return time[1] .. string.format('%03d', math.floor(time[2] / 1000))"


class Reconciler(Loop):
    """Compares the tables with the queue server.

    Args:
        engine: the queue server.
        recorder: whose position says what the tables know; it also asks for rounds.
        resender: what becomes of jobs that the queue server forgot.
        every_s: seconds between rounds.
        unchanged_s: rows that changed within so many seconds are left alone by the rounds in between.
    """

    name = "reconciler"
    away = (EngineUnavailable, EngineFull, RedisError, *DatabaseAway)
    first_pause_s = 1.0
    longest_pause_s = 10.0

    def __init__(
        self,
        *,
        engine: Engine,
        recorder: Recorder,
        resender: Resender,
        every_s: float = EVERY_S,
        unchanged_s: float = UNCHANGED_S,
    ) -> None:
        super().__init__()
        self.counted: Counter[str] = Counter()
        self._engine, self._recorder, self._resender = engine, recorder, resender
        self._every_s, self._unchanged_s = every_s, unchanged_s
        self._first = True

    async def reconcile(self, *, everything: bool = True, back_to: int | None = None, compare: bool = False) -> None:
        """Do one round.

        Args:
            everything: look at all unfinished rows, not only at those unchanged for a while.
            back_to: the queue server forgot what came after this seq: drop its records of jobs that ended since.
            compare: look into the records too, not only whether there are any.
        """
        await self._pauses(back_to=back_to, hole=compare and back_to is None)
        if back_to is not None:
            await self._drop_ended(back_to)
        up_to = None if everything else await self._seq() - int(self._unchanged_s * 1_000_000)
        async for page in self._pages(up_to):
            await self._reconcile_page(page, compare=compare)

    async def _step(self) -> None:
        await self._round(first=self._first)
        self._first = False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._recorder.reconcile_wanted.wait(), self._every_s * random.uniform(0.9, 1.1))

    async def _round(self, *, first: bool) -> None:
        """Do the round that is due; one that fails is due again."""
        recorder = self._recorder
        wanted, back_to = recorder.reconcile_wanted.is_set(), recorder.rolled_back_to
        recorder.reconcile_wanted.clear()
        recorder.rolled_back_to = None
        try:
            await self.reconcile(everything=first or wanted, back_to=back_to, compare=wanted)
        except BaseException:
            if wanted:
                recorder.reconcile_wanted.set()
                recorder.rolled_back_to = back_to
            raise

    async def _pages(self, up_to: int | None) -> AsyncIterator[list[Seen]]:
        after = ""
        while page := await unfinished_rows(after=after, up_to_seq=up_to, limit=PAGE):
            yield page
            after = page[-1].id

    async def _seq(self) -> int:
        return int(await self._engine.redis.get(self._engine.names.seq) or 0)

    async def _time_ms(self) -> int:
        return int(await self._engine.redis.eval(_TIME, 1, self._engine.names.seq))

    async def _pauses(self, *, back_to: int | None, hole: bool) -> None:
        """Have the same queues and tasks paused here and there.

        A server that was set back gets the pauses it forgot, and loses those that were over since; where events were
        lost it is the server that knows. People pause and resume meanwhile, for as long as the recorder takes to come
        to where the server was asked: what changed since then is told by its own events.
        """
        asked_ms = await self._time_ms()
        paused = await self._engine.paused()
        await self._recorder.reached(await self._seq())
        known = await list_pauses()
        still = await self._engine.paused()
        for key in known.keys() - paused.keys():
            pause = known[key]
            if round(pause.at.timestamp() * 1000) >= asked_ms:
                continue
            if hole or (pause.until is not None and pause.until <= datetime.now(UTC)):
                await self._tell_pause("queue.resumed", pause)
                continue
            await self._engine.pause(
                queue=pause.queue,
                task=pause.task,
                by=pause.by,
                reason=pause.reason,
                until_ms=_milliseconds(pause.until),
            )
            self.counted["paused"] += 1
            logger.warning("a pause that the queue server forgot was put back", extra={"paused": key})
        for key in paused.keys() - known.keys():
            if key not in still or still[key].at_ms != paused[key].at_ms:
                continue
            pause = pause_of(key, paused[key])
            if back_to is not None and paused[key].at_ms * 1000 <= back_to:
                await self._engine.resume(queue=pause.queue, task=pause.task, reason="reconciled")
                self.counted["resumed"] += 1
                logger.warning(
                    "a pause that was over came back with the server's memory; resumed", extra={"paused": key}
                )
            else:
                await self._tell_pause("queue.paused", pause)
                if key not in await self._engine.paused():  # resumed in this very moment, and that was told before
                    await self._tell_pause("queue.resumed", pause)

    async def _tell_pause(self, kind: str, pause: Pause) -> None:
        data = {"queue": pause.queue, "task": pause.task, "by": pause.by, "reason": pause.reason, "until": pause.until}
        await self._engine.tell([(kind, b"", msgspec.json.encode(data))])

    async def _reconcile_page(self, page: Sequence[Seen], *, compare: bool) -> None:
        known = await self._engine.known([row.id for row in page])
        unknown = [row.id for row in page if known[row.id] is None]
        doubtful = [row.id for row in page if known[row.id] == "tombstone" or (compare and known[row.id])]
        if not unknown and not doubtful:
            return
        # What the server told before we asked must be in the tables before we judge: its end may be on its way.
        asked_at = await self._seq()
        await self._recorder.reached(asked_at)
        for row in await still_unfinished(unknown, up_to_seq=asked_at):
            self.counted[await self._resender.resend(row)] += 1
        rows = await still_unfinished(doubtful, up_to_seq=asked_at)
        for start in range(0, len(rows), AT_ONCE):
            await asyncio.gather(*(self._compare(row) for row in rows[start : start + AT_ONCE]))

    async def _compare(self, row: Whole) -> None:
        """Set a row to what the queue server knows, where events between the two were lost."""
        live = await self._engine.job(row.id)
        event = _what_is_true(row, live) if live else None
        if event is not None and await apply_aside(event, row.seq, self._recorder.counted):
            self.counted["repaired"] += 1
            logger.warning("a job's row was behind and was repaired", extra={"job_id": row.id, "state": event.state})

    async def _drop_ended(self, back_to: int) -> None:
        """Drop the records of jobs that ended after the moment the queue server was set back to."""
        after = ""
        while page := await ended_rows(after=after, since_seq=back_to, limit=PAGE):
            known = await self._engine.known([row.id for row in page])
            for row in page:
                if known[row.id] == "record" and await self._engine.drop(row.id, seq=row.seq, state=row.status):
                    self.counted["dropped"] += 1
                    logger.warning("an ended job came back with the server's memory; dropped", extra={"job_id": row.id})
            after = page[-1].id


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def _what_is_true(row: Whole, live: LiveJob) -> Heard | None:
    """Return, as an event, what the queue server knows and the row does not."""
    if live.state is None:
        tomb = live.tombstone
        if tomb is None or tomb.state not in FINAL or tomb.seq <= row.seq:
            return None
        state, attempt, seq, kind, data = tomb.state, tomb.attempt, tomb.seq, f"job.{tomb.state}", {}
    elif (live.state, live.attempt) == (row.status, row.attempts):
        return None
    else:
        state, attempt = live.state, live.attempt
        # A record older than its row: the server was set back, and what it remembers is what will happen.
        seq = live.seq if live.seq > row.seq else row.seq + 1
        kind = "job.started" if state == "running" else f"job.{state}"
        data = (live.row if isinstance(live.row, dict) else {}) | {"reason": "reconciled"}
        data |= {"worker": live.worker, "errors": live.errors, "waited_ms": None}
    return Heard(
        type=kind,
        seq=seq,
        job=row.id,
        task=row.type,
        queue=row.queue_name,
        user=row.user_id,
        attempt=attempt,
        was=None,
        state=state,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )
