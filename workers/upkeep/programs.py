"""PostgreSQL's own programs: found, run without a password on the command line, and never outliving their job."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.embedded.postgres import programs
from core.storage.address import credentials
from taskcast.errors import ConfigurationError, TaskcastError

PR_SET_PDEATHSIG = 1
KEPT_LINES = 20
# Loaded here: between fork and exec nothing may take a lock that another thread held at the fork.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


class ProgramFailed(TaskcastError):
    """A program of PostgreSQL failed."""

    code = "postgres_program_failed"


class Programs:
    """`pg_dump`, `pg_restore` and their like for one server."""

    def __init__(self, database_url: str) -> None:
        self._known = credentials(database_url)

    @property
    def database(self) -> str:
        """The database that the URL names."""
        name: str = self._known["database"]
        return name

    async def find(self, name: str, *, server_version: int) -> Path:
        """Return the program's path; one of at least the server's major version, of PATH or of the embedded server.

        Raises:
            ConfigurationError: if there is none.
        """
        versions = []
        for path in _candidates(name):
            version = await self._version(path)
            versions.append(version)
            if version >= server_version:
                return path
        found = f"those found are of versions {', '.join(map(str, versions))}" if versions else "none was found"
        raise ConfigurationError(
            f"{name} of PostgreSQL {server_version} or later is needed, {found}; install PostgreSQL's client programs on the "
            "worker's host"
        )

    async def run(
        self, program: Path, *arguments: str, database: str, told: Callable[[str], None] = lambda line: None
    ) -> None:
        """Run a program to its end, telling each line of what it says; it ends with its caller, cancelled or killed.

        Raises:
            ProgramFailed: with the last lines, if it failed.
        """
        process = await asyncio.create_subprocess_exec(
            str(program), *arguments, env=self._environment(database), cwd="/", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, preexec_fn=_end_with_parent, limit=2**20,
        )  # fmt: skip
        lines: list[str] = []
        try:
            assert process.stderr is not None
            async for raw in process.stderr:
                line = raw.decode(errors="replace").strip()
                lines = [*lines[-KEPT_LINES:], line]
                told(line)
            status = await process.wait()
        except BaseException:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())
            raise
        if status:
            said = [line for line in lines if "error" in line.casefold()] or lines
            raise ProgramFailed(f"{program.name} failed (exit code {status}): {' '.join(said[-3:])[:600]}")

    def _environment(self, database: str) -> dict[str, str]:
        known: dict[str, Any] = self._known
        given = {
            "PATH": os.environ.get("PATH", ""),
            "LC_ALL": "C",
            "PGDATABASE": database,
            "PGHOST": known.get("host"),
            "PGPORT": str(known["port"]),
            "PGUSER": known.get("user"),
            "PGPASSWORD": known.get("password"),
            "PGSSLMODE": known.get("ssl"),
            "PGCONNECT_TIMEOUT": "15",
        }
        return {name: str(value) for name, value in given.items() if value}

    async def _version(self, path: Path) -> int:
        process = await asyncio.create_subprocess_exec(
            str(path), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        output, _ = await process.communicate()
        found = _VERSION.search(output.decode(errors="replace"))
        return int(found[1]) if found else 0


def _candidates(name: str) -> list[Path]:
    found = [Path(path)] if (path := shutil.which(name)) else []
    try:
        embedded = programs() / name
    except ConfigurationError:
        return found
    return [*found, embedded] if embedded.exists() else found


def _end_with_parent() -> None:
    """Have the kernel kill this process when the worker dies, kill -9 included (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
