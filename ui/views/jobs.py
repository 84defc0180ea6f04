"""The jobs that match a filter, newest first: a snapshot, then events; older pages from REST."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from taskcast import events as ev
from taskcast.client import Connection, ConnectionState, EventMessage, GatewayError, Message, Snapshot, Subscription
from taskcast.states import JobState
from ui.looks import DEAD_LETTERS
from ui.model import Row, apply, newer
from ui.rows import delta, table_row
from ui.upstream import Upstream
from ui.views.view import View
from ui.words import explain

PAGE = 100
MOST_LIVE = 400
"""Rows of a list that grows at its top by itself; older ones then come from REST again."""
LINGER_S = 2.5
"""How long a job that matches no longer stays to be seen leaving."""
KEYS = ("status", "type", "queue", "priority")
DEAD = "dead"
"""The view of the list that holds the dead letters alone, as the URL names it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs; `q` and dead letters are searched by REST, the rest also by the websocket.

    Of dead letters, `final_reason` names the ones wanted; none means all.
    """

    status: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    queue: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    q: str = ""
    dead: bool = False
    final_reason: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: dict[str, Any]) -> Filter:
        """Return the filter of a form or a query; what is no filter is left out."""
        lists = {key: tuple(sorted({str(v)[:128] for v in _listed(values.get(key)) if v})) for key in KEYS}
        states = {state.value for state in JobState}
        lists["status"] = tuple(state for state in lists["status"] if state in states)
        lists["priority"] = tuple(p.upper() for p in lists["priority"] if p.upper() in _PRIORITIES)
        q = str(values.get("q") or "")[:300].strip()
        chosen = cls(
            status=lists["status"], type=lists["type"], queue=lists["queue"], priority=lists["priority"], q=q
        )  # fmt: skip
        if values.get("view") != DEAD:
            return chosen
        wanted = _listed(values.get("final_reason"))
        reasons = tuple(reason for reason in DEAD_LETTERS if reason in wanted)
        return replace(chosen, status=(JobState.FAILED.value,), dead=True, final_reason=reasons)

    @property
    def query(self) -> str:
        """The filter as a URL's query, the same for equal filters."""
        pairs = [(key, value) for key in KEYS for value in getattr(self, key) if not (self.dead and key == "status")]
        if self.dead:
            pairs = [("view", DEAD), *pairs, *(("final_reason", reason) for reason in self.final_reason)]
        return urlencode([*pairs, ("q", self.q)] if self.q else pairs)

    @property
    def wanted(self) -> dict[str, Any]:
        """The filter as the gateway takes it."""
        pairs = {key: list(getattr(self, key)) for key in KEYS} | {"final_reason": list(self.reasons), "q": self.q}
        return {key: value for key, value in pairs.items() if value}

    @property
    def is_searched(self) -> bool:
        """Tell whether only REST knows which jobs these are."""
        return bool(self.q) or self.dead

    @property
    def reasons(self) -> tuple[str, ...]:
        """Which final reasons a job may have; none means any."""
        return (self.final_reason or DEAD_LETTERS) if self.dead else ()

    @property
    def lists(self) -> dict[str, list[str]]:
        """The part the websocket knows."""
        return {key: list(getattr(self, key)) for key in KEYS if getattr(self, key)}

    def matches(self, row: Row) -> bool:
        """Tell whether a row belongs to the list."""
        for key in KEYS:
            wanted = getattr(self, key)
            if wanted and row.get(key) is not None and str(row[key]) not in wanted:
                return False
        return not self.dead or row.get("final_reason") in self.reasons


_PRIORITIES = frozenset({"LOW", "NORMAL", "HIGH", "CRITICAL"})


class JobsView(View):
    """Rows by id, and what of them was drawn."""

    topic = "jobs"

    def __init__(self, upstream: Upstream, filter_: Filter, *, pages: bool) -> None:
        super().__init__(upstream)
        self.filter = filter_
        self.rows: dict[str, Row] = {}
        self.drawn: dict[str, Row] = {}
        self.total: int | dict[str, int] | None = None
        self.has_more = False
        self.is_loading_more = False
        self.unseen = 0
        self._pages = pages
        self._cursor: str | None = None
        self._touched: set[str] = set()
        self._recent: deque[ev.Event] = deque(maxlen=4000)
        self._incomplete: set[str] = set()
        self._completing = False

    @classmethod
    def of_running(cls, upstream: Upstream) -> JobsView:
        """Return the view of the jobs that run or try again."""
        return cls(upstream, Filter(status=("retrying", "running")), pages=False)

    async def subscribe(self) -> Subscription:
        """Subscribe to the filter's lists; a search has its rows from REST and only follows them."""
        live = await self.upstream.live()
        filter_ = None if self.filter.q else self.filter.lists or None
        subscription = await live.subscribe("jobs", filter=filter_, limit=200, snapshot=not self.filter.is_searched)
        if self.filter.dead:
            self.spawn(self._look_again(), "search of dead letters")  # one may have died between start and here
        return subscription

    def start(self) -> None:
        """Begin; a search asks REST at once."""
        super().start()
        if self.filter.is_searched:
            self.spawn(self._search(), "search of jobs")

    def receive(self, batch: list[Message]) -> None:
        """Take snapshots and events."""
        for message in batch:
            if isinstance(message, EventMessage):
                self._take(message.event)
            elif isinstance(message, Snapshot):
                self._begin(message.items)
            elif (
                isinstance(message, ConnectionState) and self.filter.dead and message.connection is Connection.CONNECTED
            ):
                self.spawn(self._look_again(), "search of dead letters")
        if self._touched or not self.is_loaded:
            self.changed()

    def flush(self) -> None:
        """Send every element the fields that changed since the last time."""
        self._trim()
        touched, self._touched = self._touched, set()
        changes: dict[str, Row] = {}
        gone: list[str] = []
        for job in touched:
            row = self.rows.get(job)
            if row is None:
                if self.drawn.pop(job, None) is not None:
                    gone.append(job)
                continue
            new = table_row(row)
            if change := delta(self.drawn.get(job), new):
                changes[job] = change
            self.drawn[job] = new
        for element in self.elements:
            element.patch(changes, gone)

    async def more(self) -> None:
        """Read the next older page.

        Raises:
            GatewayError: if the gateway cannot give it.
        """
        if self.is_loading_more or not self.has_more:
            return
        self.is_loading_more = True
        try:
            oldest = min((str(row.get("created_at")) for row in self.rows.values()), default="")
            while True:
                page = await self._read(self._cursor)
                self._cursor, self.has_more = page.next_cursor, page.next_cursor is not None
                self._merge(page.items)
                reached = not page.items or str(page.items[-1].get("created_at")) < oldest
                if reached or not self.has_more:
                    return
        finally:
            self.is_loading_more = False
            self.changed()

    async def search_again(self) -> None:
        """Do the search anew, because jobs came that it has not seen."""
        await self._search()

    async def _search(self) -> None:
        try:
            page = await self._read(None)
        except GatewayError as error:
            self.error = explain(error)
            self.is_loaded = True
            self.changed()
            return
        self.error, self.unseen = None, 0
        self._replace({row["id"]: row for row in page.items})
        self._cursor, self.has_more, self.total = page.next_cursor, page.next_cursor is not None, page.total
        self.is_loaded = True
        self.changed()

    async def _look_again(self) -> None:
        """Add what REST knows by now; nothing that an event brought meanwhile is taken away."""
        found = (await self._read(None)).items
        self._merge([row for row in found if row["id"] not in self.rows])
        for row in found:
            self._leave(row["id"])  # if it has been sent again since
        self.changed()

    async def _read(self, cursor: str | None) -> Any:
        return await self.upstream.client.jobs(
            **{key: getattr(self.filter, key) or None for key in KEYS},
            final_reason=self.filter.reasons or None,
            q=self.filter.q or None,
            limit=PAGE,
            cursor=cursor,
        )

    def _begin(self, items: list[Row]) -> None:
        self._touched |= self.rows.keys()
        self.rows = {row["id"]: row for row in items}
        self._touched |= self.rows.keys()
        self.is_loaded = True
        self._cursor = None
        full = len(items) >= 200
        self.has_more = full and self._pages
        self.total = None if full else len(items)
        if full and self._pages:
            self.spawn(self._count(), "count of jobs")
        self.changed()

    async def _count(self) -> None:
        self.total = (await self.upstream.client.jobs(
            **{key: getattr(self.filter, key) or None for key in KEYS}, limit=1
        )).total  # fmt: skip
        self.changed()

    def _replace(self, rows: dict[str, Row]) -> None:
        self._touched |= self.rows.keys() | rows.keys()
        self.rows = {job: newer(self.rows.get(job), row) for job, row in rows.items()}

    def _merge(self, items: list[Row]) -> None:
        found = {row["id"]: row for row in items}
        for event in self._recent:
            if event.job in found and (row := apply(found[event.job], event)) is not None:
                found[event.job] = row
        for job, row in found.items():
            self.rows[job] = newer(self.rows.get(job), row)
            self._touched.add(job)

    def _take(self, event: ev.Event) -> None:
        job = event.job
        if not job or isinstance(event, ev.JobLogged):
            return
        self._recent.append(event)
        old = self.rows.get(job)
        if old is None and (self.filter.q or not self._is_new(event)):
            if self.filter.q and isinstance(event, ev.JobQueued | ev.JobScheduled) and event.was is None:
                self.unseen += 1
                self.changed()
            return
        row = apply(old, event)
        if row is old:
            return
        self._touched.add(job)
        if row is None:
            self.rows.pop(job, None)
            return
        self.rows[job] = row
        if old is None and isinstance(self.total, int):
            self.total += 1
        if not self.filter.q and not self.filter.matches(row):
            asyncio.get_running_loop().call_later(LINGER_S, self._leave, job)
        if row.get("is_partial") and self._pages:
            self._incomplete.add(job)
            self._complete()

    def _is_new(self, event: ev.Event) -> bool:
        """Tell whether an event may bring a job into the list, rather than tell of one that leaves it."""
        reason = event.data.final_reason if isinstance(event, ev.JobFailed) else None
        return bool(event.state) and self.filter.matches(
            {"status": event.state, "type": event.task, "queue": event.queue, "final_reason": reason}
        )

    def _leave(self, job: str) -> None:
        row = self.rows.get(job)
        if row is not None and not self.filter.matches(row):
            del self.rows[job]
            if isinstance(self.total, int):
                self.total -= 1
            self._touched.add(job)
            self.changed()

    def _complete(self) -> None:
        if not self._completing:
            self._completing = True
            self.spawn(self._complete_rows(), "reading of single jobs")

    async def _complete_rows(self) -> None:
        try:
            while self._incomplete:
                job = self._incomplete.pop()
                if job in self.rows and self.rows[job].get("is_partial"):
                    found = await self.upstream.client.job(job)
                    self.rows[job] = newer(self.rows.get(job), found)
                    self._touched.add(job)
                    self.changed()
        finally:
            self._completing = False

    def _trim(self) -> None:
        if self.filter.is_searched or self._cursor is not None or len(self.rows) <= MOST_LIVE + 50:
            return
        by_age = sorted(self.rows, key=lambda job: (str(self.rows[job].get("created_at")), job))
        for job in by_age[: len(self.rows) - MOST_LIVE]:
            del self.rows[job]
            self._touched.add(job)
        if self._pages and not self.has_more:
            self.has_more, self.total = True, None
            self.spawn(self._count(), "count of jobs")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple | set) else [value]


def now_ms() -> int:
    """Return this host's time, from which browsers take theirs."""
    return round(time.time() * 1000)
