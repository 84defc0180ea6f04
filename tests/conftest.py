"""Real servers for the tests: one Valkey and one PostgreSQL per run, a key prefix and a database per test."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import argon2
import asyncpg
import hypothesis
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from redis.asyncio import Redis

from core.embedded.postgres import ROLE, EmbeddedPostgres
from core.embedded.process import start, wait_ready
from core.embedded.valkey import EmbeddedValkey
from core.settings import Settings
from taskcast.names import Names
from tests.chromium import ARGUMENTS, find_chromium

SECRET = "a secret of the tests, long enough to be taken for one"
TEMPLATE = "taskcast_template"
expect.set_options(timeout=15_000)
# The same examples every time, however slow the machine is; `--hypothesis-profile=search` looks for new ones.
hypothesis.settings.register_profile("search", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("same", hypothesis.settings.get_profile("search"), derandomize=True, database=None)
hypothesis.settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Passwords that are made by the hundred take no time; the processes of scenarios make theirs as strong as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.auth_passwords._hasher", argon2.PasswordHasher.from_parameters(argon2.profiles.CHEAPEST))
        yield


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="taskcast-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey(servers_dir: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(servers_dir)
    server.prepare()
    process = start(server)
    wait_ready(server, process)
    yield server
    process.terminate()
    process.wait(20)
    server.remove()


@pytest.fixture(scope="session")
def postgres(servers_dir: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(servers_dir)
    server.prepare()
    # Making and dropping a database waits for the disk most of its time. These need to outlive no power cut; the
    # scenarios, which kill servers, run whole systems of their own as they are.
    with (server.folder / "postgresql.auto.conf").open("a") as options:
        options.write("fsync = off\nfull_page_writes = off\n")
    process = start(server)
    wait_ready(server, process)
    yield server
    process.send_signal(signal.SIGINT)
    process.wait(20)
    server.remove()


@pytest.fixture(scope="session")
def redis_url(valkey: EmbeddedValkey) -> str:
    return valkey.url


@pytest.fixture
def prefix() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def names(prefix: str) -> Names:
    return Names(prefix)


@pytest.fixture
async def redis(redis_url: str, names: Names) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    keys = [key async for key in client.scan_iter(match=names.tag.replace("{", "\\{") + "*", count=1000)]
    if keys:
        await client.unlink(*keys)
    await client.aclose()


async def _connect(server: EmbeddedPostgres, database: str) -> Any:
    return await asyncpg.connect(host=str(server.sockets), port=5432, user=ROLE, database=database)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """A database with every migration applied, from which each test's own is cloned."""
    from migrations.upgrade import upgrade

    async def make() -> None:
        connection = await _connect(postgres, "postgres")
        await connection.execute(f'CREATE DATABASE "{TEMPLATE}"')
        await connection.close()
        await upgrade(postgres.url_of(TEMPLATE))

    asyncio.run(make())
    return TEMPLATE


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"t_{uuid.uuid4().hex[:12]}"
    connection = await _connect(postgres, "postgres")
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield postgres.url_of(name)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """Tortoise, connected to the test's database."""
    from core.storage.connection import connected

    async with connected(database_url):
        yield database_url


@pytest.fixture
def settings(redis_url: str, database_url: str, prefix: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        redis_url=redis_url,
        database_url=database_url,
        prefix=prefix,
        secret_key=SECRET,
        data_dir=tmp_path,
        admin_email="admin@example.com",
        admin_password="a password of the tests",
        demo=False,
    )


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium; without one the test fails in CI and is skipped elsewhere."""
    executable = find_chromium()
    if executable is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "there is no Chromium; `python -m tests.chromium` installs one"
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of 1440 by 900 in a context of its own."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    yield await context.new_page()
    await context.close()
