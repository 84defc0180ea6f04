"""A job's log lines: pages, and all of them as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

from core.gateway import answers
from core.gateway.endpoint import Endpoints, answer_json, plain
from core.gateway.models import ExportQuery, LogsQuery
from core.gateway.routes.files import disposition
from core.gateway.routes.jobs import ROOT, visible
from core.gateway.services import Context
from core.permissions import Permission
from core.storage.logs import list_logs

logs = Endpoints("logs")

EXPORT_PAGE = 1000
COLUMNS = ("attempt", "line", "at", "level", "message", "context", "stack_trace")
TYPES = {"ndjson": "application/x-ndjson", "txt": "text/plain; charset=utf-8", "csv": "text/csv; charset=utf-8"}

Line = dict[str, Any]


@logs.add(
    "GET",
    f"{ROOT}/{{id}}/logs",
    needs=[Permission.SEE_OWN_JOBS],
    query=LogsQuery,
    answers={200: answers.LogPage},
    problems=[404],
)
async def list_job_logs(context: Context, query: LogsQuery) -> Response:
    """List a job's log lines in order, all attempts or one."""
    job = await visible(context, context.path("id"))
    page = await list_logs(
        job["id"], attempt=query.attempt, level=query.level, q=query.q, after=query.after, limit=query.limit
    )
    return answer_json({"items": page.items, "next_cursor": page.next_cursor, "total": page.total})


@logs.add(
    "GET",
    f"{ROOT}/{{id}}/logs/export",
    needs=[Permission.SEE_OWN_JOBS],
    query=ExportQuery,
    answers={200: None},
    problems=[404],
)
async def export_job_logs(context: Context, query: ExportQuery) -> Response:
    """Answer all log lines as a file: one JSON object a line, plain text, or CSV."""
    job = await visible(context, context.path("id"))
    headers = {"Content-Disposition": disposition(f"{job['id']}.{query.format}")}
    body = _pieces(job["id"], query, _WRITERS[query.format])
    return StreamingResponse(body, 200, headers, TYPES[query.format])


async def _pieces(job_id: str, query: ExportQuery, write: Callable[[list[Line]], str]) -> AsyncIterator[str]:
    if query.format == "csv":
        yield ",".join(COLUMNS) + "\r\n"
    after: str | None = None
    while True:
        page = await list_logs(job_id, attempt=query.attempt, level=query.level, after=after, limit=EXPORT_PAGE)
        if page.items:
            yield write([plain(line) for line in page.items])
        after = page.next_cursor
        if after is None:
            return


def _ndjson(lines: list[Line]) -> str:
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in lines)


def _text(lines: list[Line]) -> str:
    written = []
    for line in lines:
        context = f" {msgspec.json.encode(line['context']).decode()}" if line["context"] else ""
        trace = f"\n{line['stack_trace'].rstrip()}" if line["stack_trace"] else ""
        written.append(f"{line['at']} #{line['attempt']} {line['level']:<7} {line['message']}{context}{trace}\n")
    return "".join(written)


def _csv(lines: list[Line]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for line in lines:
        context = msgspec.json.encode(line["context"]).decode() if line["context"] else ""
        row = line | {"context": context, "stack_trace": line["stack_trace"] or ""}
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> Any:
    # A spreadsheet runs a cell that begins so as a formula (OWASP, CSV injection).
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


_WRITERS: dict[str, Callable[[list[Line]], str]] = {"ndjson": _ndjson, "txt": _text, "csv": _csv}
