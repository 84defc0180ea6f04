"""Dumps of the database: taken at one snapshot, kept by number, restored into a scratch database and compared."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
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
from workers.scratch import FULL
from workers.upkeep.programs import ProgramFailed, Programs
from workers.upkeep.table_sums import canonical, differences, sums, tables_of

KEPT = 7
SCRATCH = "taskcast_verify_"
TIME = "%Y%m%dT%H%M%SZ"
LOCK_PAUSE_S = 0.2
# How PostgreSQL's programs say, in the C locale, that the server ended the session or has no space.
_AWAY = re.compile(
    r"server closed the connection|terminating connection|connection to server .* failed|the database system is|"
    r"lost synchronization|no connection to the server|could not receive data from server"
)
_NO_SPACE = re.compile(r"No space left on device|could not extend file")
_NAME = re.compile(r"taskcast-(\d{8}T\d{6}Z)\.dump")

Told = Callable[[float, str], None]


class BackupBroken(TaskcastError):
    """The backup cannot be restored, or what it restores is not what was dumped."""

    code = "backup_broken"


class BackupImpossible(TaskcastError):
    """A backup cannot be taken or tried here."""

    code = "backup_impossible"


class BackupInterrupted(TaskcastError, ConnectionError):
    """The database server went away while a backup was taken or tried; worth trying again."""

    code = "backup_interrupted"


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

    @asynccontextmanager
    async def alone(self, waits: Callable[[], None]) -> AsyncIterator[None]:
        """Keep other verifications of this database away: they would take drafts and scratch databases at work for left behind.

        Args:
            waits: called again and again while another one is at work; what it raises ends the waiting.
        """
        async with transaction() as guard:
            await guard.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            while not await guard.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended('upkeep:backups', 0))"):
                waits()
                await asyncio.sleep(LOCK_PAUSE_S)
            yield

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
        self._sweep()
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
                await canonical(lent)

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
            # Errors of files have a name or are of the disk; all others are of the connection to the server.
            if isinstance(error, OSError) and error.filename is None and error.errno not in FULL:
                raise
            if _AWAY.search(str(error)):
                raise BackupInterrupted(f"the dump was interrupted: {error}") from error
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
        try:
            digest = await asyncio.to_thread(_digest, dump.path)
        except OSError as error:
            raise BackupBroken(
                f"{dump.path.name} cannot be read: {error}; look at the disk of TASKCAST_BACKUP_DIR"
            ) from error
        if digest != dump.sha256:
            raise BackupBroken(
                f"{dump.path.name} is not the file that was written: its SHA-256 differs; the disk or somebody changed it. "
                "Delete it and run again to take a new one"
            )
        await self.drop_leftovers()
        async with connection() as lent:
            version = int(await lent.fetchval("SHOW server_version_num")) // 10_000
            # Named after its database, as other installations on this server have scratch databases too.
            name = f"{await self._scratch(lent)}{secrets.token_hex(4)}"
        try:
            await _create(name)
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
                if _AWAY.search(str(error)):
                    raise BackupInterrupted(f"the restore of {dump.path.name} was interrupted: {error}") from error
                if _NO_SPACE.search(str(error)):
                    raise BackupImpossible(
                        f"{dump.path.name} was not restored: {error}; free some space on the database server"
                    ) from error
                raise BackupBroken(f"{dump.path.name} cannot be restored: {error}") from error
            found: dict[str, Any] = {}
            restored = await asyncpg.connect(**{**_arguments(self._url), "database": name})
            try:
                await canonical(restored)
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
        """Drop this database's scratch databases, which a crash has left; return how many."""
        async with connection() as lent:
            names = await lent.fetch(
                "SELECT datname FROM pg_database WHERE datname LIKE $1",
                (await self._scratch(lent)).replace("_", r"\_") + "%",
            )
        for row in names:
            await _drop(row["datname"])
        return len(names)

    async def thin_out(self, keep: int = KEPT) -> list[str]:
        """Delete all but the newest dumps, and what crashes left; return the names."""
        dumps = sorted(self._folder.glob("taskcast-*.dump"), reverse=True)
        gone = [*dumps[keep:], *self._sweep()]
        for path in gone:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
        async with connection() as lent:
            await lent.execute("DELETE FROM backups WHERE name = ANY($1::text[])", [path.name for path in gone])
        return [path.name for path in gone]

    def _sweep(self) -> list[Path]:
        """Delete what a crash has left of a dump, before and behind its end; return the drafts' paths."""
        drafts = list(self._folder.glob(".taskcast-*.dump.*"))
        notes = [path for path in self._folder.glob("taskcast-*.json") if not path.with_suffix(".dump").exists()]
        for path in [*drafts, *notes]:
            path.unlink(missing_ok=True)
        return drafts

    @staticmethod
    async def _scratch(lent: Any) -> str:
        """Return what the names of this database's scratch databases begin with."""
        number = await lent.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
        return f"{SCRATCH}{number}_"

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


async def _create(name: str) -> None:
    try:
        async with connection() as lent:
            await lent.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    except asyncpg.InsufficientPrivilegeError as error:
        raise BackupImpossible(
            f"no scratch database can be made ({error}); give the user of TASKCAST_DATABASE_URL the right: "
            "ALTER ROLE ... CREATEDB"
        ) from error


async def _drop(name: str) -> None:
    async with connection() as lent:
        await lent.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
