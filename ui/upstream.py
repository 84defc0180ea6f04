"""One websocket to the gateway per signed-in person, shared by all their pages and closed with the last one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Literal, TypeVar

from taskcast.client import Client, Connection, ConnectionState, GatewayError, Live
from ui.sessions import Session, Sessions, is_over
from ui.ticker import Ticker
from ui.views.view import View

logger = logging.getLogger(__name__)

LINGER_S = 10.0
"""How long a view nobody looks at is kept, so that a reload or a change of page finds it warm."""
OFFLINE_S = 20.0
"""Without the gateway for this long the screen says offline rather than reconnecting."""
AGAIN_S = 3.0

Link = Literal["live", "reconnecting", "offline"]
V = TypeVar("V", bound=View)


class Upstream:
    """The connection of one person, and the views fed by it."""

    def __init__(self, user_id: str, *, ticker: Ticker, sessions: Sessions) -> None:
        self.user_id = user_id
        self.ticker = ticker
        self._registry = sessions
        self._sessions: list[Session] = []
        self._views: dict[str, View] = {}
        self._live: Live | None = None
        self._client: Client | None = None
        self._lost_at: float | None = time.monotonic()
        self._opening = asyncio.Lock()
        self._on_link: set[Callable[[Link], None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> Client:
        """A client with the person's rights, of a session that is still good.

        Raises:
            GatewayError: with status 401 if the person has no session left.
        """
        if not self._sessions:
            raise GatewayError("the session has ended", status=401, code="signed_out")
        return self._sessions[-1].client

    @property
    def link(self) -> Link:
        """How the connection to the gateway stands."""
        if self._live is not None and self._live.connection is Connection.CONNECTED:
            return "live"
        waited = time.monotonic() - (self._lost_at or time.monotonic())
        return "offline" if waited >= OFFLINE_S else "reconnecting"

    def watch_link(self, told: Callable[[Link], None]) -> Callable[[], None]:
        """Call `told` at every change of the link; return the function that ends it."""
        self._on_link.add(told)
        return lambda: self._on_link.discard(told)

    def join(self, session: Session) -> None:
        """Let a session's pages use this connection."""
        if session not in self._sessions:
            self._sessions.append(session)

    async def leave(self, session: Session) -> None:
        """Stop using a session that was ended; another of the person's carries on, if there is one."""
        if session in self._sessions:
            self._sessions.remove(session)
        if self._client is session.client:
            await self._close_live()
        if not self._sessions:
            await self.stop()

    def view(self, key: str, make: Callable[[Upstream], V]) -> V:
        """Return the view of this key, made and started if it is not there yet."""
        found = self._views.get(key)
        if found is None:
            found = self._views[key] = make(self)
            found.start()
        if timer := self._timers.pop(key, None):
            timer.cancel()
        found.on_alone = lambda: self._alone(key)
        return found  # type: ignore[return-value]  # a key always names views of one class

    async def live(self) -> Live:
        """Return the websocket, opened if it is not; it goes on trying when the gateway is away.

        Raises:
            GatewayError: if no session is left.
        """
        async with self._opening:
            if self._live is None or self._live.connection is Connection.CLOSED:
                self._client = self.client
                self._live = self._client.live()
                self._live.listen(self._changed)
                await self._live.start(wait=False)
            return self._live

    async def refused(self, error: GatewayError) -> None:
        """Deal with a connection that the gateway ended for good: sign out if that is why."""
        if not is_over(error):
            return
        for session in [s for s in self._sessions if s.client is self._client]:
            await self._registry.end(session, tell_gateway=False)

    async def stop(self) -> None:
        """Close everything. Stopping twice is fine."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await self._close_live()
        views, self._views = list(self._views.values()), {}
        for view in views:
            await view.stop()

    def _alone(self, key: str) -> None:
        if key not in self._timers and key in self._views:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(LINGER_S, self._spawn_drop, key)

    def _spawn_drop(self, key: str) -> None:
        task = asyncio.create_task(self._drop(key), name=f"close view {key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drop(self, key: str) -> None:
        self._timers.pop(key, None)
        view = self._views.get(key)
        if view is None or view.is_watched:
            return
        del self._views[key]
        await view.stop()
        if not self._views:
            await self._close_live()

    async def _close_live(self) -> None:
        live, self._live, self._client = self._live, None, None
        if live is not None:
            await live.stop()

    def _changed(self, state: ConnectionState) -> None:
        if state.connection is Connection.CONNECTED:
            self._lost_at = None
        elif self._lost_at is None:
            self._lost_at = time.monotonic()
        if self._lost_at is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().call_later(OFFLINE_S + 0.1, self._tell)
        self._tell()

    def _tell(self) -> None:
        for told in list(self._on_link):
            try:
                told(self.link)
            except Exception:
                logger.exception("a page could not show the connection")


class Upstreams:
    """The connections of all people who look at the dashboard now."""

    def __init__(self, *, ticker: Ticker) -> None:
        self._ticker = ticker
        self._by_user: dict[str, Upstream] = {}

    def of(self, session: Session, sessions: Sessions) -> Upstream:
        """Return the person's connection."""
        key = session.user_id or session.token
        upstream = self._by_user.get(key)
        if upstream is None:
            upstream = self._by_user[key] = Upstream(key, ticker=self._ticker, sessions=sessions)
        upstream.join(session)
        return upstream

    async def leave(self, session: Session) -> None:
        """Take an ended session out."""
        key = session.user_id or session.token
        if upstream := self._by_user.get(key):
            await upstream.leave(session)
            if not upstream._sessions:
                self._by_user.pop(key, None)

    async def stop(self) -> None:
        """Close all connections."""
        upstreams, self._by_user = list(self._by_user.values()), {}
        for upstream in upstreams:
            await upstream.stop()
