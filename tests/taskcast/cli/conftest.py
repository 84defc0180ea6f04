"""The command run as its user runs it, against a whole gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from taskcast.cli.main import main
from tests.core.live.conftest import (  # noqa: F401  # fixtures
    Gateway,
    engine,
    gateway,
    make_token,
    recorder,
    work,
)

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def taskcast(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: F811
    """Run `taskcast` with an operator's token; in a thread, because it has an event loop of its own."""
    monkeypatch.setenv("TASKCAST_URL", gateway.url)
    monkeypatch.setenv("TASKCAST_TOKEN", await make_token("admin"))
    monkeypatch.setenv("COLUMNS", "160")

    async def run(*arguments: str, **options: Any) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, list(arguments), **options)

    return run


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]
