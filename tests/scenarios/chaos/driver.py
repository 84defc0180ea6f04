"""Runs a plan against a system of real processes, waits until it has settled, and returns the evidence."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from taskcast.broker import JobBroker
from taskcast.client import Client
from tests.scenarios.chaos import app
from tests.scenarios.chaos.evidence import Evidence
from tests.scenarios.chaos.ledger import Ledger
from tests.scenarios.chaos.listener import Listener
from tests.scenarios.chaos.parts import Parts
from tests.scenarios.chaos.people import People
from tests.scenarios.chaos.plan import Plan
from tests.scenarios.chaos.remains import UnderWay, gather, under_way
from tests.scenarios.chaos.saboteur import Saboteur
from tests.scenarios.chaos.wired import wired_system
from tests.scenarios.system import System

PATIENCE_S = 60.0
"""Jobs that nothing happens to for so long, with everything mended, are stuck."""
SETTLED_WITHIN_S = 240.0
LOOK_S = 0.02
LOOK_AT_ALL_S = 0.5


async def run_plan(plan: Plan) -> Evidence:
    """Start a whole system, let the plan happen to it, wait until it has settled, and return the evidence."""
    with wired_system() as (system, wires):
        evidence, parts = Evidence(plan=plan), Parts(system)
        broker = JobBroker(f"redis://127.0.0.1:{wires.port('sender-valkey')}/0", lease_s=app.LEASE_S)
        token = (system.folder / "data/cli-token").read_text().strip()
        try:
            async with Client(f"http://127.0.0.1:{wires.port('client-gateway')}", token=token) as client:
                await _Run(system, evidence, broker, client, Saboteur(plan, parts, wires)).run()
            await gather(system, evidence)
        finally:
            parts.go_on_all()
            await asyncio.to_thread(system.stop)
            evidence.survivors = parts.kill_leftovers()
        return evidence


class _Run:
    """People and the saboteur at work, and somebody who listens."""

    def __init__(
        self, system: System, evidence: Evidence, broker: JobBroker, client: Client, saboteur: Saboteur
    ) -> None:
        self._system, self._evidence = system, evidence
        self._broker, self._client, self._saboteur = broker, client, saboteur
        self._ledger = Ledger(system.ledger_path)
        self._begun: set[int] = set()
        self._mended = False

    async def run(self) -> None:
        evidence = self._evidence
        people = People(evidence.plan, self._broker, self._client, self._has_begun)
        async with Listener(self._client) as listener:
            began = time.monotonic()
            at_work = asyncio.create_task(people.work(began))
            reading = asyncio.create_task(self._read_ledger())
            try:
                await self._saboteur.work(began)
                self._mended = True
                await self._settle(listener, at_work)
                evidence.unanswered = not at_work.done()
                if at_work.done():
                    at_work.result()
            finally:
                for task in (at_work, reading):
                    task.cancel()
                await asyncio.gather(at_work, reading, return_exceptions=True)
                await self._broker.shutdown()
        self._ledger.read()
        output = list(self._system.output)
        evidence.sent, evidence.cancels, evidence.retries = people.sent, people.cancels, people.retries
        evidence.crashes, evidence.ledger = self._saboteur.crashes, self._ledger.entries
        evidence.spans, evidence.listener_error = listener.spans, listener.error
        evidence.ends = dict(Counter(line.split()[0] for line in output if "; starts again in" in line))
        evidence.output = output

    def _has_begun(self, number: int) -> bool:
        return self._mended or number in self._begun

    async def _read_ledger(self) -> None:
        while True:
            self._begun |= {entry.number for entry in self._ledger.read() if entry.word == "begin"}
            await asyncio.sleep(LOOK_S)

    async def _settle(self, listener: Listener, people: asyncio.Task[None]) -> None:
        """Wait until nothing is under way any more; give up when nothing has moved for a long time."""
        before: tuple[UnderWay | None, int] | None = None
        moved_at = began = time.monotonic()
        while time.monotonic() - moved_at < PATIENCE_S and time.monotonic() - began < SETTLED_WITHIN_S:
            now = await under_way(self._system)
            if now and not now.rows and not now.records and people.done() and listener.position >= now.recorded:
                return
            if (now, len(self._ledger.entries)) != before:
                before, moved_at = (now, len(self._ledger.entries)), time.monotonic()
            await asyncio.sleep(LOOK_AT_ALL_S)
