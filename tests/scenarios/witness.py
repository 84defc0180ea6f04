"""A websocket client that writes down what it saw of every job."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from taskcast.client import Client
from taskcast.client.messages import EventMessage, Snapshot
from taskcast.states import FINAL, JobState


class Witness:
    """Follows the topic `jobs` and keeps each job's last state and all its ends."""

    def __init__(self, client: Client) -> None:
        self.state: dict[str, str] = {}
        self.ends: dict[str, dict[int, str]] = defaultdict(dict)
        self.progressed: dict[str, list[float]] = defaultdict(list)
        self.snapshots = 0
        self._live = client.live()
        self._task: asyncio.Task[None] | None = None
        self._seen: dict[str, int] = {}

    async def __aenter__(self) -> Witness:
        await self._live.start()
        subscription = await self._live.subscribe("jobs", limit=200)
        self._task = asyncio.create_task(self._follow(subscription))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._live.stop()

    async def _follow(self, subscription: object) -> None:
        async for message in subscription:  # type: ignore[attr-defined]
            if isinstance(message, Snapshot):
                self.snapshots += 1
                for row in message.items:
                    self._saw(row["id"], row["seq"], row["status"])
            elif isinstance(message, EventMessage) and message.event.job:
                event = message.event
                if event.state:
                    self._saw(str(event.job), event.seq, event.state)
                elif event.__struct_config__.tag == "job.progressed" and event.data.percentage is not None:
                    self.progressed[str(event.job)].append(event.data.percentage)

    def _saw(self, job: str, seq: int, state: str) -> None:
        if seq < self._seen.get(job, 0):
            return  # a row read a moment ago may be older than what was heard since
        self._seen[job] = seq
        self.state[job] = state
        if JobState(state) in FINAL:
            self.ends[job][seq] = state
