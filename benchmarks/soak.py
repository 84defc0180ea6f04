"""Does anything grow? Many jobs of every kind through one worker, and what the server and the worker hold before and after.

    python -m benchmarks.soak --jobs 200000

Before is after 2,000 jobs, when every script, lane and thread exists. Before and after are brought to the same state: the
stream emptied as a recorder that has read all of it may, what ends by itself within the hour (tombstones, results) ended
now, and the server done with tidying up behind both. Buffers of connections are left out: they swell and shrink with what
the last command was; scripts are counted instead: a rare one is loaded when it is first needed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from benchmarks.servers import valkey
from taskcast import JobBroker

WARM_UP = 2_000
AT_ONCE = 200
BACKLOG = 2_000
STREAM_ENTRIES = 50
SHORT_LIVED = ("tomb", "result", "told", "ticket", "rate")
"""Kinds of keys with an expiry; leases have one too, but live as long as their worker."""


UNSETTLED = ("lazyfree_pending_objects", "mem_overhead_db_hashtable_rehashing")
LEFT_OUT = ("mem_clients_normal", "mem_aof_buffer", "used_memory_scripts")
READINGS = 20
SETTLES_S = 30


class Held(msgspec.Struct, frozen=True):
    """What there is at one moment.

    Attributes:
        server_bytes: the server's `used_memory`, without its scripts and the buffers of its connections and its
            append-only file.
        worker_bytes: the worker's resident memory.
        keys: how many keys of each kind, without those that end by themselves.
        ended_now: how many of those there were.
        scripts: how many scripts the server knows; the rare ones are loaded when they are first needed.
    """

    server_bytes: int
    worker_bytes: int
    scripts: int
    keys: dict[str, int]
    ended_now: dict[str, int]


class Soaked(msgspec.Struct, frozen=True):
    """The outcome of a soak."""

    jobs: int
    seconds: float
    before: Held
    after: Held

    @property
    def server_growth(self) -> float:
        """How much more the server holds, as a part of what it held."""
        return self.after.server_bytes / self.before.server_bytes - 1

    @property
    def worker_growth(self) -> float:
        """How much more the worker holds."""
        return self.after.worker_bytes / self.before.worker_bytes - 1


async def soak(url: str, jobs: int, *, warm_up: int = WARM_UP) -> Soaked:
    """Send `jobs` jobs through one worker on an empty server; return what is held before and after."""
    os.environ["SOAK_URL"] = url
    from benchmarks import soak_app

    broker = soak_app.broker
    broker.url = url
    # Else the first call of each command costs 24 KB.
    await broker.engine.redis.config_set("latency-tracking", "no")
    with _worker(url) as worker:
        await _run(broker, warm_up)
        before = await _held(broker, worker)
        began = time.monotonic()
        await _run(broker, jobs)
        seconds = time.monotonic() - began
        after = await _held(broker, worker)
    await broker.shutdown()
    return Soaked(jobs, seconds, before, after)


@contextmanager
def _worker(url: str) -> Iterator[psutil.Process]:
    code = (
        "import sys\n"
        "from taskiq.cli.worker.args import WorkerArgs\n"
        "from taskiq.cli.worker.run import start_listen\n"
        "start_listen(WorkerArgs.from_cli(sys.argv[1:]))\n"
    )
    arguments = ["benchmarks.soak_app:broker", "--receiver", "taskcast:JobReceiver", "--max-async-tasks", "100"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "SOAK_URL": url},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _run(broker: JobBroker, jobs: int) -> None:
    """Send jobs of every kind, never more than a few thousand ahead of the worker, and wait for the last end."""
    for start in range(0, jobs, AT_ONCE):
        numbers = range(start, min(jobs, start + AT_ONCE))
        await _send(broker, numbers)
        while await _unfinished(broker) > BACKLOG:
            await asyncio.sleep(0.05)
        if start % (10 * AT_ONCE) == 0:
            await broker.engine.redis.xtrim(broker.names.events, maxlen=STREAM_ENTRIES, approximate=False)
            await broker.engine.pause(queue="fail", reason="soak")
            await broker.engine.pause(task="talkative", reason="soak")
        elif start % (10 * AT_ONCE) == AT_ONCE:
            await _resume(broker)
    await _resume(broker)
    while await _unfinished(broker):
        await asyncio.sleep(0.05)


async def _resume(broker: JobBroker) -> None:
    await broker.engine.resume(queue="fail")
    await broker.engine.resume(task="talkative")


async def _send(broker: JobBroker, numbers: range) -> None:
    by_kind: dict[str, list[dict[str, int]]] = {}
    kinds = (
        "quiet",
        "quiet",
        "quiet",
        "talkative",
        "thread",
        "flaky",
        "failing",
        "limited",
        "keyed",
        "later",
        "cancel",
    )
    for number in numbers:
        by_kind.setdefault(kinds[number % len(kinds)], []).append({"number": number % 1000})
    keyed, later, cancel = (by_kind.pop(kind, []) for kind in ("keyed", "later", "cancel"))
    for task, calls in by_kind.items():
        await broker.enqueue_many(broker.find_task(task) or task, calls)
    await asyncio.gather(
        *(broker.enqueue("quiet", kwargs=call, dedup_key=f"key {call['number'] % 50}") for call in keyed)
    )
    await broker.enqueue_many("quiet", later, delay_s=0.2)
    cancelled = await broker.enqueue_many("quiet", cancel, delay_s=3600)
    await asyncio.gather(*(broker.engine.cancel(job.id, by="soak", reason="nobody needs it") for job in cancelled))


async def _unfinished(broker: JobBroker) -> int:
    queues: list[Any] = await broker.engine.queues()
    return sum(
        sum(queue.waiting.values()) + queue.running + queue.scheduled + queue.retrying + getattr(queue, "held", 0)
        for queue in queues
    )


async def _held(broker: JobBroker, worker: psutil.Process) -> Held:
    redis, names = broker.engine.redis, broker.names

    def kind_of(key: bytes) -> str:
        return key.decode().removeprefix(names.tag).partition(":")[0]

    await redis.xtrim(names.events, maxlen=0, approximate=False)  # fifty entries weigh 50 KB or 150, by what they tell
    kept: set[bytes] = set()  # a scan may name a key twice
    ended: Counter[str] = Counter()
    cursor = 0
    while True:
        cursor, keys = await redis.scan(cursor, count=1000)
        over = {key for key in keys if kind_of(key) in SHORT_LIVED}
        if over:
            await redis.delete(*over)
        ended.update(kind_of(key) for key in over)
        kept |= set(keys) - over
        if not cursor:
            break
    kinds = Counter(kind_of(key) for key in kept)
    await redis.execute_command("MEMORY PURGE")  # type: ignore[no-untyped-call]
    server_bytes = await _settled(broker)
    scripts = int((await redis.info("memory"))["number_of_cached_scripts"])
    return Held(server_bytes, worker.memory_info().rss, scripts, dict(kinds), dict(ended))


async def _settled(broker: JobBroker) -> int:
    """Return what the server holds, in bytes, once it has freed what was deleted: the median of two seconds.

    A single reading is up to 65 KB off: the server looks at the buffers of each connection once a second.
    """
    readings: list[int] = []
    async with asyncio.timeout(SETTLES_S):
        while len(readings) < READINGS:
            info = await broker.engine.redis.info("memory")
            if not any(int(info.get(field, 0)) for field in UNSETTLED):
                readings.append(int(info["used_memory"]) - sum(int(info.get(field, 0)) for field in LEFT_OUT))
            await asyncio.sleep(0.1)
    return int(statistics.median(readings))


def main() -> int:
    """Soak on a private server, print, and answer 1 if something has grown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=200_000)
    jobs = parser.parse_args().jobs
    with valkey() as url:
        soaked = asyncio.run(soak(url, jobs))
    for when, held in (("before", soaked.before), ("after", soaked.after)):
        print(
            f"{when}: server {held.server_bytes / 1e6:.2f} MB, worker {held.worker_bytes / 1e6:.1f} MB, "
            f"{held.scripts} scripts, keys {held.keys}, ended {held.ended_now}"
        )
    print(
        f"{soaked.jobs} jobs in {soaked.seconds:.0f} s: server {soaked.server_growth:+.1%}, "
        f"worker {soaked.worker_growth:+.1%}"
    )
    grown = soaked.server_growth > 0.1 or soaked.before.keys != soaked.after.keys
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
