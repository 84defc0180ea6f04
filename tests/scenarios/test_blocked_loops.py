"""A worker whose event loop is blocked keeps its jobs for a while and is shown; in the end it is killed, and they go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.taskcast.processes import workers_on
from tests.waiting import eventually

pytestmark = pytest.mark.scenario


async def test_a_blocked_loop_is_shown_then_killed_and_its_jobs_go_to_another(redis_url: str, tmp_path: Path) -> None:
    settings = {"WORKER_LEASE_S": "4", "WORKER_LOOP_BLOCKED_S": "1", "WORKER_LOOP_KILL_S": "8"}
    async with workers_on(redis_url, tmp_path, **settings) as workers:
        shop = workers.shop
        blocked = await workers.start()
        beside = await shop.broker.enqueue("work", 60.0)
        await workers.begun()
        job = await shop.broker.enqueue("block", 60.0)
        await workers.begun(2)
        await workers.start()

        async def shown() -> list[str]:
            beats = await shop.events(kind="worker.beat")
            slow = [event for event in beats if event.data.loop_lag_ms >= 1000]
            return [event.data.worker for event in slow if event.data.pid == blocked.pid]

        (slow, *_) = await eventually(shown)
        while_blocked = [await shop.state(one.id) for one in (job, beside)]
        code = await workers.exit_code(blocked)
        ends = [await shop.ended(one.id) for one in (job, beside)]
        log = workers.log(blocked)

    assert slow in log
    assert "the event loop is blocked for" in log
    assert "time.sleep(" in log  # where it is blocked
    assert while_blocked == ["running", "running"]
    assert code == 70
    assert [(end.state, end.attempt) for end in ends] == [("completed", 2), ("completed", 2)]
