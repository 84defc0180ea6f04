"""The websocket as one connection that comes back by itself and goes on where it stood."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from taskcast import protocol
from taskcast.client.messages import Connection, ConnectionState, Message
from taskcast.client.requests import ANSWER_S, TEMPORARY, Requests
from taskcast.client.subscription import Subscription, make_filter
from taskcast.ending import end
from taskcast.errors import GatewayError
from taskcast.protocol import ClientFrame, CloseCode, Filter, Hello, Refresh, ServerFrame, Subscribe, Unsubscribe

if TYPE_CHECKING:
    from taskcast.client.rest import Client

logger = logging.getLogger(__name__)

BACKOFF_S = (0.25, 10.0)
"""The first and the longest pause before coming back; a pause varies by half."""
SILENCE = 2.2
"""A connection without a word for this many ping intervals counts as lost."""
FRAME_BYTES = 16 * 1024 * 1024

Listener = Callable[[ConnectionState], None]


class Live:
    """A websocket of the gateway; made by `Client.live()`.

    It reconnects for ever, with a pause that grows, unless the gateway says that coming back cannot help (a wrong
    token, a forbidden topic): then every subscription ends with a `GatewayError`. Subscriptions resume where they
    stood; where that is impossible a fresh `Snapshot` comes.

    Example:
        async with client.live() as live:
            async for message in await live.subscribe("jobs", filter={"queue": ["imports"]}):
                print(message)
    """

    def __init__(self, client: Client) -> None:
        self.connection = Connection.CLOSED
        self.session: str | None = None
        self._client = client
        self._url = _websocket_url(client.base_url)
        self._socket: ClientConnection | None = None
        self._subscriptions: list[Subscription] = []
        self._by_name: dict[str, Subscription] = {}
        self._requests = Requests()
        self._beginnings: dict[int, Subscription] = {}
        self._listeners: list[Listener] = []
        self._ping_s = protocol.PING_S
        self._token: str | None = None
        self._refused: str | None = None
        self._bye: protocol.Bye | None = None
        self._first: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: GatewayError | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, *, wait: bool = True) -> None:
        """Connect; with `wait` return when the gateway has said hello.

        Raises:
            GatewayError: if it refuses, or cannot be reached at the first try; without `wait` it goes on trying.
        """
        if self._task is not None:
            return
        self._error = None
        self._first = asyncio.get_running_loop().create_future() if wait else None
        self._task = asyncio.create_task(self._loop(), name="taskcast live")
        if self._first is not None:
            try:
                await self._first
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Close the connection and end all subscriptions. Stopping twice is fine."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._end(None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at every change of the connection; return the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    async def subscribe(
        self,
        topic: str,
        *,
        filter: dict[str, Any] | Filter | None = None,  # noqa: A002  # the protocol's word
        snapshot: bool = True,
        limit: int = protocol.MAX_SNAPSHOT_ROWS,
        tail: int = protocol.MAX_SNAPSHOT_ROWS,
        pos: int | None = None,
        max_hz: float = 2.0,
    ) -> Subscription:
        """Subscribe to `jobs`, `job:<id>`, `statistics`, `queues`, `workers`, `tasks`, `schedules` or `alerts`.

        While the connection is lost the subscription is kept and asked for as soon as it is back.

        Raises:
            GatewayError: if the gateway refuses; `code` says why, `fields` names the part.
            ValueError: if the filter is none.
        """
        request = Subscribe(
            topic=topic, filter=make_filter(filter), snapshot=snapshot, limit=limit, tail=tail, max_hz=max_hz
        )
        subscription = Subscription(self, request)
        subscription.pos = pos
        if self._error is not None:
            raise self._error
        self._subscriptions.append(subscription)
        if self.connection is Connection.CONNECTED:
            try:
                await self._begin(subscription)
            except ConnectionError:
                pass  # lost meanwhile: it is asked for again with the others
            except BaseException:
                self._drop(subscription)
                raise
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        name = subscription.name
        self._drop(subscription)
        subscription.end()
        if name is not None and self.connection is Connection.CONNECTED:
            with suppress(ConnectionError, GatewayError):
                await self._ask(unsub=Unsubscribe(sub=name))

    # ------------------------------------------------------------------------------------------ the connection

    async def _loop(self) -> None:
        tries = 0
        while True:
            self._bye = None
            reason, code = "the connection was lost", None
            self._tell(ConnectionState(connection=Connection.CONNECTING))
            try:
                greeted = await self._session()
                tries = 0 if greeted else tries
            except _Lost as lost:
                reason, code = lost.reason, lost.code
                tries = 0 if lost.greeted else tries
            except GatewayError as error:
                if error.status not in (0, 408, 429) and error.status < 500:
                    self._give_up(error)
                    return
                reason = str(error)
            except (OSError, WebSocketException) as error:
                reason = str(error) or type(error).__name__
            except Exception as error:
                logger.exception("the live connection failed")
                reason = str(error)
            if not protocol.may_reconnect(code) and not (code == CloseCode.BAD_TOKEN and self._may_renew()):
                self._give_up(GatewayError(reason, status=code or 0, code=_code_name(code)))
                return
            if self._first is not None and not self._first.done():
                message = f"the gateway at {self._client.base_url} cannot be reached: {reason}"
                self._give_up(GatewayError(message, status=code or 0, code="unavailable"))
                return
            pause = self._pause(tries, code)
            tries += 1
            self._tell(ConnectionState(connection=Connection.WAITING, reason=reason, code=code, retry_s=pause))
            await asyncio.sleep(pause)

    async def _session(self) -> bool:
        token = self._token = await self._client.credentials.access(refused=self._refused)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        greeted = False
        try:
            async with connect(
                self._url,
                subprotocols=[protocol.SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
                additional_headers=headers,
                max_size=FRAME_BYTES,
                compression=None,
                ping_interval=None,
                open_timeout=10,
                close_timeout=1,
                user_agent_header="taskcast",
            ) as socket:
                self._socket = socket
                await socket.send(protocol.encode_client(ClientFrame(id=self._requests.new_id(), hello=Hello())))
                await self._greet(socket)
                greeted = True
                self._refused = None
                await self._serve(socket)
        except ConnectionClosed as closed:
            frame = closed.rcvd
            code = frame.code if frame else None
            reason = (frame.reason if frame else "") or (self._bye.reason if self._bye else "")
            raise _Lost(reason or "the connection was lost", code, greeted=greeted) from None
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (401, 403):
                raise _Lost(f"refused with {status}", CloseCode.BAD_TOKEN, greeted=False) from None
            raise
        except TimeoutError:
            raise _Lost("the gateway was silent", None, greeted=greeted) from None
        finally:
            self._lose()
        return greeted

    async def _greet(self, socket: ClientConnection) -> None:
        async with asyncio.timeout(ANSWER_S):
            frame = protocol.decode_server(next(protocol.lines(str(await socket.recv()))))
        if frame.err is not None:
            raise GatewayError(frame.err.message, status=0 if frame.err.temporary else 401, code=frame.err.code)
        if frame.bye is not None:
            self._bye = frame.bye
            raise _Lost(frame.bye.reason, frame.bye.code, greeted=False)
        if frame.ok is None:
            raise _Lost("the gateway did not say hello", None, greeted=False)
        self.session = frame.ok.session
        self._ping_s = frame.ok.ping_s or self._ping_s

    async def _serve(self, socket: ClientConnection) -> None:
        reader = asyncio.create_task(self._read(socket), name="taskcast live reader")
        renewer = asyncio.create_task(self._renew(), name="taskcast live renewer")
        later: list[asyncio.Task[None]] = []
        try:
            self._tell(ConnectionState(connection=Connection.CONNECTED))
            for subscription in [each for each in self._subscriptions if each.name is None]:
                if not await self._restore(subscription, reader):
                    again = self._restore_later(subscription)
                    later.append(asyncio.create_task(again, name="taskcast live again"))
            if self._first is not None and not self._first.done():
                self._first.set_result(None)
            await reader
        finally:
            await end(reader, renewer, *later)

    async def _restore(self, subscription: Subscription, reader: asyncio.Task[None]) -> bool:
        """Ask for a subscription on a new connection; return whether that is settled."""
        try:
            await self._begin(subscription)
        except GatewayError as error:
            if error.status == TEMPORARY:
                logger.info("%s cannot be had now and is asked for again: %s", subscription.topic, error)
                return False
            self._drop(subscription)
            subscription.end(error)
        except ConnectionError:
            if reader.done():
                await reader  # raises why the connection was lost
            raise _Lost("the gateway did not answer", None, greeted=True) from None
        return True

    async def _restore_later(self, subscription: Subscription) -> None:
        """Ask for a subscription until it is given or refused for good; the others go on meanwhile."""
        for tries in count():
            await asyncio.sleep(self._pause(tries, None))
            if subscription not in self._subscriptions:
                return
            try:
                await self._begin(subscription)
                return
            except ConnectionError:
                logger.info("%s was not answered", subscription.topic)  # with the connection this task ends too
            except GatewayError as error:
                if error.status != TEMPORARY:
                    self._drop(subscription)
                    subscription.end(error)
                    return

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                async with asyncio.timeout(self._ping_s * SILENCE):
                    text = await socket.recv()
                await self._receive(str(text), socket)
        finally:
            self._requests.lost()

    async def _receive(self, text: str, socket: ClientConnection) -> None:
        batches: dict[str, list[Message]] = {}
        for line in protocol.lines(text):
            frame = protocol.decode_server(line)
            if frame.s is not None:
                subscription = self._by_name.get(frame.s)
                message = subscription.message(frame) if subscription else None
                if message is not None:
                    batches.setdefault(frame.s, []).append(message)
            elif frame.ping is not None:
                await socket.send(protocol.encode_client(ClientFrame(pong=frame.ping)))
            elif frame.bye is not None:
                self._bye = frame.bye
            elif frame.id is not None:
                self._answer(frame)
        for name, batch in batches.items():
            subscription = self._by_name.get(name)
            if subscription is not None:
                await subscription.put(batch)

    def _answer(self, frame: ServerFrame) -> None:
        assert frame.id is not None
        subscription = self._beginnings.pop(frame.id, None)
        if subscription is not None and frame.ok is not None and frame.ok.sub is not None:
            # Before the next line is read: its snapshot may follow in the same frame.
            subscription.begin(frame.ok.sub, bool(frame.ok.resumed), frame.ok.pos)
            self._by_name[frame.ok.sub] = subscription
        self._requests.answered(frame)

    async def _begin(self, subscription: Subscription) -> None:
        request = ClientFrame(id=self._requests.new_id(), sub=subscription.request())
        assert request.id is not None
        self._beginnings[request.id] = subscription
        try:
            await self._requests.ask(self._socket, request)
        finally:
            self._beginnings.pop(request.id, None)

    async def _ask(self, **wish: Any) -> ServerFrame:
        return await self._requests.ask(self._socket, ClientFrame(id=self._requests.new_id(), **wish))

    async def _renew(self) -> None:
        """Bring a fresh token before the session's one ends, so that the connection is not closed for it."""
        credentials = self._client.credentials
        while (left := credentials.expires_in_s) is not None:
            await asyncio.sleep(max(1.0, left - 45.0))
            try:
                token = await credentials.access(refused=self._token)
                if token and token != self._token:
                    await self._ask(refresh=Refresh(token=token))
                    self._token = token
            except (GatewayError, ConnectionError) as error:
                logger.warning("the live connection's token could not be renewed: %s", error)
                await asyncio.sleep(5)

    # ------------------------------------------------------------------------------------------------- helpers

    def _lose(self) -> None:
        self._socket = None
        rewritten = self._bye is not None and self._bye.code == CloseCode.ROLLED_BACK
        for subscription in self._subscriptions:
            subscription.lost(rewritten=rewritten)
        self._by_name.clear()
        self._beginnings.clear()
        self._requests.lost()

    def _pause(self, tries: int, code: int | None) -> float:
        if self._bye is not None and self._bye.retry_ms is not None:
            return self._bye.retry_ms / 1000
        first, longest = BACKOFF_S
        if protocol.reconnect_now(code) and tries == 0:
            return random.uniform(0, first)
        return min(longest, first * 2.0**tries) * random.uniform(0.5, 1.5)

    def _may_renew(self) -> bool:
        """Tell whether a refused token can be replaced, once."""
        if not self._client.credentials.renews or self._refused is not None:
            return False
        self._refused = self._token
        return True

    def _give_up(self, error: GatewayError) -> None:
        self._error = error
        self._end(error)
        if self._first is not None and not self._first.done():
            self._first.set_exception(error)
        else:
            logger.warning("the live connection has ended: %s", error)

    def _end(self, error: GatewayError | None) -> None:
        reason = str(error) if error else None
        self._tell(ConnectionState(connection=Connection.CLOSED, reason=reason, code=error.status if error else None))
        for subscription in self._subscriptions:
            subscription.end(error)
        self._subscriptions.clear()
        self._by_name.clear()

    def _drop(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
        if subscription.name is not None:
            self._by_name.pop(subscription.name, None)

    def _tell(self, state: ConnectionState) -> None:
        if state.connection is self.connection and state.reason is None:
            return
        self.connection = state.connection
        for subscription in self._subscriptions:
            subscription.tell(state)
        for listener in list(self._listeners):
            try:
                listener(state)
            except Exception:
                logger.exception("a listener of the live connection failed")


class _Lost(Exception):
    def __init__(self, reason: str, code: int | None, *, greeted: bool) -> None:
        super().__init__(reason)
        self.reason, self.code, self.greeted = reason, code, greeted


def _websocket_url(base_url: str) -> str:
    scheme, _, rest = base_url.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws"


def _code_name(code: int | None) -> str:
    try:
        return CloseCode(code).name.lower() if code is not None else "unavailable"
    except ValueError:
        return f"close_{code}"
