"""What all views share: a subscription that comes back by itself, and the elements that draw it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from taskcast.client import GatewayError, Message, Subscription
from ui.words import explain

if TYPE_CHECKING:
    from ui.upstream import Upstream

logger = logging.getLogger(__name__)

REFUSED = frozenset({"forbidden", "job_not_found", "not_found", "malformed"})
"""Codes after which asking again cannot help while the page is open."""
PART_S = 2.0
"""How long a gateway is given to hear that a subscription is not wanted any more."""
AGAIN_S = (1.0, 10.0)
"""The first and the longest pause after a refused subscription."""


class View:
    """Follows one topic. Subclasses take what comes in `receive` and draw in `flush`."""

    topic = ""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.on_alone: Callable[[], None] | None = None
        self.is_loaded = False
        self.error: str | None = None
        self._elements: WeakSet[Any] = WeakSet()
        self._task: asyncio.Task[None] | None = None
        self._jobs: set[asyncio.Task[None]] = set()

    @property
    def is_watched(self) -> bool:
        """Tell whether any page shows this view."""
        return len(self._elements) > 0

    @property
    def elements(self) -> Iterable[Any]:
        """The elements that draw this view."""
        return list(self._elements)

    def attach(self, element: Any) -> None:
        """Let an element draw this view until it is deleted."""
        self._elements.add(element)

    def detach(self, element: Any) -> None:
        """Forget an element."""
        self._elements.discard(element)
        if not self._elements and self.on_alone:
            self.on_alone()

    def start(self) -> None:
        """Begin to follow the topic."""
        if self._task is None:
            self._task = asyncio.create_task(self._loop(), name=f"view of {self.topic}")

    async def stop(self) -> None:
        """Stop following. Stopping twice is fine."""
        task, self._task = self._task, None
        for job in list(self._jobs):
            job.cancel()
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def changed(self) -> None:
        """Draw at the next tick."""
        self.upstream.ticker.soon(self)

    def spawn(self, work: Any, name: str) -> None:
        """Do something beside; what it raises is logged, the view goes on."""

        async def guarded() -> None:
            try:
                await work
            except GatewayError as error:
                logger.info("%s: %s", name, error)
            except Exception:
                logger.exception("%s failed", name)

        task = asyncio.create_task(guarded(), name=name)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def subscribe(self) -> Subscription:
        """Subscribe; subclasses with more than a topic say so here."""
        live = await self.upstream.live()
        return await live.subscribe(self.topic, max_hz=4)

    def receive(self, batch: list[Message]) -> None:
        """Take what came in one frame."""
        raise NotImplementedError

    def failed(self) -> None:
        """Do without the topic until it can be had again."""

    def was_refused(self, error: GatewayError) -> None:
        """Deal with a topic that this person will not be given; by default it is said on the screen."""
        self.is_loaded = True

    def flush(self) -> None:
        """Draw: by default every element looks itself."""
        for element in self.elements:
            element.draw()

    async def _loop(self) -> None:
        pause = AGAIN_S[0]
        while True:
            try:
                subscription = await self.subscribe()
                try:
                    async for batch in subscription.batches():
                        pause, self.error = AGAIN_S[0], None
                        self.receive(batch)
                finally:
                    await part_with(subscription)
            except GatewayError as error:
                self.error = explain(error)
                self.changed()
                await self.upstream.refused(error)
                if error.code in REFUSED:
                    self.was_refused(error)
                    return
                self.failed()
                logger.info("the view of %s was refused: %s", self.topic, error)
            except Exception:
                logger.exception("the view of %s failed", self.topic)
            await asyncio.sleep(pause)
            pause = min(AGAIN_S[1], pause * 2)


async def part_with(subscription: Subscription) -> None:
    """Unsubscribe, without waiting long for a gateway that is silent."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PART_S):
            await subscription.close()
