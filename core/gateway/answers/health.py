"""How the gateway says that it is up, and ready."""

from __future__ import annotations

from typing import Literal

from core.gateway.answers.answer import Answer


class Health(Answer):
    """The process is up."""

    status: Literal["up"]
    version: str


class Check(Answer):
    """Whether one thing the gateway needs is there."""

    ok: bool
    detail: str | None = None
    milliseconds: float | None = None


class Ready(Answer):
    """Whether the whole can work, and what to know about it."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, Check]
    warnings: list[str]
