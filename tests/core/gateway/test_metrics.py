"""The page for Prometheus."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest

from core.gateway.exposition import Exposition
from core.gateway.services import Services
from core.storage.models import JobDay, Queue, RecorderPosition, Worker
from taskcast.engine.engine import Engine
from taskcast.engine.jobs import NewJob
from taskcast.ids import new_id
from tests.core.gateway.conftest import add_job, code_of

LINE = re.compile(r'(# (HELP|TYPE) [a-z_]+ .+|taskcast_[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+)')


async def test_the_whole_is_told_in_numbers(viewer: httpx.AsyncClient, engine: Engine) -> None:
    now = datetime.now(UTC)
    await engine.enqueue([NewJob(id=new_id(), task="T", queue="imports", priority=3, message=b"{}") for _ in range(2)])
    await engine.pause(queue="imports")
    await Queue.create(name="imports", seen_at=now)
    await Worker.create(id="w1", host="h", pid=7, state="running", slots=4, busy=["a"], started_at=now, seen_at=now)
    await JobDay.create(at=now, type="T", queue_name="imports", completed=7, failed=1)
    await RecorderPosition.filter(id=1).update(seq=1)
    await add_job(status="failed")

    answer = await viewer.get("/metrics")
    lines = answer.text.splitlines()

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    for expected in (
        'taskcast_queue_waiting_jobs{queue="imports",priority="HIGH"} 2',
        'taskcast_queue_paused{queue="imports"} 1',
        'taskcast_queue_slots{queue="imports"} 4',
        'taskcast_attempts_ended_total{queue="imports",end="completed"} 7',
        'taskcast_jobs{status="failed"} 1',
        'taskcast_workers{state="running"} 1',
        "taskcast_worker_busy_slots 1",
        "taskcast_websocket_clients 0",
        'taskcast_part_up{part="engine"} 1',
    ):
        assert expected in lines
    lag = next(line for line in lines if line.startswith("taskcast_recorder_lag_seconds"))
    assert 0 < float(lag.split()[1]) < 60


async def test_who_sees_no_system_sees_no_metrics(ada: httpx.AsyncClient, anybody: httpx.AsyncClient) -> None:
    assert code_of(await ada.get("/metrics"), 403) == "forbidden"
    assert code_of(await anybody.get("/metrics"), 401) == "unauthenticated"


async def test_a_part_that_is_away_is_left_out(
    viewer: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.gateway.routes.metrics.PART_S", 3.0)
    async with Engine.connect("redis://127.0.0.1:1") as nowhere:
        services.engine = nowhere
        lines = (await viewer.get("/metrics")).text.splitlines()

    assert 'taskcast_part_up{part="engine"} 0' in lines
    assert 'taskcast_part_up{part="database"} 1' in lines
    assert not [line for line in lines if "taskcast_queue" in line]


def test_labels_are_escaped() -> None:
    page = Exposition()

    page.add("queue_jobs", "Jobs.", {('a"b\\c\nd',): 1}, labels=("queue",))

    assert page.text().splitlines()[-1] == r'taskcast_queue_jobs{queue="a\"b\\c\nd"} 1'
