"""The embedded servers keep their data, clear up after a kill, and stay private."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import Redis

from core.embedded.folders import private_folder, socket_folder
from core.embedded.postgres import MARK, ROLE, EmbeddedPostgres
from core.embedded.process import EmbeddedServer, start, wait_ready
from core.embedded.valkey import EmbeddedValkey
from taskcast.errors import ConfigurationError


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tc-embedded-") as folder:
        yield Path(folder)


def running(server: EmbeddedServer) -> psutil.Popen:
    server.prepare()
    process = start(server)
    wait_ready(server, process)
    return process


def test_valkey_keeps_what_it_answered_for_when_it_is_killed(data_dir: Path) -> None:
    server = EmbeddedValkey(data_dir)
    first = running(server)
    Redis.from_url(server.url).set("kept", 1)

    first.kill()
    first.wait()
    second = running(server)

    assert Redis.from_url(server.url).get("kept") == b"1"
    second.terminate()
    second.wait()
    server.remove()


def test_a_server_left_behind_by_a_killed_start_is_ended_first(data_dir: Path) -> None:
    server = EmbeddedValkey(data_dir)
    leftover = running(server)

    second = running(server)

    assert leftover.wait(10) == 0
    second.terminate()
    second.wait()
    server.remove()


async def test_postgres_keeps_its_data_and_listens_on_a_private_socket_alone(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    first = running(server)
    connection = await asyncpg.connect(host=str(server.sockets), user=ROLE, database="taskcast")
    await connection.execute("CREATE TABLE kept (x int)")
    await connection.close()

    first.kill()
    first.wait()
    second = running(server)

    connection = await asyncpg.connect(host=str(server.sockets), user=ROLE, database="taskcast")
    assert await connection.fetchval("SELECT count(*) FROM kept") == 0
    assert await connection.fetchval("SHOW listen_addresses") == ""
    await connection.close()
    assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
    second.send_signal(signal.SIGINT)
    second.wait()
    server.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="others keep the cluster in the data directory itself")
async def test_a_data_directory_made_anew_at_the_same_path_gets_a_new_cluster(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = EmbeddedPostgres(data_dir)
    process = running(old)
    connection = await asyncpg.connect(host=str(old.sockets), user=ROLE, database="taskcast")
    await connection.execute("CREATE TABLE kept (x int)")
    await connection.close()
    process.kill()
    process.wait()
    shutil.rmtree(data_dir)
    data_dir.mkdir()

    new = EmbeddedPostgres(data_dir)
    process = running(new)

    connection = await asyncpg.connect(host=str(new.sockets), user=ROLE, database="taskcast")
    assert await connection.fetchval("SELECT to_regclass('kept')") is None
    await connection.close()
    process.send_signal(signal.SIGINT)
    process.wait()
    (aside,) = new.folder.parent.glob("postgres-until-*")
    assert (aside / "PG_VERSION").exists()
    assert str(aside) in caplog.text
    new.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="others keep the cluster in the data directory itself")
@pytest.mark.parametrize("half", ["before there were marks", "the data directory's mark alone"])
def test_an_unmarked_cluster_stays_with_the_data_directory_that_used_it(data_dir: Path, half: str) -> None:
    server = EmbeddedPostgres(data_dir)
    server.prepare()
    made = (server.folder / "PG_VERSION").stat().st_ino
    (server.folder.parent / MARK).unlink()
    if half == "before there were marks":
        (data_dir / MARK).unlink()
        (data_dir / "cli-token").touch()

    for _ in range(2):
        EmbeddedPostgres(data_dir).prepare()

    assert (server.folder / "PG_VERSION").stat().st_ino == made
    server.remove()


def test_two_data_directories_have_two_sockets(tmp_path: Path) -> None:
    assert socket_folder(tmp_path / "one", "v") != socket_folder(tmp_path / "two", "v")


def test_a_link_in_the_place_of_a_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "private").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationError, match="is not a folder of ours"):
        private_folder(tmp_path / "private")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)

    with pytest.raises(ConfigurationError, match="is not a folder of ours"):
        private_folder(tmp_path / "theirs")
