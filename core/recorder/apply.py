"""Applying batches: one transaction that moves the recorder's position and writes what the events say, or nothing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import msgspec

from core.recorder.decoding import NULL, Heard, Unreadable, read
from core.recorder.fold import Fold
from core.recorder.store import load, store
from core.secrets import MessageCipher
from core.storage.connection import transaction
from taskcast.feed import Batch

logger = logging.getLogger(__name__)

POISON = (
    asyncpg.DataError,
    asyncpg.exceptions.ProgramLimitExceededError,
    asyncpg.IntegrityConstraintViolationError,
    ValueError,  # with it asyncpg's own complaints about arguments
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)
"""What one bad event among good ones raises, here or in PostgreSQL."""


class Outrun(Exception):
    """Another recorder has moved the position meanwhile; nothing was written."""


class Piece(msgspec.Struct):
    """One event to apply, with the job's encrypted message where it came with one."""

    event: Heard
    message: bytes | None = None


async def read_position() -> int:
    """Return the seq up to which the events are in the tables."""
    async with transaction() as connection:
        seq = await connection.fetchval("SELECT seq FROM recorder WHERE id = 1")
        if seq is None:
            await connection.execute(
                "INSERT INTO recorder (id, seq, updated_at) VALUES (1, 0, now()) ON CONFLICT DO NOTHING"
            )
        return int(seq or 0)


async def apply(batches: Sequence[Batch], position: int, cipher: MessageCipher | None, counted: Counter[str]) -> int:
    """Apply batches on top of `position`; return the new position.

    Events at or below the position have been applied before and are left out. Events of one call are put in order.

    Raises:
        Outrun: the position in the table is another one.
    """
    pieces, last = _pieces(batches, position, cipher, counted)
    if last <= position:
        return position
    async with transaction() as connection:
        await _move(connection, position, last)
        happened: Counter[str] = Counter()
        await _apply(connection, pieces, happened)
    counted.update(happened)
    return last


async def skip_to(position: int, last: int) -> int:
    """Move the position over events that no stream holds any more; returns the new position.

    Raises:
        Outrun: the position in the table is another one.
    """
    if last <= position:
        return position
    async with transaction() as connection:
        await _move(connection, position, last)
    return last


async def apply_aside(event: Heard, seen_seq: int, counted: Counter[str]) -> bool:
    """Apply an event that no stream holds, if its job's row is still at `seen_seq`: a repair of the reconciler."""
    async with transaction() as connection:
        await connection.execute("SELECT seq FROM recorder WHERE id = 1 FOR UPDATE")
        if await connection.fetchval("SELECT seq FROM jobs WHERE id = $1", event.job) != seen_seq:
            return False
        await _apply(connection, [Piece(event)], counted)
        return True


async def _move(connection: Any, position: int, last: int) -> None:
    """Move the position, unless another recorder has moved it meanwhile."""
    moved = await connection.execute(
        "UPDATE recorder SET seq = $2, updated_at = now() WHERE id = 1 AND seq = $1", position, last
    )
    if moved != "UPDATE 1":
        raise Outrun


def _pieces(
    batches: Iterable[Batch], position: int, cipher: MessageCipher | None, counted: Counter[str]
) -> tuple[list[Piece], int]:
    pieces: dict[int, Piece] = {}
    last = position
    for batch in batches:
        if batch.last <= position:
            continue
        last = max(last, batch.last)
        for line in batch.lines:
            try:
                event = read(line)
            except Unreadable as error:
                counted["poison"] += 1
                logger.error("an event is unreadable and was skipped", extra={"error": str(error), "head": line[:200]})
                continue
            if event.seq <= position or event.seq in pieces:
                counted["repeated"] += 1
                continue
            message = None
            if cipher and event.job and event.type in {"job.queued", "job.scheduled"} and event.job in batch.messages:
                message = cipher.encrypt(event.job, batch.messages[event.job])
            pieces[event.seq] = Piece(event, message)
    ordered = [pieces[seq] for seq in sorted(pieces)]
    return ordered, max(last, ordered[-1].event.seq if ordered else 0)


async def _apply(connection: Any, pieces: Sequence[Piece], counted: Counter[str]) -> None:
    """Write these events; where that fails, find the bad one by halving, and write it without what it carries."""
    if not pieces:
        return
    try:
        async with connection.transaction():
            fold = await _fold(connection, pieces)
            await store(connection, fold.rows.values(), fold.changes)
        counted["applied"] += len(pieces)
        counted.update(fold.changes.counted)
    except POISON as error:
        if len(pieces) > 1:
            middle = len(pieces) // 2
            await _apply(connection, pieces[:middle], counted)
            await _apply(connection, pieces[middle:], counted)
            return
        await _apply_poison(connection, pieces[0], error, counted)


async def _fold(connection: Any, pieces: Sequence[Piece]) -> Fold:
    jobs = {piece.event.job for piece in pieces if piece.event.job and piece.event.type.startswith("job.")}
    fold = Fold(await load(connection, jobs) if jobs else ())
    for piece in pieces:
        fold.hear(piece.event, piece.message)
    return fold


async def _apply_poison(connection: Any, piece: Piece, error: Exception, counted: Counter[str]) -> None:
    """Apply the event's head alone, so that the job's state is right although its data could not be kept."""
    event = piece.event
    facts = {"type": event.type, "seq": event.seq, "job_id": event.job, "error": f"{type(error).__name__}: {error}"}
    counted["poison"] += 1
    if not event.type.startswith("job.") or event.data is NULL:
        logger.error("an event could not be applied and was skipped", extra=facts)
        return
    try:
        async with connection.transaction():
            fold = await _fold(connection, [Piece(msgspec.structs.replace(event, data=NULL), piece.message)])
            await store(connection, fold.rows.values(), fold.changes)
    except POISON as again:
        logger.error("an event could not be applied and was skipped", extra=facts | {"again": str(again)})
    else:
        logger.error("an event's data could not be stored; its move was", extra=facts)
