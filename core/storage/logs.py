"""Queries of table `job_logs`: the lines of one job in the order they were written."""

from __future__ import annotations

from typing import Any

from core.storage.connection import connection
from core.storage.filters import WORD, Parameters
from core.storage.pages import Page, Row, count, make_cursor, read_cursor, wrong_cursor
from core.storage.shapes import from_json, iso

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MOST = 1000

_COLUMNS = "job_id, attempt, line, level, message, context::text AS context, stack_trace, created_at"


async def list_logs(
    job_id: str,
    *,
    attempt: int | None = None,
    level: str | None = None,
    q: str | None = None,
    after: str | None = None,
    limit: int = 200,
) -> Page:
    """Return a page of a job's lines.

    Args:
        job_id: the job.
        attempt: only the lines of this attempt.
        level: only lines of this level and above.
        q: only lines whose message holds all of these words.
        after: the cursor of the page before.
        limit: at most 1,000.

    Raises:
        InvalidInput: for a cursor of something else.
    """
    parameters = Parameters()
    where = _conditions(job_id, attempt, level, q, parameters)
    counted = list(parameters.values)
    seek = ""
    if after:
        numbers = read_cursor(after, 2, field="after")
        if not all(number.isdecimal() and len(number) < 10 for number in numbers):
            raise wrong_cursor("after")
        at, line = map(int, numbers)
        seek = f" AND (attempt, line) > ({parameters.add(at)}::int4, {parameters.add(line)}::int4)"
    limit = max(1, min(limit, MOST))
    async with connection() as lent:
        records = await lent.fetch(
            f"SELECT {_COLUMNS} FROM job_logs WHERE {where}{seek} ORDER BY attempt, line LIMIT {limit + 1}",  # noqa: S608
            *parameters.values,
        )
    more = len(records) > limit
    records = records[:limit]
    total = await count(f"FROM job_logs WHERE {where}", counted, at_least=len(records) + more)
    next_cursor = make_cursor(records[-1]["attempt"], records[-1]["line"]) if more else None
    return Page([_line(record) for record in records], next_cursor, total)


async def tail(job_id: str, limit: int, *, attempt: int | None = None) -> list[Row]:
    """Return the last lines of a job, in order."""
    async with connection() as lent:
        return await tail_by(lent, job_id, limit, attempt=attempt)


async def tail_by(lent: Any, job_id: str, limit: int, *, attempt: int | None = None) -> list[Row]:
    """Do the same on a connection that the caller holds."""
    parameters = Parameters()
    where = _conditions(job_id, attempt, None, None, parameters)
    records = await lent.fetch(
        f"SELECT {_COLUMNS} FROM job_logs WHERE {where} ORDER BY attempt DESC, line DESC LIMIT {max(0, min(limit, MOST))}",  # noqa: S608
        *parameters.values,
    )
    return [_line(record) for record in reversed(records)]


def _conditions(job_id: str, attempt: int | None, level: str | None, q: str | None, parameters: Parameters) -> str:
    found = [f"job_id = {parameters.add(job_id)}::text"]
    if attempt is not None:
        found.append(f"attempt = {parameters.add(attempt)}::int4")
    if level in LEVELS[1:]:
        found.append(f"level = ANY({parameters.add(list(LEVELS[LEVELS.index(level) :]))}::text[])")
    if q and q.strip():
        words = WORD.findall(q)[:20]
        found += [f"message ILIKE {parameters.add(f'%{word}%')}::text" for word in words] or ["false"]
    return " AND ".join(found)


def _line(record: Any) -> Row:
    return {
        "job": record["job_id"],
        "attempt": record["attempt"],
        "line": record["line"],
        "level": record["level"],
        "message": record["message"],
        "context": from_json(record["context"]),
        "stack_trace": record["stack_trace"],
        "at": iso(record["created_at"]),
    }
