from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


async def test_the_app_in_one_file_runs(redis_url: str, prefix: str, tmp_path: Path) -> None:
    environment = os.environ | {"TASKCAST_REDIS_URL": redis_url, "TASKCAST_PREFIX": prefix, "PYTHONPATH": str(ROOT)}
    command = "taskiq worker examples.hello:broker --receiver taskcast:JobReceiver --workers 1"
    with (tmp_path / "worker.log").open("wb") as log:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command.split(), env=environment, stdout=log, stderr=log, cwd=tmp_path
        )
        hello = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "examples.hello", env=environment, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
        )

        said, _ = await asyncio.wait_for(hello.communicate(), 40)
        worker.terminate()
        await asyncio.wait_for(worker.wait(), 30)

    lines = [line.split(" ", 1)[1] for line in said.decode().splitlines()]
    assert lines == ["{'cups': 5}", "1 slices, golden", "2 slices, golden", "3 slices, golden"], log
    assert hello.returncode == 0
