"""What a person can do from a page: ask where it cannot be undone, do it with their rights, say how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ui import questions
from ui.model import Row
from ui.questions import Refusal, Unfit

if TYPE_CHECKING:
    from taskcast.client import Client
    from ui.page import Page


class Commands:
    """The commands of one page; the gateway decides who may, the buttons only say so beforehand."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def _client(self) -> Client:
        return self._page.session.client

    # ----------------------------------------------------------------------------------------------------- jobs

    async def steer(self, what: str, row: Row | None) -> None:
        """Do what a job's button says."""
        if row is not None and what == "cancel":
            self.cancel_job(row)
        elif row is not None and what == "retry":
            await self.retry_job(row)

    def cancel_job(self, row: Row) -> None:
        """Cancel a job."""
        job_id = str(row["id"])

        async def cancel(values: Row) -> str:
            found = await self._client.cancel(job_id, reason=questions.reason_of(values))
            return "The job was cancelled." if found.get("status") == "cancelled" else "The worker is asked to stop it."

        self._ask(questions.cancel_job(row), cancel)

    async def retry_job(self, row: Row) -> None:
        """Run an ended job again, with other arguments if they were edited."""
        job_id = str(row["id"])
        if "data" not in row:
            found: list[Row] = []

            async def read() -> None:
                found.append(await self._client.job(job_id))

            if not await self._page.act(read):
                return
            row = found[0]
        attempt, data = int(row.get("attempt") or 0), row.get("data")

        async def retry(values: Row) -> str:
            changed = questions.edited_arguments(values.get("arguments"), data)
            await self._client.retry(job_id, after_attempt=attempt, arguments=changed or None)
            return "The job was queued again" + (f" with another {', '.join(changed)}." if changed else ".")

        self._ask(questions.retry_job(row), retry)

    async def check_stuck(self) -> None:
        """Look for stuck jobs now, and show what was found and done."""
        found: list[Row] = []

        async def check() -> None:
            found.append(await self._client.check_stuck())

        if await self._page.act(check):
            self._page.tell(questions.stuck_found(found[0]))

    # --------------------------------------------------------------------------------------------------- queues

    async def steer_queue(self, what: str, name: str) -> None:
        """Do what a queue's button says."""
        row = self._page.queues.rows.get(name)
        if what == "pause":
            self._pause_queue(name, row)
        elif what == "resume":
            await self._resume_queue(name)
        elif what == "drain":
            self._drain_queue(name, row or {})
        elif what == "clean":
            self._clean_queue(name)

    def _pause_queue(self, name: str, row: Row | None) -> None:
        async def pause(values: Row) -> str:
            until, reason = questions.until_of(values, datetime.now(UTC)), questions.reason_of(values)
            self._page.queues.take((await self._client.pause_queue(name, reason=reason, until=until)).get("queue"))
            return f"Queue {name} is paused."

        self._ask(questions.pause_queue(name, row), pause)

    async def _resume_queue(self, name: str) -> None:
        async def resume() -> None:
            self._page.queues.take((await self._client.resume_queue(name)).get("queue"))

        await self._page.act(resume, f"Queue {name} goes on.")

    def _drain_queue(self, name: str, row: Row) -> None:
        waiting = sum((row.get("waiting") or {}).values()) + int(row.get("held") or 0)

        async def drain(values: Row) -> str:
            if waiting > questions.TYPE_ABOVE and str(values.get("confirm") or "").strip() != name:
                raise Unfit("confirm", f"Type {name}.")
            found = await self._client.drain_queue(name, reason=questions.reason_of(values))
            self._page.queues.take(found.get("queue"))
            return _counted(
                found.get("count"), "waiting job was cancelled", "waiting jobs were cancelled", "The draining goes on."
            )

        self._ask(questions.drain_queue(name, waiting), drain)

    def _clean_queue(self, name: str) -> None:
        async def clean(values: Row) -> str:
            age_s, states = questions.cleaning_of(values)
            found = await self._client.clean_queue(name, older_than_s=age_s, status=states)
            return _counted(found.get("count"), "job was deleted", "jobs were deleted", "The cleaning goes on.")

        self._ask(questions.clean_queue(name), clean)

    # ---------------------------------------------------------------------------------------------------- tasks

    async def steer_task(self, what: str, name: str) -> None:
        """Do what a task's button says."""
        if what == "pause":

            async def pause(values: Row) -> str:
                until, reason = questions.until_of(values, datetime.now(UTC)), questions.reason_of(values)
                self._page.tasks.take(await self._client.pause_task(name, reason=reason, until=until))
                return f"Task {name} is paused."

            self._ask(questions.pause_task(name), pause)
        elif what == "resume":

            async def resume() -> None:
                self._page.tasks.take(await self._client.resume_task(name))

            await self._page.act(resume, f"Task {name} goes on.")

    def _ask(self, question: questions.Question, work: Callable[[Row], Awaitable[str]]) -> None:
        """Ask, then do `work` with what was filled in; it returns what to say, or the dialog says why not."""

        async def yes(values: Row) -> Refusal | None:
            said: list[str] = []

            async def do() -> None:
                said.append(await work(values))

            try:
                refusal = await self._page.attempt(do)
            except Unfit as unfit:
                return unfit.refusal
            if refusal is None:
                self._page.toast("ok", said[0])
            return refusal

        self._page.ask(question, yes)


def _counted(count: int | None, one: str, many: str, unfinished: str) -> str:
    """Return how many it were; the gateway says None while it is still at it."""
    if count is None:
        return unfinished
    return f"{count:,} {one if count == 1 else many}."
