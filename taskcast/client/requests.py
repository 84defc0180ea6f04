"""Requests of a websocket that wait for their answer; sending and hearing are the connection's."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from taskcast.errors import GatewayError
from taskcast.protocol import ClientFrame, ServerFrame, encode_client

ANSWER_S = 30.0
"""An answer that takes longer counts as a lost connection."""
TEMPORARY = 503
"""The status of a refusal that trying again can help against."""


class Requests:
    """Numbers requests and brings each its answer."""

    def __init__(self) -> None:
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[ServerFrame]] = {}

    def new_id(self) -> int:
        """Return a number that no request of this client had."""
        self._last_id += 1
        return self._last_id

    async def ask(self, socket: ClientConnection | None, request: ClientFrame) -> ServerFrame:
        """Send a request and return its answer.

        Raises:
            GatewayError: if it is refused; its status is `TEMPORARY` where asking again can help, else 400.
            ConnectionError: if there is no connection, or it is lost meanwhile.
        """
        if socket is None:
            raise ConnectionError("the connection was lost")
        assert request.id is not None
        answer: asyncio.Future[ServerFrame] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = answer
        try:
            await socket.send(encode_client(request))
            async with asyncio.timeout(ANSWER_S):
                frame = await answer
        except (ConnectionClosed, TimeoutError):
            raise ConnectionError("the connection was lost") from None
        finally:
            self._waiting.pop(request.id, None)
        if frame.err is not None:
            fields = {frame.err.field: frame.err.message} if isinstance(frame.err.field, str) else None
            status = TEMPORARY if frame.err.temporary else 400
            raise GatewayError(frame.err.message, status=status, code=frame.err.code, fields=fields)
        return frame

    def answered(self, frame: ServerFrame) -> None:
        """Hand over an answer."""
        answer = self._waiting.pop(frame.id or 0, None)
        if answer is not None and not answer.done():
            answer.set_result(frame)

    def lost(self) -> None:
        """No answer will come any more."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the connection was lost"))
                answer.exception()  # whoever asked may be gone
        self._waiting.clear()
