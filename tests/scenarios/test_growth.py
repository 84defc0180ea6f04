"""Nothing grows: thousands of jobs of every kind leave the server with the keys and the memory that it had before."""

from __future__ import annotations

import pytest

from benchmarks.soak import soak
from tests.taskcast.conftest import OwnServer

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]
KNOWN_KEYS = {"events", "seq", "lanes", "shares", "counts", "run", "workers", "lease", "held"}


async def test_thousands_of_jobs_leave_no_key_and_no_memory_behind(own_server: OwnServer) -> None:
    soaked = await soak(own_server.url, 5_000, warm_up=1_000)

    assert soaked.after.keys == soaked.before.keys
    assert set(soaked.after.keys) <= KNOWN_KEYS
    assert soaked.after.ended_now["tomb"] <= 5_000
    assert soaked.server_growth < 0.1
    assert soaked.worker_growth < 0.25
