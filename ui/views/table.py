"""A table of named rows: statistics, queues, tasks, workers."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from taskcast.client import GatewayError, Message, Snapshot, StateChange
from ui.model import Row
from ui.upstream import Upstream
from ui.views.jobs import JobsView
from ui.views.view import View

SAMPLES = 120
SAMPLE_S = 1.0
OWN_S = 3.0
SETTLE_S = 3.0
"""How long the tables may lag behind a command's answer."""


class TableView(View):
    """The rows of a state topic by their key."""

    def __init__(self, upstream: Upstream, topic: str) -> None:
        super().__init__(upstream)
        self.topic = topic
        self.rows: dict[str, Row] = {}
        self._answered: dict[str, Row] = {}
        self._told: dict[str, Row] = {}

    def receive(self, batch: list[Message]) -> None:
        """Take a snapshot or a change."""
        for message in batch:
            if isinstance(message, Snapshot):
                self.rows = {_key(row): self._overlaid(row) for row in message.items}
                self.is_loaded = True
            elif isinstance(message, StateChange):
                self.rows |= {_key(row): self._overlaid(row) for row in message.set}
                for key in message.deleted:
                    self.rows.pop(key, None)
            else:
                continue
            self.changed()

    def take(self, row: Row | None) -> None:
        """Show a row as the gateway answered it to a command, before the topic tells of it."""
        if row:
            key = _key(row)
            self._answered[key] = row
            self.rows[key] = row
            asyncio.get_running_loop().call_later(SETTLE_S, self._settle, key, row)
            self.changed()

    def _overlaid(self, row: Row) -> Row:
        """Return a row of the topic; one read before the last command was recorded does not undo it on the screen."""
        key = _key(row)
        answer = self._answered.get(key)
        if answer is None or bool(answer.get("paused")) == bool(row.get("paused")):
            self._told.pop(key, None)
            return row
        self._told[key] = row
        return {**row, "paused": answer.get("paused")}

    def _settle(self, key: str, answer: Row) -> None:
        """Believe the topic again."""
        if self._answered.get(key) is answer:
            del self._answered[key]
            if (told := self._told.pop(key, None)) is not None and key in self.rows:
                self.rows[key] = told
                self.changed()

    @property
    def sorted(self) -> list[Row]:
        """The rows by name."""
        return [self.rows[key] for key in sorted(self.rows)]


class StatisticsView(TableView):
    """Totals, the last sixty minutes, and samples of what has no history at the gateway.

    Who sees only their own jobs is not given the topic; their statistics come from REST whenever one of their jobs moves.
    """

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(upstream, "statistics")
        self.samples: deque[dict[str, float]] = deque(maxlen=SAMPLES)
        self._minutes_seen: set[str] = set()
        self.minutes_turned = 0
        self._moved = asyncio.Event()

    @property
    def totals(self) -> Row:
        """The row of totals; empty until it came."""
        return self.rows.get("totals", {})

    @property
    def minutes(self) -> list[Row]:
        """The rows of single minutes, oldest first."""
        found = [row for key, row in self.rows.items() if key.startswith("minute:")]
        return sorted(found, key=lambda row: str(row.get("at")))[-60:]

    def was_refused(self, error: GatewayError) -> None:
        """Ask REST from now on."""
        self.error = None
        self.spawn(self._follow_own(), "own statistics")

    def patch(self, *_: object) -> None:
        """Hear from the list of running jobs that something moved."""
        self._moved.set()

    async def _follow_own(self) -> None:
        mine = self.upstream.view("running", JobsView.of_running)
        mine.attach(self)
        try:
            while True:
                self._moved.clear()
                found = await self.upstream.client.statistics(range_s=3600, bucket_s=60)
                minutes = {f"minute:{row['at']}": row for row in found.get("buckets") or []}
                ended = found.get("ended") or {}
                last = next(iter(sorted(minutes, reverse=True)[1:2]), None)
                self.rows = {**minutes, "totals": {**found, "ended": ended, "per_minute": minutes.get(last or "", {})}}
                self.is_loaded = True
                self._count_minutes()
                self.changed()
                await self._moved.wait()
                await asyncio.sleep(OWN_S)
        finally:
            mine.detach(self)

    def start(self) -> None:
        """Begin to follow and to sample."""
        super().start()
        self.spawn(self._sample(), "samples of the statistics")

    def receive(self, batch: list[Message]) -> None:
        """Take what came; a new minute is counted, for charts of longer ranges."""
        super().receive(batch)
        self._count_minutes()

    def _count_minutes(self) -> None:
        seen = {key for key in self.rows if key.startswith("minute:")}
        if seen - self._minutes_seen:
            self._minutes_seen = seen
            self.minutes_turned += 1

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            totals = self.totals
            if totals:
                states: dict[str, Any] = totals.get("by_status") or {}
                self.samples.append({
                    "running": float(states.get("running") or 0),
                    "queued": float(states.get("queued") or 0),
                    "p95": float(totals.get("p95_ms") or 0),
                })  # fmt: skip
                self.changed()


def _key(row: Row) -> str:
    return str(row.get("name") or row.get("id") or "")
