"""Dumps of the database: taken at one snapshot, kept by number, restored into a scratch database and compared."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import asyncpg

from core.embedded.folders import private_folder
from core.storage.address import credentials
from core.storage.connection import connection, transaction
from taskcast.errors import TaskcastError
from workers.upkeep.programs import ProgramFailed, Programs
from workers.upkeep.table_sums import differences, sums, tables_of

KEPT = 7
SCRATCH = "taskcast_verify_"
TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"taskcast-(\d{8}T\d{6}Z)\.dump")

Told = Callable[[float, str], None]


class BackupBroken(TaskcastError):
    """The backup cannot be restored, or what it restores is not what was dumped."""

    code = "backup_broken"


class BackupImpossible(TaskcastError):
    """A backup cannot be taken or tried here."""

    code = "backup_impossible"


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump in the folder, and what its database held at its snapshot."""

    path: Path
    taken_at: datetime
    sha256: str
    tables: dict[str, Any]

    @property
    def size_bytes(self) -> int:
        """The file's size."""
        return self.path.stat().st_size


class Backups:
    """The dumps of one database in one folder."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder, self._url = folder, database_url
        self._programs = Programs(database_url)

    async def newest(self) -> Dump | None:
        """Return the newest whole dump; one without its notes was cut off by a crash and counts as none."""
        for path in sorted(self._folder.glob("taskcast-*.dump"), reverse=True):
            notes = path.with_suffix(".json")
            match = _NAME.fullmatch(path.name)
            if match is None or not notes.exists():
                continue
            taken = datetime.strptime(match[1], TIME).replace(tzinfo=UTC)
            with suppress(ValueError, KeyError, TypeError):
                known = json.loads(notes.read_text())
                return Dump(path, taken, known["sha256"], known["tables"])
        return None

    async def take(self, told: Told) -> Dump:
        """Dump the database; rows and checksums are of the very snapshot that is dumped.

        Raises:
            BackupImpossible: if the folder cannot be written, or the dump fails.
        """
        try:
            private_folder(self._folder)
        except OSError as error:
            raise BackupImpossible(f"TASKCAST_BACKUP_DIR: {self._folder} cannot be written: {error}") from error
        taken = datetime.now(UTC).replace(microsecond=0)
        path = self._folder / f"taskcast-{taken:{TIME}}.dump"
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        tables: dict[str, Any] = {}
        try:
            async with transaction("repeatable_read", readonly=True) as lent:
                version = int(await lent.fetchval("SHOW server_version_num")) // 10_000
                dump = await self._programs.find("pg_dump", server_version=version)
                snapshot = await lent.fetchval("SELECT pg_export_snapshot()")
                names = await tables_of(lent)
                count = 0

                def line(text: str) -> None:
                    nonlocal count
                    if "dumping contents" in text:
                        count += 1
                        told(0.6 * count / max(1, len(names)), text.rsplit("table ", maxsplit=1)[-1].strip('"'))

                await self._programs.run(
                    dump, "--format=custom", "--compress=3", "--verbose", f"--snapshot={snapshot}", "--no-password",
                    f"--file={draft}", database=self._programs.database, told=line,
                )  # fmt: skip
                async for name, found in sums(lent, names):
                    tables[name] = found
                    told(0.6 + 0.4 * len(tables) / max(1, len(names)), f"{name}, {found['rows']:,} rows")
            digest = await asyncio.to_thread(_digest, draft)
            path.with_suffix(".json").write_text(json.dumps({"sha256": digest, "tables": tables}))
            draft.rename(path)
        except (ProgramFailed, OSError) as error:
            if isinstance(error, OSError) and error.errno is None:
                raise
            raise BackupImpossible(
                f"the dump in {self._folder} failed: {error}; look whether there is space and whether the user of "
                "TASKCAST_DATABASE_URL may read all tables"
            ) from error
        finally:
            draft.unlink(missing_ok=True)
        return Dump(path, taken, digest, tables)

    async def verify(self, dump: Dump, told: Told) -> None:
        """Restore a dump into a scratch database, which is dropped again, and compare.

        Raises:
            BackupBroken: if the file was changed, cannot be restored, or restores something else.
            BackupImpossible: if no scratch database can be made.
        """
        if await asyncio.to_thread(_digest, dump.path) != dump.sha256:
            raise BackupBroken(
                f"{dump.path.name} is not the file that was written: its SHA-256 differs; the disk or somebody changed it. "
                "Delete it and run again to take a new one"
            )
        await self.drop_leftovers()
        name = f"{SCRATCH}{os.getpid()}_{secrets.token_hex(4)}"
        try:
            async with connection() as lent:
                version = int(await lent.fetchval("SHOW server_version_num")) // 10_000
                await lent.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        except asyncpg.InsufficientPrivilegeError as error:
            raise BackupImpossible(
                f"no scratch database can be made ({error}); give the user of TASKCAST_DATABASE_URL the right: "
                "ALTER ROLE ... CREATEDB"
            ) from error
        try:
            restore = await self._programs.find("pg_restore", server_version=version)
            count, expected = 0, max(1, len(dump.tables))

            def line(text: str) -> None:
                nonlocal count
                if "processing data for table" in text:
                    count += 1
                    told(0.6 * count / expected, text.rsplit("table ", maxsplit=1)[-1].strip('"'))

            try:
                await self._programs.run(
                    restore, "--verbose", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password",
                    f"--dbname={name}", str(dump.path), database=name, told=line,
                )  # fmt: skip
            except ProgramFailed as error:
                raise BackupBroken(f"{dump.path.name} cannot be restored: {error}") from error
            found: dict[str, Any] = {}
            restored = await asyncpg.connect(**{**_arguments(self._url), "database": name})
            try:
                async for table, held in sums(restored, await tables_of(restored)):
                    found[table] = held
                    told(0.6 + 0.4 * len(found) / expected, f"{table}, {held['rows']:,} rows")
            finally:
                await restored.close()
        finally:
            await asyncio.shield(_drop(name))
        if wrong := differences(dump.tables, found):
            told_first = "; ".join(f"{each['table']} {each['what']}" for each in wrong[:5])
            raise BackupBroken(f"{dump.path.name} restores something else than was dumped: {told_first}")

    async def drop_leftovers(self) -> int:
        """Drop the scratch databases that nobody is connected to: a crash left them; return how many."""
        async with connection() as lent:
            names = await lent.fetch(
                """SELECT datname FROM pg_database d WHERE datname LIKE $1 AND NOT EXISTS (
                       SELECT 1 FROM pg_stat_activity a WHERE a.datname = d.datname)""",
                SCRATCH.replace("_", r"\_") + "%",
            )
        for row in names:
            await _drop(row["datname"])
        return len(names)

    async def thin_out(self, keep: int = KEPT) -> list[str]:
        """Delete all but the newest dumps, and what crashes left; return the names."""
        dumps = sorted(self._folder.glob("taskcast-*.dump"), reverse=True)
        gone = [*dumps[keep:], *self._folder.glob(".taskcast-*.dump.*")]
        for path in gone:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        async with connection() as lent:
            await lent.execute("DELETE FROM backups WHERE name = ANY($1::text[])", [path.name for path in gone])
        return [path.name for path in gone]

    async def remember(self, dump: Dump, *, error: str | None) -> None:
        """Keep what is known of a dump in the ledger."""
        async with connection() as lent:
            await lent.execute(
                """INSERT INTO backups (id, name, taken_at, size_bytes, sha256, tables, verified_at, verified_ok, error)
                   VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, now(), $7, $8)
                   ON CONFLICT (name) DO UPDATE SET verified_at = excluded.verified_at, verified_ok = excluded.verified_ok,
                       error = excluded.error""",
                uuid5(NAMESPACE_URL, f"backup/{dump.path.name}"), dump.path.name, dump.taken_at, dump.size_bytes,
                dump.sha256, json.dumps(dump.tables), error is None, error,
            )  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _arguments(url: str) -> dict[str, Any]:
    known = credentials(url)
    return {name: known[name] for name in ("host", "port", "user", "password", "ssl") if known.get(name) is not None}


async def _drop(name: str) -> None:
    async with connection() as lent:
        await lent.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
