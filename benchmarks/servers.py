"""Private servers for a benchmark, configured as `make up` configures them."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.process import start, wait_ready
from core.embedded.valkey import EmbeddedValkey


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="tc-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def valkey(*, appendfsync: str = "always") -> Iterator[str]:
    """Run a Valkey; give its URL. `always`, as Taskcast runs it, waits for the disk before each answer."""
    with folder() as path:
        server = EmbeddedValkey(path)
        server.prepare()
        process = start(server)
        try:
            wait_ready(server, process)
            with Redis.from_url(server.url) as client:
                client.config_set("appendfsync", appendfsync)
            yield server.url
        finally:
            process.terminate()
            process.wait(20)
            server.remove()


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL; give the URL of its database."""
    with folder() as path:
        server = EmbeddedPostgres(path)
        server.prepare()
        process = start(server)
        try:
            wait_ready(server, process)
            yield server.url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
            server.remove()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_bytes(pid: int) -> int:
    """Return the proportional share of memory of a process, in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss for process {pid}")
