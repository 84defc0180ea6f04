"""A websocket client that keeps what it was told of every job's state, and from where to where it was told all."""

from __future__ import annotations

import asyncio
from typing import Self

from taskcast.client import Client
from taskcast.client.messages import EventMessage, Mark, Snapshot
from taskcast.client.subscription import Subscription
from taskcast.errors import GatewayError
from tests.scenarios.chaos.evidence import Seen, Span


class Listener:
    """Follows the topic `jobs` through lost connections, resuming by position."""

    def __init__(self, client: Client) -> None:
        self.spans: list[Span] = []
        self.error: str | None = None
        self._live = client.live()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._live.start()
        self._task = asyncio.create_task(self._follow(await self._live.subscribe("jobs", limit=200)))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._live.stop()

    @property
    def position(self) -> int:
        """The seq up to which it was told everything."""
        return self.spans[-1].until if self.spans else 0

    async def _follow(self, subscription: Subscription) -> None:
        try:
            await self._read(subscription)
        except GatewayError as error:
            self.error = f"the subscription ended: {error}"
        else:
            self.error = "the subscription ended"

    async def _read(self, subscription: Subscription) -> None:
        async for message in subscription:
            if isinstance(message, Snapshot):
                rows = [Seen(job=row["id"], seq=row["seq"], state=row["status"]) for row in message.items]
                self.spans.append(Span(since=message.pos or 0, until=message.pos or 0, rows=rows))
            elif isinstance(message, EventMessage):
                event, span = message.event, self.spans[-1]
                if event.job and event.state:
                    span.events.append(Seen(job=str(event.job), seq=event.seq, state=str(event.state)))
                span.until = max(span.until, message.pos)
            elif isinstance(message, Mark):
                self.spans[-1].until = max(self.spans[-1].until, message.pos)
