"""The end of a session, as the reason for it."""

from __future__ import annotations

from taskcast.protocol import CloseCode


class Closing(Exception):
    """The session is to be closed with this code."""

    def __init__(self, code: CloseCode, reason: str, retry_ms: int | None = None) -> None:
        super().__init__(reason)
        self.code, self.reason, self.retry_ms = code, reason, retry_ms
