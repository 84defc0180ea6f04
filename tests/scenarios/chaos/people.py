"""What people do in a run: send jobs, cancel them, retry them by hand, pause and resume queues and tasks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Any

from taskcast.broker import JobBroker
from taskcast.client import Client
from taskcast.errors import EngineUnavailable, GatewayError
from taskcast.ids import new_id
from taskcast.states import FINAL, JobState
from tests.scenarios.chaos import app
from tests.scenarios.chaos.evidence import Cancelled, Retried, Sent
from tests.scenarios.chaos.plan import Order, Pause, Plan

AGAIN_S = 0.3
LOOK_S = 0.02
REFUSALS = {400, 409, 422}
"""Answers of the gateway after which a pause is not asked for again; 404 is for a queue that no job has come to yet."""

Ask = Callable[[], Awaitable[Any]]


class People:
    """They have a plan, and write down what they were answered.

    Args:
        plan: what is sent, cancelled, retried and paused, and when.
        broker: one way to do it.
        client: the other.
        has_begun: tells whether a job of this number has begun, or it is no use waiting for that any more.
    """

    def __init__(self, plan: Plan, broker: JobBroker, client: Client, has_begun: Callable[[int], bool]) -> None:
        self.sent: list[Sent] = []
        self.cancels: list[Cancelled] = []
        self.retries: list[Retried] = []
        self._plan, self._broker, self._client, self._has_begun = plan, broker, client, has_begun
        self._began = 0.0

    async def work(self, began: float) -> None:
        """Do everything at its time, counted from `began`; return when all is answered that will be."""
        self._began = began
        singles = [order for order in self._plan.orders if not order.batch]
        batches = sorted((order for order in self._plan.orders if order.batch), key=lambda order: order.batch)
        await asyncio.gather(
            *(self._order(order) for order in singles),
            *(self._batch(list(batch)) for _, batch in groupby(batches, key=lambda order: order.batch)),
            *(self._pause(pause) for pause in self._plan.pauses),
        )

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self._began + at - time.monotonic()))

    # Sending

    async def _batch(self, orders: list[Order]) -> None:
        await self._until(orders[0].at)
        sent = [Sent(number=order.number, tries=1, sent_at=time.monotonic()) for order in orders]
        self.sent += sent
        calls = [dict(order.arguments) for order in orders]
        with contextlib.suppress(EngineUnavailable):
            jobs = await self._broker.enqueue_many(getattr(app, orders[0].task), calls)
            for one, job in zip(sent, jobs, strict=True):
                one.outcome, one.job, one.answered_at = "accepted", job.id, time.monotonic()

    async def _order(self, order: Order) -> None:
        await self._until(order.at)
        sent = Sent(number=order.number, sent_at=time.monotonic())
        self.sent.append(sent)
        await (self._send_by_gateway if order.via == "gateway" else self._send_by_broker)(order, sent)
        if sent.outcome != "accepted" or sent.job is None:
            return
        if order.cancel_after is not None:
            await self._cancel(order, sent.job, order.cancel_after)
        if order.retry:
            await self._retry(order, sent.job)

    async def _send_by_broker(self, order: Order, sent: Sent) -> None:
        job_id = new_id()
        while sent.outcome == "unknown" and (order.insist or not sent.tries):
            sent.tries += 1
            try:
                job = await self._broker.enqueue(
                    getattr(app, order.task),
                    kwargs=dict(order.arguments),
                    job_id=job_id,
                    priority=order.priority,
                    delay_s=order.delay_s,
                    dedup_key=order.dedup_key,
                )
            except EngineUnavailable as error:
                sent.note = str(error)
            else:
                sent.outcome = "duplicate" if job.outcome == "duplicate" else "accepted"
                sent.job, sent.answered_at = job.id, time.monotonic()

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

    # Cancels and retries

    async def _cancel(self, order: Order, job: str, after_s: float) -> None:
        if order.kind == "cancel_running":
            while not self._has_begun(order.number):
                await asyncio.sleep(LOOK_S)
        await asyncio.sleep(after_s)
        cancelled = Cancelled(number=order.number, job=job)
        self.cancels.append(cancelled)
        ask = self._cancel_by_gateway if order.cancel_via == "gateway" else self._cancel_by_broker
        while cancelled.answer == "none":
            cancelled.tries += 1
            await ask(job, cancelled)
        cancelled.answered_at = time.monotonic()

    async def _cancel_by_broker(self, job: str, cancelled: Cancelled) -> None:
        with contextlib.suppress(EngineUnavailable):
            cancelled.answer = await self._broker.engine.cancel(job, by="chaos", reason="chaos")

    async def _cancel_by_gateway(self, job: str, cancelled: Cancelled) -> None:
        try:
            row = await self._client.cancel(job, reason="chaos")
        except GatewayError as error:
            if error.code == "already_final":
                cancelled.answer = "final"
            elif error.status == 404:
                cancelled.answer = "unknown"
            else:
                await asyncio.sleep(AGAIN_S)
        else:
            cancelled.answer = "cancelled" if row["status"] == JobState.CANCELLED else "requested"

    async def _retry(self, order: Order, job: str) -> None:
        attempt = await self._ended_attempt(job)
        retried = Retried(number=order.number, job=job)
        self.retries.append(retried)
        arguments: dict[str, Any] | None = {"outcome": "completed"} if order.kind == "repaired" else None
        while not retried.done:
            try:
                await self._client.retry(job, after_attempt=attempt, arguments=arguments)
            except GatewayError as error:
                retried.answers.append(error.code)
                retried.done = error.status == 409  # one of our own that was not answered has been done before it
                await asyncio.sleep(AGAIN_S)
            else:
                retried.answers.append("accepted")
                retried.done = True

    async def _ended_attempt(self, job: str) -> int:
        """Wait for the end of a job and return its attempt."""
        while True:
            with contextlib.suppress(GatewayError):
                row = await self._client.job(job)
                if JobState(row["status"]) in FINAL:
                    return int(row["attempt"])
            await asyncio.sleep(AGAIN_S)

    # Pauses

    async def _pause(self, pause: Pause) -> None:
        await self._until(pause.at)
        begin, finish = self._ways_to_pause(pause)
        await _insist(begin)
        await asyncio.sleep(pause.seconds)
        await _insist(finish)

    def _ways_to_pause(self, pause: Pause) -> tuple[Ask, Ask]:
        engine, client = self._broker.engine, self._client
        queue, task = pause.queue, pause.task
        if pause.via == "broker":
            names = {"queue": queue, "task": task}
            return lambda: engine.pause(**names, by="chaos"), lambda: engine.resume(**names, by="chaos")
        if queue is not None:
            return lambda: client.pause_queue(queue), lambda: client.resume_queue(queue)
        assert task is not None
        return lambda: client.pause_task(task), lambda: client.resume_task(task)


async def _insist(ask: Ask) -> None:
    """Ask until there is an answer."""
    while True:
        try:
            await ask()
        except EngineUnavailable:
            continue
        except GatewayError as error:
            if error.status in REFUSALS:
                raise
            await asyncio.sleep(AGAIN_S)
            continue
        return
