"""How long it takes until something happens: a job's begin on an idle worker, a cancel, a pause.

One worker, with gateway and recorder beside it. Cancels and pauses go through the gateway; what they bring about is
stamped by the jobs themselves, in the worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, percentile
from benchmarks.servers import folder
from taskcast import JobBroker
from taskcast.client import Client
from tests.scenarios.system import ROOT, System
from tests.waiting import eventually

TRIES = 200
STAYING = 100
BEGINS = 500
BETWEEN_S = 0.02
NAPS_AHEAD = 400
WATCHED_S = 0.4


class Stamps:
    """The file that the jobs write, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        self.times: dict[tuple[str, int], float] = {}

    def look(self) -> dict[tuple[str, int], float]:
        """Return what has been stamped so far: `(word, number)` to seconds since 1970."""
        if self._path.exists():
            with self._path.open() as file:
                file.seek(self._read)
                text = file.read()
            whole = text[: text.rfind("\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                word, number, at = line.split()
                self.times[word, int(number)] = float(at)
        return self.times

    async def until(self, word: str, number: int) -> float:
        """Return when this was stamped, as soon as it is."""
        await eventually(lambda: (word, number) in self.look(), timeout=30, every=0.002)
        return self.times[word, number]


async def _begins(broker: JobBroker, stamps: Stamps, numbers: Iterator[int]) -> list[float]:
    """Return the milliseconds from each call of `enqueue` to the function's begin; the worker has nothing else to do."""
    latencies = []
    for _ in range(BEGINS):
        number, sent = next(numbers), time.time()
        await broker.enqueue("begin", number, queue="begin")
        latencies.append((await stamps.until("begun", number) - sent) * 1000)
        await asyncio.sleep(BETWEEN_S)
    return latencies


async def _cancels(client: Client, broker: JobBroker, stamps: Stamps, numbers: Iterator[int]) -> list[float]:
    """Return the milliseconds from each request to the moment its job stops, while a hundred of them run."""
    latencies = []
    for _ in range(TRIES // STAYING):
        jobs = {}
        for _ in range(STAYING):
            number = next(numbers)
            jobs[number] = (await broker.enqueue("stay", number, queue="stay")).id
        for number in jobs:
            await stamps.until("begun", number)
        for number, job in jobs.items():
            asked = time.time()
            await client.cancel(job)
            latencies.append((await stamps.until("stopped", number) - asked) * 1000)
            await asyncio.sleep(BETWEEN_S)
    return latencies


async def _pauses(client: Client, broker: JobBroker, stamps: Stamps, numbers: Iterator[int]) -> list[float]:
    """Return the milliseconds from each request to the last begin of a job before the queue is resumed; 0 for none.

    The queue is never empty, so that slots which come free would be filled at once.
    """
    latencies = []
    sent: list[int] = []
    for _ in range(TRIES):
        begun = stamps.look()
        ahead = NAPS_AHEAD - sum(("begun", number) not in begun for number in sent[-2 * NAPS_AHEAD :])
        if ahead > 0:
            more = [next(numbers) for _ in range(ahead)]
            await broker.enqueue_many("nap", [{"number": number} for number in more], queue="nap")
            sent += more
        running = len(stamps.look())
        await eventually(lambda running=running: len(stamps.look()) > running, timeout=30, every=0.002)
        asked = time.time()
        await client.pause_queue("nap")
        await asyncio.sleep(WATCHED_S)
        last = max(at for (word, _), at in stamps.look().items() if word == "begun")
        latencies.append(max(0.0, last - asked) * 1000)
        await client.resume_queue("nap")
    return latencies


async def _measure(system: System, stamps: Stamps) -> tuple[list[float], list[float], list[float]]:
    broker = JobBroker(system.redis_url)
    numbers = iter(range(1_000_000))
    async with system.client() as client:
        await broker.enqueue("begin", next(numbers), queue="begin")
        begins = await _begins(broker, stamps, numbers)
        cancels = await _cancels(client, broker, stamps, numbers)
        pauses = await _pauses(client, broker, stamps, numbers)
    await broker.shutdown()
    return begins, cancels, pauses


def run() -> list[Figure]:
    """Measure once; each figure comes of hundreds of tries."""
    with folder() as path:
        stamps = path / "stamps"
        system = System(path, procfile=ROOT / "benchmarks/Procfile", BENCH_STAMPS=str(stamps)).start()
        try:
            begins, cancels, pauses = asyncio.run(_measure(system, Stamps(stamps)))
        finally:
            system.stop()
    tries = f"{TRIES} tries through the gateway"
    return [
        Figure(name="from enqueue to the job's begin on an idle worker, p50", value=percentile(begins, 0.5), unit="ms", target="given"),
        Figure(name="from enqueue to the job's begin on an idle worker, p99", value=percentile(begins, 0.99), unit="ms", target="<= 10"),
        Figure(name="from a cancel to the job's stop, p99", value=percentile(cancels, 0.99), unit="ms", target="<= 300", against=f"{tries}; p50 {percentile(cancels, 0.5):g} ms"),
        Figure(name="from a queue's pause to the last begin, p99", value=percentile(pauses, 0.99), unit="ms", target="<= 300", against=f"{tries}; p50 {percentile(pauses, 0.5):g} ms"),
    ]  # fmt: skip
