"""Where the gateway is, who we are, and how an error becomes one line and an exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from taskcast.client import Client, GatewayError, GatewayUnavailable
from taskcast.errors import TaskcastError

T = TypeVar("T")

WHERE = "start it with `taskcast up`, or say where it is with --url, TASKCAST_URL or TASKCAST_GATEWAY_PORT"


class Exit(IntEnum):
    """The exit codes of `taskcast`."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_ALLOWED = 4
    JOB_FAILED = 5
    JOB_CANCELLED = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Target:
    """The gateway a command talks to."""

    url: str
    token: str | None
    json: bool

    def client(self) -> Client:
        """Return a client for it.

        Raises:
            click.ClickException: if there is no token.
        """
        if not self.token:
            raise Problem(
                "no token: set TASKCAST_TOKEN, or run where `taskcast up` keeps its data (TASKCAST_DATA_DIR)",
                Exit.NOT_ALLOWED,
            )
        return Client(self.url, token=self.token)


class Problem(click.ClickException):
    """An error that is said in one line, with its exit code."""

    def __init__(self, message: str, exit_code: int = Exit.ERROR) -> None:
        super().__init__(message)
        self.exit_code = int(exit_code)  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: Any = None) -> None:
        """Write the line to stderr."""
        click.echo(f"taskcast: {self.message}", err=True, file=file)


def default_url() -> str:
    """Return the gateway's address from TASKCAST_URL or TASKCAST_GATEWAY_PORT."""
    return os.environ.get("TASKCAST_URL") or f"http://127.0.0.1:{os.environ.get('TASKCAST_GATEWAY_PORT', '8000')}"


def default_token() -> str | None:
    """Return the token of TASKCAST_TOKEN, else the one that `taskcast up` left in the data directory."""
    if token := os.environ.get("TASKCAST_TOKEN"):
        return token
    path = Path(os.environ.get("TASKCAST_DATA_DIR", ".taskcast")) / "cli-token"
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def run(target: Target, work: Callable[[Client], Awaitable[T]], *, interrupted: str = "interrupted") -> T:
    """Run `work` with a client; errors become one line, and Ctrl-C the line `interrupted`.

    Raises:
        Problem: with the exit code that fits.
    """

    async def go() -> T:
        async with target.client() as client:
            return await work(client)

    try:
        return asyncio.run(go())
    except GatewayUnavailable as error:
        raise Problem(f"{error}; {WHERE}", Exit.UNREACHABLE) from None
    except GatewayError as error:
        raise Problem(_sentence(error), _exit_code(error)) from None
    except TaskcastError as error:
        raise Problem(str(error)) from None
    except KeyboardInterrupt:
        raise Problem(interrupted, Exit.INTERRUPTED) from None


def _exit_code(error: GatewayError) -> Exit:
    if error.code == "unavailable":
        return Exit.UNREACHABLE
    return Exit.NOT_ALLOWED if error.status in (401, 403, 4001, 4003) else Exit.ERROR


def _sentence(error: GatewayError) -> str:
    fields = "; ".join(f"{name}: {text}" for name, text in error.fields.items() if text not in str(error))
    return f"{error} ({fields})" if fields else str(error)
