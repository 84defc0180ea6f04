"""One open page of one person: what it is made of, and how anything is done from it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from nicegui import Client as Browser
from nicegui import ui

from taskcast.client import GatewayError
from ui.commands import Commands
from ui.components.frame_parts import ConfirmDialog, Toasts
from ui.components.operations import OperationCards
from ui.questions import Question, Refusal, Unfit
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

Answer = Callable[[dict[str, Any]], Awaitable[Refusal | None]]
"""Takes what was filled into a dialog; returns why it cannot be done, or None."""


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
        self.cards: OperationCards | None = None
        self.frame: Frame | None = None
        self.commands = Commands(self)
        self.on_path: Callable[[str], None] | None = None
        self._sessions = sessions
        self._questions: dict[int, Answer] = {}
        self._asked = 0
        session.pages.add(self)
        browser.on_connect(self._connected)
        browser.on_delete(self._deleted)

    @property
    def may(self) -> dict[str, bool]:
        """What buttons to show."""
        return {"retry": self.session.may_steer, "cancel": self.session.may_cancel}

    @property
    def why(self) -> dict[str, str]:
        """Why steering and cleaning are not offered to this person; empty where they are."""
        role = self.session.role
        return {
            "steer": "" if self.session.may_steer else f"Your role, {role}, may look only; an operator may steer.",
            "clean": "" if self.session.may_clean else f"Your role, {role}, may not delete jobs; an admin may.",
        }

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
    def tasks(self) -> TableView:
        """All tasks that workers announced."""
        return self.upstream.view("tasks", lambda upstream: TableView(upstream, "tasks"))

    @property
    def schedules(self) -> TableView:
        """All schedules."""
        return self.upstream.view("schedules", lambda upstream: TableView(upstream, "schedules"))

    @property
    def operations(self) -> TableView:
        """The commands about many jobs that go on or have just ended."""
        return self.upstream.view("operations", lambda upstream: TableView(upstream, "operations"))

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
        """Do something with the person's rights and say how it went. Return whether it did."""
        refusal = await self.attempt(work)
        if refusal is not None:
            if refusal.text:
                self.toast("bad", refusal.text)
            return False
        if done:
            self.toast("ok", done)
        return True

    async def attempt(self, work: Callable[[], Awaitable[Any]]) -> Refusal | None:
        """Do something with the person's rights, after a look at the session. Return why it could not be done, if so."""
        try:
            await self.session.check()
            await work()
        except SessionEnded:
            await self._sessions.end(self.session, tell_gateway=False)
            return Refusal("")
        except GatewayError as error:
            if error.status == 401:
                await self._sessions.end(self.session, tell_gateway=False)
                return Refusal("")
            return Refusal(explain(error), dict(error.fields or {}))
        except Unfit:
            raise
        except Exception as error:
            return Refusal(explain(error))
        return None

    def toast(self, tone: str, text: str) -> None:
        """Show short news."""
        if self.toasts is not None:
            self.toasts.send("patch", {"tone": tone, "text": text[:600]})

    def ask(self, question: Question, yes: Answer) -> None:
        """Ask before doing something; `yes` gets what was filled in. The dialog stays open if it returns a refusal."""
        self._asked += 1
        self._questions = {self._asked: yes}
        self._show(question.as_json() | {"token": self._asked})

    def tell(self, question: Question) -> None:
        """Show something in a dialog that is only closed."""
        self._questions.clear()
        self._show(question.as_json() | {"token": 0})

    async def answered(self, args: Any) -> None:
        """Take the answer of the dialog."""
        token, values = args if isinstance(args, list) and len(args) == 2 else (None, {})
        yes = self._questions.pop(token, None) if isinstance(token, int) else None
        if yes is None:
            return
        refusal = await yes(values if isinstance(values, dict) else {})
        if refusal is None:
            self._show({"token": token, "close": True})
        else:
            self._questions.setdefault(token, yes)
            self._show({"token": token, "problem": refusal.text, "fields": refusal.fields})

    async def previewed(self, args: Any) -> None:
        """Say in the dialog when what is being filled in would run."""
        token, values = args if isinstance(args, list) and len(args) == 2 else (None, {})
        if token in self._questions and isinstance(values, dict):
            found = await self.commands.preview(values)
            self._show({"token": token, "preview": found})

    def _show(self, message: dict[str, Any]) -> None:
        if self.dialog is not None:
            self.dialog.send("patch", message)

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
