"""Functions that the tests run in child processes, which must be able to import them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from taskiq import Context, TaskiqDepends

from taskcast import JobContext, current_job
from taskcast.context import checkpoint

logger = logging.getLogger("tests.process_tasks")


class Refused(Exception):
    pass


class RefusedForGood(Refused):
    pass


def pid() -> int:
    return os.getpid()


def group() -> tuple[int, int]:
    return os.getpid(), os.getpgrp()


def add(a: int, b: int = 1) -> dict[str, int]:
    return {"sum": a + b}


def described(day: date, *rest: int, job: JobContext = TaskiqDepends(), **more: float) -> list[Any]:
    assert current_job() is job
    return [
        repr(day),
        rest,
        more,
        job.id,
        job.task,
        job.queue,
        job.attempt,
        job.max_attempts,
        job.timeout_s,
        job.labels,
    ]


VALUES: dict[str, Any] = {
    "none": None,
    "number": 5,
    "bytes": b"\xff",
    "nan": float("nan"),
    "long": "x" * 5_000_000,
    "object": object(),
    "nested": {"a": {1: (2,)}},
    "surrogate": "\ud800",
}


def give(name: str) -> Any:
    return VALUES[name]


async def later() -> str:
    return "later"


def give_awaitable() -> Any:
    return later()


def squares(method: str) -> list[int]:
    with multiprocessing.get_context(method).Pool(2) as others:
        return others.map(square, range(4))


def square(number: int) -> int:
    return number * number


def run_loop() -> str:
    async def main() -> str:
        process = await asyncio.create_subprocess_exec("echo", "from a loop", stdout=subprocess.PIPE)
        out, _ = await process.communicate()
        return out.decode().strip()

    return asyncio.run(main())


def random_number() -> float:
    return random.random()


def fail() -> None:
    try:
        raise KeyError("inner")
    except KeyError as inner:
        raise Refused("outer, password=swordfish") from inner


def refuse_for_good() -> None:
    raise RefusedForGood


def end(how: str) -> None:
    if how == "segfault":
        ctypes.string_at(0)
    elif how == "os._exit":
        os._exit(3)
    elif how == "abort":
        os.abort()
    elif how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "sys.exit":
        sys.exit(4)
    elif how == "KeyboardInterrupt":
        raise KeyboardInterrupt
    elif how == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(1 << 31)
    elif how == "cpu":
        resource.setrlimit(resource.RLIMIT_CPU, (1, 5))
        while True:
            pass


def end_at_first(how: str, job: JobContext = TaskiqDepends()) -> int:
    if job.attempt == 1:
        end(how)
    return job.attempt


def sleep(file: str = "", seconds: float = 60.0) -> None:
    if file:
        append(file, f"begin {os.getpid()}")
    try:
        time.sleep(seconds)
    finally:
        if file:
            append(file, "cleaned")


def end_of_sleep(file: str, job: JobContext = TaskiqDepends()) -> None:
    if job.attempt == 1:
        sleep(file)


def sleep_at_checkpoints(file: str) -> None:
    append(file, f"begin {os.getpid()}")
    while True:
        try:
            checkpoint()
        except BaseException as error:
            append(file, type(error).__name__)
            raise
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def resist(file: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    append(file, f"begin {os.getpid()}")
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(60)


def spin(file: str) -> None:
    """Hold the interpreter in native code, where no Python runs."""
    append(file, f"begin {os.getpid()}")
    sum(range(10**11))


def start_another(file: str) -> None:
    other = subprocess.Popen(["sleep", "300"])
    append(file, f"other {other.pid}")
    time.sleep(60)


def tell(lines: int, job: JobContext = TaskiqDepends()) -> None:
    for number in range(lines):
        job.log(f"line {number}", level="WARNING" if number % 2 else "INFO", number=number)
    job.progress(completed=lines, total=lines, step="done", message=Path("a"))


def tell_by_logging() -> None:
    logger.info("told at %s", "info", extra={"row": 17})
    logger.debug("not told")
    try:
        raise Refused("with a trace")
    except Refused:
        logger.exception("went wrong")


def tell_and_crash(job: JobContext = TaskiqDepends()) -> None:
    job.progress(40)
    for number in range(20):
        job.log(f"line {number}")
    end("segfault")


def tell_then_end(lines: int, how: str, job: JobContext = TaskiqDepends()) -> None:
    for number in range(lines):
        job.log(f"line {number} " + "x" * 2000)
    time.sleep(0.1)
    end(how)


def tell_for_ever(file: str, job: JobContext = TaskiqDepends()) -> None:
    append(file, f"begin {os.getpid()}")
    for number in numbers():
        job.log(f"line {number} " + "x" * 1000)
        job.progress(number % 100)


def tell_after_the_end(job: JobContext = TaskiqDepends()) -> None:
    def go_on() -> None:
        for number in range(100):
            job.log(f"too late {number}")
            time.sleep(0.01)

    threading.Thread(target=go_on, daemon=True).start()


def write_over_everything() -> None:
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\0\0\0\1\xff" * 200)
    time.sleep(60)


def fork_and_return() -> int:
    os.fork()
    return os.getpid()


def tell_a_secret(job: JobContext = TaskiqDepends()) -> dict[str, str]:
    from tests.taskcast.process_app import broker

    broker.redactor.add_values("hunter22")
    job.log("it is hunter22, token=abcdef")
    return {"note": "hunter22", "api_key": "abcdef"}


def grow(megabytes: int) -> int:
    HOARD.append(bytearray(os.urandom(1024) * 1024 * megabytes))
    return os.getpid()


HOARD: list[bytearray] = []


def with_context(context: Context = TaskiqDepends()) -> str:
    return context.message.task_id


def numbers() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def append(file: str, what: str) -> None:
    with Path(file).open("a") as opened:
        opened.write(what + "\n")
