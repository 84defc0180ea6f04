"""The queue server is away for longer than any lease or timeout: jobs go on, no process dies, each job ends once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.taskcast.conftest import OwnServer
from tests.taskcast.processes import workers_on
from tests.waiting import eventually

pytestmark = pytest.mark.scenario
JOBS = 60
AWAY_S = float(os.environ.get("SERVER_AWAY_S", "6"))
"""Longer than a lease of 4 s and than the socket's timeout of 5 s; minutes are for a run by hand."""


@pytest.mark.timeout(120 + 2 * AWAY_S)
@pytest.mark.parametrize("outage", ["stopped", "killed", "hung"])
async def test_no_job_is_lost_while_the_server_is_away_for_long(
    own_server: OwnServer, tmp_path: Path, outage: str
) -> None:
    async with workers_on(own_server.url, tmp_path) as workers:
        processes = [await workers.start("--max-async-tasks", "10") for _ in range(2)]
        broker = workers.shop.broker
        short = [job.id for job in await broker.enqueue_many("work", [(1.0,)] * JOBS)]
        long = (await broker.enqueue("work", AWAY_S + 6, priority=4)).id
        await workers.begun(20)

        if outage == "hung":
            own_server.send(signal.SIGSTOP)
        elif outage == "killed":
            own_server.stop()
        else:
            own_server.send(signal.SIGTERM)
            assert own_server.process is not None
            await asyncio.to_thread(own_server.process.wait, 10)
        # What was taken before begins and goes on; each worker has ends to tell, and all but the long one have ended.
        await eventually(lambda: all("ends wait for the queue server" in workers.log(one) for one in processes), 60)
        await eventually(lambda: len(workers.told("end")) >= len(workers.told("begin")) - 1, 60)
        begun = len(workers.told("begin"))
        await asyncio.sleep(AWAY_S)
        begun_while_away = len(workers.told("begin")) - begun
        if outage == "hung":
            own_server.send(signal.SIGCONT)
        else:
            own_server.stop()
            own_server.start()

        ends = await workers.ends([*short, long])
        logs = [workers.log(process) for process in processes]
        alive = [process.poll() for process in processes]

    assert begun_while_away == 0  # an end that waits keeps its slot
    assert Counter(event.job for event in ends) == Counter([*short, long])
    assert {(event.state, event.attempt) for event in ends} == {("completed", 1)}
    assert len(workers.told("end")) == JOBS + 1
    assert alive == [None, None]
    assert not any("Traceback" in log for log in logs)
