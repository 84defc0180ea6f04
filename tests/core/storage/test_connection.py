from __future__ import annotations

import asyncio

import pytest

from core.storage.connection import DatabaseAway, connected, connection, transaction
from core.storage.models import Task
from migrations.settings import APPS
from migrations.upgrade import upgrade
from taskcast.errors import ConfigurationError


async def test_a_query_outside_of_a_connection_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="async with connected"):
        async with connection():
            pass


async def test_two_doors_share_one_pool_and_the_last_one_closes_it(database_url: str) -> None:
    async with connected(database_url):
        async with connected(database_url), connection() as lent:
            assert await lent.fetchval("SELECT 1") == 1
        assert await Task.all().count() == 0

    with pytest.raises(ConfigurationError):
        async with connection():
            pass


async def test_a_process_has_one_database_at_a_time(database_url: str) -> None:
    async with connected(database_url):
        with pytest.raises(ConfigurationError, match="one at a time"):
            async with connected("postgresql://elsewhere/jobs"):
                pass


async def test_connections_that_the_server_ended_are_made_again(database: str) -> None:
    with pytest.raises(DatabaseAway):
        async with connection() as lent, connection() as other:
            await other.execute("SELECT pg_terminate_backend($1)", lent.get_server_pid())
            await lent.execute("SELECT 1")

    async with transaction("repeatable_read", readonly=True) as lent:
        assert await lent.fetchval("SHOW transaction_isolation") == "repeatable read"


async def test_upgrading_twice_and_at_once_does_no_harm(database_url: str) -> None:
    applied = [await upgrade(database_url)]
    applied += [await upgrade(database_url)]

    assert applied == [[], []]
    async with connected(database_url), connection() as lent:
        versions = await lent.fetch("SELECT app, count(*) AS n FROM aerich GROUP BY app")
        assert {row["app"] for row in versions} == set(APPS)
        assert await lent.fetchval("SELECT seq FROM recorder") == 0


async def test_two_starts_at_once_migrate_an_empty_database_once(postgres: object, database_url: str) -> None:
    import os
    import subprocess
    import sys
    from pathlib import Path

    async with connected(database_url), connection() as lent:
        await lent.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    root = Path(__file__).parents[3]
    environment = {"PATH": os.environ["PATH"], "TASKCAST_DATABASE_URL": database_url}
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "migrations.upgrade"], cwd=root, env=environment, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    errors = [(await asyncio.to_thread(one.communicate))[1] for one in both]

    assert [one.returncode for one in both] == [0, 0], errors
    async with connected(database_url), connection() as lent:
        assert await lent.fetchval("SELECT count(*) FROM recorder") == 1


async def test_the_models_and_the_migrations_agree(database_url: str) -> None:
    """Whoever changes a model without a migration is told."""
    async with connected(database_url), connection() as lent:
        from tortoise import Tortoise

        for model in Tortoise.apps["core"].values():  # type: ignore[index]
            table = model._meta.db_table
            found = await lent.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
            missing = set(model._meta.fields_db_projection.values()) - {row["column_name"] for row in found}
            assert not missing, f"{table} lacks {missing}"
