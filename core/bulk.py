"""What an operation does, page by page: retry, cancel or delete jobs, drain a queue, clean.

Each kind finds its next page from a position, and does a page. A page that was begun by a process that died is done
again, with `again` set: what is so already counts as done then.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import msgspec

from core.cleaning import BATCH, delete_batch
from core.control import Control
from core.job_now import NotRecordedYet
from core.orders import ENGINE_S
from core.storage import deletion
from core.storage.filters import JobFilter
from core.storage.jobs import attempts_of, list_jobs
from core.storage.operations import Operation
from taskcast.engine import wire
from taskcast.engine.engine import Engine
from taskcast.errors import EngineFull, EngineUnavailable, JobConflict, TaskcastError
from taskcast.states import FINAL, JobState

PAGE = 50
"""Jobs that are steered one by one, between two notes of how far it is."""
AT_ONCE = 4

STATES: dict[str, tuple[str, ...]] = {
    "retry": (str(JobState.FAILED),),
    "cancel": tuple(str(state) for state in JobState if state not in FINAL),
    "delete": tuple(sorted(str(state) for state in FINAL)),
}
"""The states that an action takes if the filter says none."""
ALLOWED = STATES | {"retry": STATES["delete"]}
"""The states that an action can be done to."""

Page = Any


@dataclass(slots=True)
class Did:
    """What came of a page, and the position after it; `matched` where it is known only now."""

    position: Any
    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    matched: int | None = None


class Work(Protocol):
    """One kind of operation."""

    async def next_page(self, operation: Operation) -> Page | None:
        """Return what is to be done from `operation.position` on; None at the end."""
        ...

    async def do(self, operation: Operation, page: Page, *, again: bool) -> Did:
        """Do a page."""
        ...

    async def finish(self, operation: Operation) -> None:
        """Do what comes after the last page; may be repeated."""
        ...


def fitting(action: str, wanted: JobFilter) -> JobFilter | None:
    """Return the filter with the states that an action takes; None if no job can match."""
    if not wanted.status:
        return replace(wanted, status=list(STATES[action]))
    states = [state for state in wanted.status if state in ALLOWED[action]]
    return replace(wanted, status=states) if states else None


class Steered:
    """Jobs retried, cancelled or deleted, by a list of ids or by a filter.

    Scope: `{"ids": [...]}` or `{"filter": {...}}`; page: the ids with the attempt each was seen at, and the position
    after it.
    """

    def __init__(self, *, engine: Engine, control: Control) -> None:
        self._engine, self._control = engine, control

    async def next_page(self, operation: Operation) -> Page | None:
        """Return the next jobs; a filter is asked anew for each page, from the newest job on."""
        position = operation.position
        if "ids" in operation.scope:
            ids = operation.scope["ids"]
            start = position or 0
            part = ids[start : start + PAGE]
            seen = await attempts_of(part)
            return {"jobs": [[job, seen.get(job)] for job in part], "next": start + PAGE} if part else None
        if position is not None and position["cursor"] is None:
            return None
        wanted = msgspec.convert(operation.scope["filter"], JobFilter)
        size = BATCH if operation.action == "delete" else PAGE
        found = await list_jobs(wanted, limit=size, cursor=position and position["cursor"], with_total=False)
        jobs = [[row["id"], row["attempt"]] for row in found.items]
        return {"jobs": jobs, "next": {"cursor": found.next_cursor}}

    async def do(self, operation: Operation, page: Page, *, again: bool) -> Did:
        """Steer the jobs of a page, some at once."""
        did = Did(page["next"])
        if operation.action == "delete":
            return await self._delete(operation, page["jobs"], did, again=again)
        act = self._retry if operation.action == "retry" else self._cancel
        for start in range(0, len(page["jobs"]), AT_ONCE):
            part = page["jobs"][start : start + AT_ONCE]
            doing = [_code_of(act(operation, job, attempt, again)) for job, attempt in part]
            for code in await asyncio.gather(*doing):
                did.done += code is None
                did.refused.update([code] if code else [])
        return did

    async def finish(self, operation: Operation) -> None:
        """Do nothing: each job has told its own."""

    async def _cancel(self, operation: Operation, job_id: str, _attempt: int | None, _again: bool) -> None:
        await self._control.cancel_job(job_id, by=operation.by or "", reason=operation.reason, token=operation.id)

    async def _retry(self, operation: Operation, job_id: str, attempt: int | None, again: bool) -> None:
        try:
            await self._control.retry_job(
                job_id,
                after_attempt=-1 if attempt is None else attempt,
                arguments=None,
                delay_s=0,
                by=operation.by or "",
            )
        except JobConflict as error:
            if not (again and error.code in {"unfinished", "changed"}):
                raise

    async def _delete(self, operation: Operation, jobs: Sequence[Any], did: Did, *, again: bool) -> Did:
        ids = [job for job, _ in jobs]
        there = await deletion.ended_jobs(ids)
        known = await attempts_of(ids)
        gone = await delete_batch(self._engine, there, by=operation.by)
        missing = len(ids) - len(known)
        did.done = len(gone) + (missing if again else 0)
        did.refused.update({"not_found": 0 if again else missing, "not_final": len(known) - len(gone)})
        did.refused += Counter()  # leaves out what is 0
        return did


class Drained:
    """A queue whose waiting jobs are cancelled, 500 at a time. Scope: `{"queue": name}`; page: the call's token."""

    def __init__(self, *, engine: Engine) -> None:
        self._engine = engine

    async def next_page(self, operation: Operation) -> Page | None:
        """Return the next step, until as many are cancelled as waited at the first."""
        left = None if operation.position is None else operation.position["left"]
        return None if left is not None and left <= 0 else {"token": wire.token()}

    async def do(self, operation: Operation, page: Page, *, again: bool) -> Did:
        """Cancel up to 500 jobs; the same token cancels once."""
        queue = operation.scope["queue"]
        cancelled, left = await self._engine.drain_step(
            queue, by=operation.by, reason=operation.reason, token=page["token"], deadline_s=ENGINE_S
        )
        before = operation.position
        # What is enqueued meanwhile may stay: else a queue that is filled all the time would be drained for ever.
        allowed = left if before is None else min(left, before["left"] - 500)
        matched = cancelled + left if before is None else None
        return Did({"left": allowed}, cancelled, matched=matched)

    async def finish(self, operation: Operation) -> None:
        """Tell how many were cancelled."""
        data = wire.drained(operation.scope["queue"], operation.by, operation.reason, operation.done)
        await self._engine.tell([("queue.drained", b"", data)], token=operation.id, deadline_s=ENGINE_S)


class Cleaned:
    """Ended jobs deleted by age.

    Scope: `{"before", "status", "queue", "type", "limit"}`; position and page name the last job seen.
    """

    def __init__(self, *, engine: Engine) -> None:
        self._engine = engine

    async def next_page(self, operation: Operation) -> Page | None:
        """Return the next jobs, the oldest of each state first."""
        scope, position = operation.scope, operation.position
        most = BATCH if scope["limit"] is None else min(BATCH, scope["limit"] - operation.done)
        if most <= 0:
            return None
        states = scope["status"] or sorted(str(state) for state in FINAL)
        for state in states if position is None else states[states.index(position[0]) :]:
            after = None
            if position is not None and position[0] == state:
                after = (datetime.fromisoformat(position[1]), position[2])
            found = await deletion.ended_page(
                state,
                datetime.fromisoformat(scope["before"]),
                after=after,
                queue=scope["queue"],
                task=scope["type"],
                size=most,
            )
            if found:
                return {
                    "ids": [job.id for job in found],
                    "next": [state, found[-1].created_at.isoformat(), found[-1].id],
                }
        return None

    async def do(self, operation: Operation, page: Page, *, again: bool) -> Did:
        """Delete those of the page that have still ended."""
        there = await deletion.ended_jobs(page["ids"])
        gone = await delete_batch(self._engine, there, by=operation.by)
        missing = len(page["ids"]) - len(there) if again else 0
        return Did(page["next"], len(gone) + missing)

    async def finish(self, operation: Operation) -> None:
        """Do nothing: each job has told its own."""


def works(engine: Engine, control: Control) -> dict[str, Work]:
    """Return what does each action."""
    steered = Steered(engine=engine, control=control)
    return dict.fromkeys(STATES, steered) | {"drain": Drained(engine=engine), "clean": Cleaned(engine=engine)}


async def _code_of(doing: Awaitable[None]) -> str | None:
    """Return the code of a refusal, None if it was done; that a server is away is no refusal."""
    try:
        await doing
    except (EngineUnavailable, EngineFull, NotRecordedYet):
        raise
    except TaskcastError as error:
        return error.code
    return None
