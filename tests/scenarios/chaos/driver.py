"""Runs a plan against a system of real processes: sends, cancels, retries, makes trouble, and gathers what is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
from redis.asyncio import Redis

from core.embedded.postgres import DATABASE, ROLE, EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from taskcast.broker import JobBroker
from taskcast.client import Client
from taskcast.errors import EngineUnavailable, GatewayError
from taskcast.ids import new_id
from taskcast.names import Names
from taskcast.states import FINAL, JobState
from tests.scenarios.chaos import app
from tests.scenarios.chaos.evidence import Cancelled, Crash, Evidence, Retried, Row, Sent, Told, Try
from tests.scenarios.chaos.ledger import PART, Ledger
from tests.scenarios.chaos.listener import Listener
from tests.scenarios.chaos.parts import SERVERS, Parts
from tests.scenarios.chaos.plan import WORKERS, Order, Pause, Plan, Trouble
from tests.scenarios.chaos.wire import Wire, Wires
from tests.scenarios.system import System, free_port, running_system

SLOTS = 16
PATIENCE_S = 60.0
"""Jobs that nothing happens to for so long, with everything mended, are stuck."""
SETTLED_WITHIN_S = 240.0
SERVER_ENDS_S = 10.0
"""What a server has for its end; a supervisor would wait longer."""
AGAIN_S = 0.3
UNFINISHED = "SELECT count(*) FROM jobs WHERE status NOT IN ('completed', 'failed', 'cancelled')"

Ask = Callable[[], Awaitable[Any]]
MINUTES = "SELECT sum(completed) AS completed, sum(failed) AS failed, sum(cancelled) AS cancelled FROM job_minutes"


async def run_plan(plan: Plan) -> Evidence:
    """Start a whole system, let the plan happen to it, wait until it has settled, and return the evidence."""
    with _wired_system() as (system, wires):
        driver = Driver(plan, system, wires)
        try:
            return await driver.run()
        finally:
            driver.parts.go_on_all()
            await asyncio.to_thread(system.stop)
            driver.evidence.survivors = driver.parts.kill_leftovers()


@contextmanager
def _wired_system() -> Iterator[tuple[System, Wires]]:
    """A system whose processes reach each other through wires."""
    ports: dict[str, int] = {"gateway": free_port()}
    folder: list[Path] = []

    def valkey() -> str:
        return str(EmbeddedValkey(folder[0]).socket)

    def postgres() -> str:
        return str(EmbeddedPostgres(folder[0]).sockets / ".s.PGSQL.5432")

    upstreams: dict[str, Callable[[], str | int]] = {
        **{f"{name}-valkey": valkey for name in (*WORKERS, "recorder", "gateway", "sender")},
        **{f"{name}-postgres": postgres for name in ("recorder", "gateway")},
        "client-gateway": lambda: ports["gateway"],
    }
    with Wires(upstreams) as wires:

        def prepare(system: System) -> None:
            folder.append(system.folder / "data")
            ports["gateway"] = system.gateway_port
            procfile = system.folder / "Procfile"
            procfile.write_text(_procfile(wires, system.dashboard_port))
            system.environment["TASKCAST_PROCFILE"] = str(procfile)

        with running_system(prepare=prepare) as system:
            yield system, wires


def _procfile(wires: Wires, dashboard_port: int) -> str:
    def redis(name: str) -> str:
        return f"env {PART}={name} TASKCAST_REDIS_URL=redis://127.0.0.1:{wires.port(f'{name}-valkey')}/0"

    def database(name: str) -> str:
        return f"TASKCAST_DATABASE_URL=asyncpg://{ROLE}@127.0.0.1:{wires.port(f'{name}-postgres')}/{DATABASE}"

    worker = (
        f"taskiq worker tests.scenarios.chaos.app:broker --receiver taskcast:JobReceiver --workers 1"
        f" --max-async-tasks {SLOTS} --log-level WARNING"
    )
    lines = [
        *(f"{name}: {redis(name)} {database(name)} python -m core.{name}" for name in ("gateway", "recorder")),
        f"worker1: {redis('worker1')} {worker}",
        # This one gives back what runs when it is asked to end; the other waits for it.
        f"worker2: {redis('worker2')} {worker} --wait-tasks-timeout 2",
        # `up` waits until something answers on the dashboard's port.
        f"dashboard: python -m http.server --bind 127.0.0.1 {dashboard_port}",
    ]
    return "\n".join(lines) + "\n"


class Driver:
    """One run; times are seconds of the machine's monotonic clock."""

    def __init__(self, plan: Plan, system: System, wires: Wires) -> None:
        self.plan, self.evidence = plan, Evidence(plan=plan)
        self.parts = Parts(system)
        self._system, self._wires = system, wires
        self._ledger = Ledger(system.ledger_path)
        self._began_numbers: set[int] = set()
        self._mended = False
        self._began = 0.0
        self._broker = JobBroker(
            f"redis://127.0.0.1:{wires.port('sender-valkey')}/0", lease_s=app.LEASE_S, keep_results=True
        )

    async def run(self) -> Evidence:
        """Let it all happen."""
        token = (self._system.folder / "data/cli-token").read_text().strip()
        wired = f"http://127.0.0.1:{self._wires.port('client-gateway')}"
        async with Client(wired, token=token) as client, Listener(client) as listener:
            self._client = client
            self._began = time.monotonic()
            reader, people = asyncio.create_task(self._read_ledger()), asyncio.create_task(self._do_what_people_do())
            try:
                await self._make_all_trouble()
                await self._settle(listener, people)
                self.evidence.listener_error = listener.error
                self.evidence.unanswered = not people.done()
                if people.done():
                    people.result()
            finally:
                for task in (reader, people):
                    task.cancel()
                await asyncio.gather(reader, people, return_exceptions=True)
                await self._broker.shutdown()
            self.evidence.spans = listener.spans
        await self._gather()
        return self.evidence

    async def _do_what_people_do(self) -> None:
        await asyncio.gather(self._send_all(), *(self._pause(pause) for pause in self.plan.pauses))

    async def _pause(self, pause: Pause) -> None:
        await self._until(pause.at)
        begin, finish = self._ways_to_pause(pause)
        await _insisting(begin)
        await asyncio.sleep(pause.seconds)
        await _insisting(finish)

    def _ways_to_pause(self, pause: Pause) -> tuple[Ask, Ask]:
        engine, client = self._broker.engine, self._client
        if pause.via == "broker":
            names = {"queue": pause.queue, "task": pause.task}
            return lambda: engine.pause(**names, by="chaos"), lambda: engine.resume(**names, by="chaos")
        if pause.queue is not None:
            return lambda: client.pause_queue(pause.queue), lambda: client.resume_queue(pause.queue)
        return lambda: client.pause_task(pause.task), lambda: client.resume_task(pause.task)

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self._began + at - time.monotonic()))

    async def _read_ledger(self) -> None:
        while True:
            self._began_numbers |= {entry.number for entry in self._ledger.read() if entry.word == "begin"}
            await asyncio.sleep(0.02)

    # Sending

    async def _send_all(self) -> None:
        singles = [order for order in self.plan.orders if not order.batch]
        batches = sorted((order for order in self.plan.orders if order.batch), key=lambda order: order.batch)
        await asyncio.gather(
            *(self._order(order) for order in singles),
            *(self._batch(list(batch)) for _, batch in groupby(batches, key=lambda order: order.batch)),
        )

    async def _batch(self, orders: list[Order]) -> None:
        await self._until(orders[0].at)
        sent = [Sent(number=order.number, tries=1, sent_at=time.monotonic()) for order in orders]
        self.evidence.sent += sent
        with contextlib.suppress(EngineUnavailable):
            jobs = await self._broker.enqueue_many(
                orders[0].task, [dict(order.arguments) for order in orders], queue=app.QUEUE, max_deliveries=app.OFTEN
            )
            for one, job in zip(sent, jobs, strict=True):
                one.outcome, one.job, one.answered_at = "accepted", job.id, time.monotonic()

    async def _order(self, order: Order) -> None:
        await self._until(order.at)
        sent = Sent(number=order.number, sent_at=time.monotonic())
        self.evidence.sent.append(sent)
        await (self._send_by_gateway if order.via == "gateway" else self._send_by_broker)(order, sent)
        if sent.outcome != "accepted" or sent.job is None:
            return
        if order.cancel_after is not None:
            await self._cancel(order, sent.job)
        if order.retry:
            await self._retry(order, sent.job)

    async def _send_by_broker(self, order: Order, sent: Sent) -> None:
        job_id = new_id()
        task = self._broker.find_task(order.task) or getattr(app, order.task)
        while True:
            sent.tries += 1
            try:
                job = await self._broker.enqueue(
                    task,
                    kwargs=dict(order.arguments),
                    job_id=job_id,
                    priority=order.priority,
                    delay_s=order.delay_s,
                    dedup_key=order.dedup_key,
                )
            except EngineUnavailable as error:
                sent.note = str(error)
                if not order.insist:
                    return
                continue
            sent.outcome = "duplicate" if job.outcome == "duplicate" else "accepted"
            sent.job, sent.answered_at = job.id, time.monotonic()
            return

    async def _send_by_gateway(self, order: Order, sent: Sent) -> None:
        sent.tries = 1
        try:
            row = await self._client.enqueue(
                order.task,
                dict(order.arguments),
                priority=order.priority,
                delay_s=order.delay_s,
                dedup_key=order.dedup_key,
            )
        except GatewayError as error:
            sent.outcome = "unknown" if error.status in {0, 429} or error.status >= 500 else "refused"
            sent.note = f"{error.status} {error.code} {error}"
            return
        sent.job, sent.answered_at = row["id"], time.monotonic()
        sent.outcome = "accepted" if (row["data"] or {}).get("number") == order.number else "duplicate"

    async def _cancel(self, order: Order, job: str) -> None:
        assert order.cancel_after is not None
        if order.kind == "cancel_running":
            while order.number not in self._began_numbers and not self._mended:
                await asyncio.sleep(0.02)
        await asyncio.sleep(order.cancel_after)
        cancelled = Cancelled(number=order.number, job=job)
        self.evidence.cancels.append(cancelled)
        while True:
            cancelled.tries += 1
            try:
                if order.cancel_via == "gateway":
                    row = await self._client.cancel(job, reason="chaos")
                    cancelled.answer = "cancelled" if row["status"] == JobState.CANCELLED else "requested"
                else:
                    cancelled.answer = await self._broker.engine.cancel(job, by="chaos", reason="chaos")
            except EngineUnavailable:
                continue
            except GatewayError as error:
                if error.code == "already_final":
                    cancelled.answer = "final"
                elif error.status == 404:
                    cancelled.answer = "unknown"
                else:
                    await asyncio.sleep(AGAIN_S)
                    continue
            cancelled.answered_at = time.monotonic()
            return

    async def _retry(self, order: Order, job: str) -> None:
        attempt = await self._ended_attempt(job)
        retried = Retried(number=order.number, job=job)
        self.evidence.retries.append(retried)
        arguments: dict[str, Any] | None = {"outcome": "completed"} if order.kind == "repaired" else None
        while True:
            try:
                await self._client.retry(job, after_attempt=attempt, arguments=arguments)
                retried.answers.append("accepted")
            except GatewayError as error:
                retried.answers.append(error.code)
                if error.status != 409:
                    await asyncio.sleep(AGAIN_S)
                    continue
                # One of our own that was not answered came before it, or else it is wrong.
            retried.done = True
            return

    async def _ended_attempt(self, job: str) -> int:
        """Wait for the end of a job and return its attempt."""
        while True:
            with contextlib.suppress(GatewayError):
                row = await self._client.job(job)
                if JobState(row["status"]) in FINAL:
                    return int(row["attempt"])
            await asyncio.sleep(AGAIN_S)

    # Trouble

    async def _make_all_trouble(self) -> None:
        await asyncio.gather(*(self._make(trouble) for trouble in self.plan.troubles))
        await self._until(self.plan.seconds)
        self.parts.go_on_all()
        self._wires.mend_all()
        self._mended = True

    async def _make(self, trouble: Trouble) -> None:
        await self._until(trouble.at)
        crash = Crash(what=trouble.what, target=trouble.target, began=time.monotonic())
        self.evidence.crashes.append(crash)
        if trouble.what in {"cut", "refuse", "stall_up", "stall_down", "halve"}:
            await self._make_on_wire(trouble)
        else:
            crash.pids = await asyncio.to_thread(self.parts.chosen, trouble.target, trouble.what)
            await self._make_on_process(trouble, crash.pids)
        crash.ended = time.monotonic()
        if trouble.what == "restart" and trouble.target in SERVERS:
            await self._see_to_the_end_of(trouble.target, crash.pids[:1])

    async def _make_on_wire(self, trouble: Trouble) -> None:
        does: dict[str, Callable[[Wire], None]] = {
            "cut": Wire.cut,
            "refuse": Wire.refuse,
            "stall_up": lambda wire: wire.stall("up"),
            "stall_down": lambda wire: wire.stall("down"),
            "halve": Wire.halve,
        }
        self._wires.do(trouble.target, does[trouble.what])
        await asyncio.sleep(trouble.seconds)
        self._wires.do(trouble.target, Wire.mend)

    async def _make_on_process(self, trouble: Trouble, pids: list[int]) -> None:
        if trouble.what == "stop":
            self.parts.stop(pids)
            await asyncio.sleep(trouble.seconds)
            self.parts.go_on(pids)
        elif trouble.what == "restart":
            self.parts.end(pids[:1], fast=trouble.target == "postgres")
        else:
            self.parts.kill(pids)

    async def _see_to_the_end_of(self, server: str, pids: list[int]) -> None:
        """Kill a server that was asked to end and does not: PostgreSQL 18 may hang if it was recovering from a crash."""
        await asyncio.sleep(SERVER_ENDS_S)
        left = await asyncio.to_thread(self.parts.pids, server)
        if left[:1] == pids:
            self.parts.kill(left)

    # The end

    async def _settle(self, listener: Listener, people: asyncio.Task[None]) -> None:
        """Wait until nothing is under way any more; give up when nothing has moved for a long time."""
        before: object = None
        moved_at = began = time.monotonic()
        while time.monotonic() - moved_at < PATIENCE_S and time.monotonic() - began < SETTLED_WITHIN_S:
            now = await self._under_way(listener)
            if now == (0, 0, 0, True) and people.done():
                return
            seen = (now, len(self._ledger.entries))
            if seen != before:
                before, moved_at = seen, time.monotonic()
            await asyncio.sleep(0.5)

    async def _under_way(self, listener: Listener) -> tuple[int, ...] | None:
        """Return unfinished rows, unfinished records, events not recorded, and whether the listener knows it all."""
        try:
            async with self._database() as database:
                rows = int(await database.fetchval(UNFINISHED))
                recorded = int(await database.fetchval("SELECT seq FROM recorder") or 0)
            async with self._valkey() as valkey:
                seq = int(await valkey.get(Names().seq) or 0)
                records = len([key async for key in valkey.scan_iter(match="*:job:*", count=5000)])
            behind = max(0, seq - recorded) if rows or records else 0
            return rows, records, behind, listener.position >= recorded
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, EngineUnavailable):
            return None
        except Exception as error:  # redis-py's own, while the server starts
            return None if "redis" in type(error).__module__ else _again(error)

    async def _gather(self) -> None:
        evidence = self.evidence
        self._ledger.read()
        evidence.ledger = self._ledger.entries
        async with self._valkey() as valkey:
            evidence.stream = [told async for told in _events(valkey)]
            evidence.leftovers = await _leftovers(valkey)
            evidence.results = {job: value async for job, value in _results(valkey)}
        async with self._database() as database:
            evidence.rows = [_row(record) for record in await database.fetch("SELECT * FROM jobs")]
            counts = await database.fetch("SELECT status, sum(count) AS n FROM job_counts GROUP BY status")
            evidence.counts = {record["status"]: int(record["n"]) for record in counts}
            tries = await database.fetch("SELECT job_id, attempt, state FROM job_attempts")
            evidence.tries = [Try(*record) for record in tries]
            (minutes,) = await database.fetch(MINUTES)
            evidence.minutes = {state: int(count or 0) for state, count in minutes.items()}
        async with self._system.client() as client:
            evidence.gateway = await _listed(client)
        output = list(self._system.output)
        evidence.output = output
        evidence.ends = dict(Counter(line.split()[0] for line in output if "; starts again in" in line))

    @contextlib.asynccontextmanager
    async def _database(self) -> Any:
        sockets = EmbeddedPostgres(self._system.folder / "data").sockets
        connection = await asyncpg.connect(host=str(sockets), port=5432, user=ROLE, database=DATABASE, timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    @contextlib.asynccontextmanager
    async def _valkey(self) -> Any:
        client = Redis.from_url(self._system.redis_url, socket_timeout=10)
        try:
            yield client
        finally:
            await client.aclose()


async def _events(valkey: Redis) -> Any:
    after = "-"
    while entries := await valkey.xrange(Names().events, min=after, max="+", count=1000):
        for _, fields in entries:
            for line in fields[b"e"].splitlines():
                event = json.loads(line)
                if event["type"].startswith(("job.", "queue.")) and event["type"] not in {
                    "job.progressed",
                    "job.logged",
                }:
                    yield _told(event)
        after = "(" + entries[-1][0].decode()


def _told(event: dict[str, Any]) -> Told:
    data = event["data"]
    arguments = data.get("data")
    return Told(
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


async def _results(valkey: Redis) -> Any:
    """What `wait_result()` would find, by job."""
    prefix = f"{Names().result_prefix()}:"
    async for key in valkey.scan_iter(match="*:result:*", count=5000):
        kept = json.loads(await valkey.get(key))
        yield key.decode().removeprefix(prefix), kept["return_value"]


async def _leftovers(valkey: Redis) -> list[str]:
    """Return what the engine still holds though every job has ended."""
    names, found = Names(), []
    async for key in valkey.scan_iter(match="*", count=5000):
        name = key.decode().removeprefix(names.tag)
        if name.startswith(("job:", "lane:", "dedup:", "hold:", "concurrency:")) or name in {
            "delayed",
            "holds",
            "wakes",
        }:
            found.append(f"{name}: {await valkey.type(key)}")
        elif name.startswith("held:"):
            jobs = [field.decode() for field in await valkey.hkeys(key) if field[:1] not in b"#!@"]
            found += [f"{name}: {job}" for job in jobs]
        elif name == "counts":
            counts = await valkey.hgetall(key)
            found += [f"counts: {field.decode()} {count.decode()}" for field, count in counts.items() if int(count)]
    return found


def _row(record: Any) -> Row:
    data = record["data"]
    arguments = json.loads(data) if isinstance(data, str) else data
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
        result=json.loads(record["result"]) if record["result"] else None,
    )


async def _listed(client: Client) -> dict[str, str]:
    listed: dict[str, str] = {}
    cursor = None
    while True:
        page = await _answered(
            lambda cursor=cursor: client.jobs(queue=[app.QUEUE, app.PAUSED_QUEUE], limit=200, cursor=cursor)
        )
        listed |= {row["id"]: row["status"] for row in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return listed


async def _insisting(ask: Ask) -> None:
    """Ask until there is an answer."""
    while True:
        try:
            await ask()
        except EngineUnavailable:
            continue
        except GatewayError as error:
            if error.status in {400, 409, 422}:
                raise  # 404 is the answer for a queue that no job has come to yet
            await asyncio.sleep(AGAIN_S)
            continue
        return


async def _answered(ask: Ask) -> Any:
    until = time.monotonic() + 30
    while True:
        try:
            return await ask()
        except GatewayError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(AGAIN_S)


def _again(error: Exception) -> None:
    raise error
