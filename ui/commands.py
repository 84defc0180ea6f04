"""What a person can do from a page: ask where it cannot be undone, do it with their rights, say how it went."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from taskcast.client import GatewayError
from ui import forms, questions, schedules
from ui.model import Row, millis
from ui.questions import Refusal, Unfit
from ui.words import explain

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
        elif row is not None and what == "another":
            await self.run_task(str(row.get("type") or ""), row)

    async def steer_matching(self, wanted: Row) -> None:
        """Ask what shall be done to all jobs that match a filter, and begin it."""
        actions = ["retry", "cancel", *(["delete"] if self._page.session.may_clean else [])]
        counts: dict[str, int | None] = {}

        async def count() -> None:
            found = [self._client.bulk(action, filter=wanted, dry_run=True) for action in actions]
            for action, answer in zip(actions, await asyncio.gather(*found), strict=True):
                if answer["matched"] != 0:
                    counts[action] = answer["matched"]

        async def begin(values: Row) -> str:
            action = questions.action_of(values, counts)
            reason = questions.reason_of(values) if action == "cancel" else None
            answer = await self._client.bulk(action, filter=wanted, reason=reason)
            await self._follow(answer["operation"])
            return questions.begun(action, answer["matched"])

        if not await self._page.act(count):
            return
        if counts:
            self._ask(questions.steer_matching(counts), begin)
        else:
            self._page.toast("bad", "There is no job in this list to do anything to.")

    async def _follow(self, operation: str) -> None:
        """Show how far an operation is that this person has begun."""
        if self._page.cards is not None:
            with contextlib.suppress(GatewayError):  # it has begun nevertheless, and the topic tells of it
                self._page.cards.follow(await self._client.operation(operation))

    async def cancel_operation(self, operation: str) -> None:
        """Stop a command about many jobs; one that has ended meanwhile tells so by itself."""

        async def cancel() -> None:
            try:
                await self._client.cancel_operation(operation)
            except GatewayError as error:
                if error.code != "already_final":
                    raise

        await self._page.act(cancel)

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

    async def run_task(self, name: str, like: Row | None = None) -> None:
        """Run a task with arguments that are filled into a form, beginning with those of a job like it."""
        found: list[Row] = []

        async def read() -> None:
            found.extend(await self._client.tasks())
            if like is not None and "data" not in like:
                like["data"] = (await self._client.job(str(like["id"]))).get("data")

        if not await self._page.act(read):
            return
        task = next((each for each in found if each.get("name") == name), None)
        schema: Row = (task or {}).get("schema") or {}
        known = like.get("data") if like is not None else None
        known = known if isinstance(known, dict) and "$cut" not in known else None
        fields = forms.fields_of(schema, known)
        question = questions.run_task(
            name,
            forms.whole(known) if fields is None else fields,
            str(schema.get("description") or ""),
            again=like is not None,
        )

        async def run(values: Row) -> str:
            arguments = forms.arguments_of(schema, values)
            questions.refuse_hidden(arguments)
            job = await self._client.enqueue(name, arguments, force=True if task is None else None)
            self._page.open_job(str(job["id"]))
            return f"{name} was enqueued."

        self._ask(question, run)

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
            if found.get("count") is None:
                await self._follow(found["operation"])
            return _counted(
                found.get("count"), "waiting job was cancelled", "waiting jobs were cancelled", "The draining goes on."
            )

        self._ask(questions.drain_queue(name, waiting), drain)

    def _clean_queue(self, name: str) -> None:
        async def clean(values: Row) -> str:
            age_s, states = questions.cleaning_of(values)
            found = await self._client.clean_queue(name, older_than_s=age_s, status=states)
            if found.get("count") is None:
                await self._follow(found["operation"])
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
        elif what == "run":
            await self.run_task(name)
        elif what == "resume":

            async def resume() -> None:
                self._page.tasks.take(await self._client.resume_task(name))

            await self._page.act(resume, f"Task {name} goes on.")

    # ------------------------------------------------------------------------------------------------ schedules

    async def steer_schedule(self, what: str, name: str) -> None:
        """Do what a schedule's button says; `create` needs no name."""
        row = self._page.schedules.rows.get(name)
        if what == "create":
            await self._edit_schedule(None)
        elif row is None:
            return
        elif what == "edit":
            await self._edit_schedule(row)
        elif what == "pause":

            async def pause(values: Row) -> str:
                until, reason = questions.until_of(values, datetime.now(UTC)), questions.reason_of(values)
                self._page.schedules.take(await self._client.pause_schedule(name, reason=reason, until=until))
                return f"{row.get('title') or name} is paused."

            self._ask(schedules.pause_schedule(row), pause)
        elif what == "resume":

            async def resume() -> None:
                self._page.schedules.take(await self._client.resume_schedule(name))

            await self._page.act(resume, f"{row.get('title') or name} goes on.")
        elif what == "run":

            async def run() -> None:
                self._page.open_job(await self._client.run_schedule(name))

            await self._page.act(run, f"{row.get('title') or name} runs now.")
        elif what == "delete":

            async def delete(_: Row) -> str:
                await self._client.delete_schedule(name)
                return f"{row.get('title') or name} is deleted."

            self._ask(schedules.delete_schedule(row), delete)

    async def _edit_schedule(self, row: Row | None) -> None:
        tasks: list[Row] = []

        async def read() -> None:
            tasks.extend(await self._client.tasks())

        if not await self._page.act(read):
            return

        async def save(values: Row) -> str:
            fields = schedules.edited(values)
            if row is None:
                made = await self._client.create_schedule(fields.pop("task"), **fields)
            else:
                made = await self._client.change_schedule(str(row["id"]), **fields)
            self._page.schedules.take(made)
            return f"{made.get('title')} is {'saved' if row else 'made'}."

        names = sorted(str(task.get("name")) for task in tasks)
        self._ask(schedules.edit_schedule(names, row), save)

    async def preview(self, values: Row) -> Row:
        """Return the next runs of what is being filled in, or what is wrong with it."""
        try:
            when = schedules.timing(values, str(values.get("kind") or "cron"))
            return {"next": [millis(at) for at in await self._client.preview_schedule(**when)]}
        except Unfit as unfit:
            return {"problem": next(iter(unfit.refusal.fields.values()), "")}
        except GatewayError as error:
            return {"problem": next(iter((error.fields or {}).values()), explain(error))}

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
