"""Whole systems for the scenarios."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.system import System


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    """One Taskcast for all scenarios that leave it whole, or give it back whole."""
    folder = Path(tempfile.mkdtemp(prefix="tc-scenario-"))
    running = System(folder).start()
    yield running
    running.stop()
    remove(folder)


def remove(folder: Path) -> None:
    from core.embedded.postgres import EmbeddedPostgres
    from core.embedded.valkey import EmbeddedValkey

    for server in (EmbeddedValkey(folder / "data"), EmbeddedPostgres(folder / "data")):
        server.remove()
    shutil.rmtree(folder, ignore_errors=True)
