"""One open page of one person: what it is made of, and how anything is done from it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from nicegui import Client as Browser
from nicegui import ui

from taskcast.client import GatewayError
from ui.components.frame_parts import ConfirmDialog, Toasts
from ui.sessions import Session, SessionEnded, Sessions
from ui.settings import Settings
from ui.upstream import Upstream
from ui.views.dock import DockView
from ui.views.job import JobView
from ui.views.jobs import Filter, JobsView
from ui.views.table import StatisticsView, TableView
from ui.words import explain

if TYPE_CHECKING:
    from ui.pages.frame import Frame

logger = logging.getLogger(__name__)

SIGN_IN = "/admin/sign-in"


class Page:
    """Binds a browser's tab to a session; every action goes through `act`, which checks the session first."""

    def __init__(
        self, browser: Browser, session: Session, *, upstream: Upstream, sessions: Sessions, settings: Settings
    ) -> None:
        self.browser = browser
        self.session = session
        self.upstream = upstream
        self.settings = settings
        self.elements: WeakSet[Any] = WeakSet()
        self.toasts: Toasts | None = None
        self.dialog: ConfirmDialog | None = None
        self.frame: Frame | None = None
        self.on_path: Callable[[str], None] | None = None
        self._sessions = sessions
        self._questions: dict[int, Callable[[str], Awaitable[None]]] = {}
        self._asked = 0
        session.pages.add(self)
        browser.on_connect(self._connected)
        browser.on_delete(self._deleted)

    @property
    def may(self) -> dict[str, bool]:
        """What buttons to show."""
        return {"retry": self.session.may_steer, "cancel": self.session.may_cancel}

    # ---------------------------------------------------------------------------------------------------- views

    @property
    def statistics(self) -> StatisticsView:
        """The person's statistics."""
        return self.upstream.view("statistics", StatisticsView)

    @property
    def queues(self) -> TableView:
        """All queues."""
        return self.upstream.view("queues", lambda upstream: TableView(upstream, "queues"))

    @property
    def workers(self) -> TableView:
        """All workers."""
        return self.upstream.view("workers", lambda upstream: TableView(upstream, "workers"))

    @property
    def running(self) -> JobsView:
        """The jobs that run or try again."""
        return self.upstream.view("running", JobsView.of_running)

    @property
    def dock(self) -> DockView:
        """The log of the running jobs."""
        running = self.running
        return self.upstream.view("dock", lambda upstream: DockView(upstream, running))

    def jobs(self, chosen: Filter) -> JobsView:
        """Return the list of a filter."""
        return self.upstream.view(f"jobs?{chosen.query}", lambda upstream: JobsView(upstream, chosen, pages=True))

    def job(self, job_id: str) -> JobView:
        """Return one job."""
        return self.upstream.view(f"job:{job_id}", lambda upstream: JobView(upstream, job_id))

    # -------------------------------------------------------------------------------------------------- actions

    async def act(self, work: Callable[[], Awaitable[Any]], done: str = "") -> bool:
        """Do something with the person's rights, after a look at the session; say how it went. Return whether it did."""
        try:
            await self.session.check()
            await work()
        except SessionEnded:
            await self._sessions.end(self.session, tell_gateway=False)
            return False
        except GatewayError as error:
            if error.status == 401:
                await self._sessions.end(self.session, tell_gateway=False)
                return False
            self.toast("bad", explain(error))
            return False
        except Exception as error:
            self.toast("bad", explain(error))
            return False
        if done:
            self.toast("ok", done)
        return True

    def toast(self, tone: str, text: str) -> None:
        """Show short news."""
        if self.toasts is not None:
            self.toasts.send("patch", {"tone": tone, "text": text[:600]})

    def ask(self, question: dict[str, Any], yes: Callable[[str], Awaitable[None]]) -> None:
        """Ask before doing something; `yes` gets the reason that was typed."""
        self._asked += 1
        self._questions = {self._asked: yes}
        if self.dialog is not None:
            self.dialog.send("patch", {**question, "token": self._asked})

    async def answered(self, args: Any) -> None:
        """Take the answer of the dialog."""
        token, reason = args if isinstance(args, list) and len(args) == 2 else (None, "")
        yes = self._questions.pop(token, None) if isinstance(token, int) else None
        if yes is not None:
            await yes(str(reason or "")[:300])

    def ask_cancel(self, row: dict[str, Any]) -> None:
        """Ask whether a job shall be cancelled, then do it."""
        job_id = str(row["id"])

        async def yes(reason: str) -> None:
            async def cancel() -> None:
                await self.session.client.cancel(job_id, reason=reason or None)

            await self.act(cancel, "The job was cancelled." if row.get("status") != "running" else "Cancel requested.")

        text = (
            "It is running: its worker is asked to stop it. What it has done so far stays done."
            if row.get("status") == "running"
            else "It has not begun yet, so it is cancelled at once."
        )
        question = {
            "title": f"Cancel {row.get('type') or 'this job'}?", "text": [text], "reason": "Reason (optional)",
            "yes": "Cancel the job", "no": "Keep it", "danger": True,
        }  # fmt: skip
        self.ask(question, yes)

    def ask_retry(self, row: dict[str, Any]) -> None:
        """Ask whether a finished job shall run again, then do it."""
        job_id, attempt = str(row["id"]), int(row.get("attempt") or 0)

        async def yes(_: str) -> None:
            async def retry() -> None:
                await self.session.client.retry(job_id, after_attempt=attempt)

            await self.act(retry, "The job was queued again.")

        question = {
            "title": f"Run {row.get('type') or 'this job'} again?",
            "text": ["It is queued with the same arguments, under the same id. Its earlier attempts stay to be seen."],
            "yes": "Run again",
        }
        self.ask(question, yes)

    async def steer(self, what: str, row: dict[str, Any] | None) -> None:
        """Do what a job's button says."""
        if row is not None and what == "cancel":
            self.ask_cancel(row)
        elif row is not None and what == "retry":
            self.ask_retry(row)

    def go(self, path: str) -> None:
        """Open a path of the dashboard on this page."""
        with self.browser.content:
            ui.navigate.to(path)

    def open_job(self, job_id: str) -> None:
        """Show a job in the panel."""
        if self.frame is not None:
            self.frame.open_job(job_id)

    def leave(self) -> None:
        """Close this page, because its session has ended."""
        if not self.browser.is_deleted:
            self.browser.open(f"{SIGN_IN}?ended=1")
        self.session.pages.discard(self)

    def _connected(self) -> None:
        if self.session.is_ended:
            self.leave()
            return
        for element in list(self.elements):
            element.came_back()

    def _deleted(self) -> None:
        self.session.pages.discard(self)
        if self.frame is not None:
            self.frame.close()
