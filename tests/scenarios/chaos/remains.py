"""What a run has left in the servers: read from the queue server, the database and the gateway, past all wires."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.embedded.postgres import DATABASE, PORT, ROLE, EmbeddedPostgres
from taskcast.client import Client
from taskcast.client.rest import Page
from taskcast.errors import GatewayError
from taskcast.names import Names
from taskcast.states import FINAL
from tests.scenarios.chaos import app
from tests.scenarios.chaos.evidence import Evidence, Row, Told, Try
from tests.scenarios.system import System

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, RedisError)
ANSWERED_WITHIN_S = 30.0
AGAIN_S = 0.3
OF_JOBS = ("job:", "lane:", "dedup:", "hold:", "concurrency:")
OF_ALL = {"delayed", "holds", "wakes", "paused"}
"""What is empty, and so is not there, once every job has ended and every pause is over."""
UNTOLD = {"job.progressed", "job.logged"}
UNFINISHED = "SELECT count(*) FROM jobs WHERE status NOT IN ('completed', 'failed', 'cancelled')"
COUNTS = "SELECT status, sum(count) AS n FROM job_counts GROUP BY status"
MINUTES = "SELECT sum(completed) AS completed, sum(failed) AS failed, sum(cancelled) AS cancelled FROM job_minutes"


class UnderWay(msgspec.Struct, frozen=True):
    """What is not settled: unfinished rows and records, and how far the database knows."""

    rows: int
    records: int
    recorded: int


async def under_way(system: System) -> UnderWay | None:
    """Return what is not settled; None while a server is away."""
    try:
        async with _database(system) as database:
            rows = int(await database.fetchval(UNFINISHED))
            recorded = int(await database.fetchval("SELECT seq FROM recorder") or 0)
        async with _valkey(system) as valkey:
            records = len([key async for key in valkey.scan_iter(match="*:job:*", count=5000)])
    except AWAY:
        return None
    return UnderWay(rows, records, recorded)


async def gather(system: System, evidence: Evidence) -> None:
    """Add what is left to the evidence."""
    async with _valkey(system) as valkey:
        evidence.stream = [told async for told in _events(valkey)]
        evidence.leftovers = [left async for left in _leftovers(valkey)]
        evidence.results = {job: value async for job, value in _results(valkey)}
    async with _database(system) as database:
        evidence.rows = [_row(record) for record in await database.fetch("SELECT * FROM jobs")]
        evidence.counts = {record["status"]: int(record["n"]) for record in await database.fetch(COUNTS)}
        tries = await database.fetch("SELECT job_id, attempt, state FROM job_attempts")
        evidence.tries = [Try(*record) for record in tries]
        (minutes,) = await database.fetch(MINUTES)
        evidence.minutes = {state: int(count or 0) for state, count in minutes.items()}
        pauses = await database.fetch("SELECT key FROM pauses")
        evidence.leftovers += [f"a pause in the database: {record['key']}" for record in pauses]
    async with system.client() as client:
        evidence.gateway = await _listed(client)


@asynccontextmanager
async def _database(system: System) -> AsyncIterator[Any]:
    sockets = EmbeddedPostgres(system.folder / "data").sockets
    connection = await asyncpg.connect(host=str(sockets), port=PORT, user=ROLE, database=DATABASE, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


@asynccontextmanager
async def _valkey(system: System) -> AsyncIterator[Redis]:
    client = Redis.from_url(system.redis_url, socket_timeout=10)
    try:
        yield client
    finally:
        await client.aclose()


async def _events(valkey: Redis) -> AsyncIterator[Told]:
    after = "-"
    while entries := await valkey.xrange(Names().events, min=after, max="+", count=1000):
        for _, fields in entries:
            for line in fields[b"e"].splitlines():
                for told in _told(json.loads(line)):
                    yield told
        after = "(" + entries[-1][0].decode()


def _told(event: dict[str, Any]) -> Iterator[Told]:
    data = event["data"]
    arguments = data.get("data")
    if not event["type"].startswith(("job.", "queue.")) or event["type"] in UNTOLD:
        return
    yield Told(
        seq=event["seq"],
        type=event["type"],
        job=event.get("job", ""),
        attempt=event.get("attempt", 0),
        queue=event.get("queue") or data.get("queue"),
        task=event.get("task") or data.get("task"),
        was=event.get("was"),
        state=event.get("state"),
        number=arguments.get("number") if isinstance(arguments, dict) else None,
        reason=data.get("reason"),
        final_reason=data.get("final_reason"),
    )


async def _results(valkey: Redis) -> AsyncIterator[tuple[str, int | None]]:
    """What `wait_result()` would find, by job."""
    prefix = f"{Names().result_prefix()}:"
    async for key in valkey.scan_iter(match="*:result:*", count=5000):
        kept = json.loads(await valkey.get(key))
        yield key.decode().removeprefix(prefix), kept["return_value"]


async def _leftovers(valkey: Redis) -> AsyncIterator[str]:
    """Yield what the engine still holds though every job has ended."""
    tag = Names().tag
    async for key in valkey.scan_iter(match="*", count=5000):
        name = key.decode().removeprefix(tag)
        if name.startswith(OF_JOBS) or name in OF_ALL:
            yield name
        elif name.startswith("held:"):
            for field in await valkey.hkeys(key):
                if field[:1] not in b"#!@":
                    yield f"{name} {field.decode()}"
        elif name == "counts":
            for field, count in (await valkey.hgetall(key)).items():
                if int(count):
                    yield f"counts {field.decode()} {count.decode()}"


def _row(record: Any) -> Row:
    arguments = json.loads(record["data"] or "null")
    ended = record[f"{record['status']}_at"] if record["status"] in FINAL else None
    return Row(
        job=record["id"],
        number=arguments.get("number", 0) if isinstance(arguments, dict) else 0,
        status=record["status"],
        attempts=record["attempts"],
        errors=record["errors"],
        deliveries=record["deliveries"],
        final_reason=record["final_reason"],
        created_ms=round(record["created_at"].timestamp() * 1000),
        ended_ms=round(ended.timestamp() * 1000) if ended else None,
        key=record["deduplication_key"],
        result=json.loads(record["result"] or "null"),
    )


async def _listed(client: Client) -> dict[str, str]:
    """Return the status of every job as the gateway lists it."""
    listed: dict[str, str] = {}
    cursor: str | None = None
    while True:
        page = await _page(client, cursor)
        listed |= {row["id"]: row["status"] for row in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return listed


async def _page(client: Client, cursor: str | None) -> Page:
    until = time.monotonic() + ANSWERED_WITHIN_S
    while True:
        try:
            return await client.jobs(queue=[app.QUEUE, app.PAUSED_QUEUE], limit=200, cursor=cursor)
        except GatewayError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(AGAIN_S)
