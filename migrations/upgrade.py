"""Bring the database up to date: `python -m migrations.upgrade`. Doing it twice, or at once, does no harm."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import asyncpg
from aerich import Command
from tortoise.context import TortoiseContext

from core.storage.address import credentials
from migrations.settings import APPS, tortoise_config

VERSIONS = """
CREATE TABLE IF NOT EXISTS "aerich" (
    "id" SERIAL NOT NULL PRIMARY KEY, "version" VARCHAR(255) NOT NULL, "app" VARCHAR(100) NOT NULL, "content" JSONB NOT NULL
)
"""
"""aerich's own table, which it asks for before it makes it; the server would write that as errors into its log."""
LOCK = 0x7461736B63617374  # "taskcast": the advisory lock that two starts at once queue for

logger = logging.getLogger(__name__)


async def upgrade(url: str) -> list[str]:
    """Apply what is missing of every app's migrations to the database at `url`; return the names of those applied."""
    applied: list[str] = []
    guard = await asyncpg.connect(**_without_pool(url))
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
        await guard.execute(VERSIONS)
        config, location = tortoise_config(url), Path(__file__).parent
        async with TortoiseContext() as context:
            await context.init(config=config)
            for app in APPS:
                command = Command(config, app=app, location=str(location))
                await command.init()
                applied += [f"{app}/{name}" for name in await command.upgrade()]
    finally:
        await guard.close()  # ends the session, and with it the lock
    for name in applied:
        logger.info("migration applied", extra={"migration": name})
    return applied


def _without_pool(url: str) -> dict[str, object]:
    return {key: value for key, value in credentials(url).items() if key not in {"minsize", "maxsize"}}


def main() -> None:
    """Upgrade the database that the settings name."""
    from core.logs import configure_logging
    from core.settings import load_settings

    settings = load_settings()
    configure_logging(settings)
    asyncio.run(upgrade(settings.need_database_url()))


if __name__ == "__main__":
    main()
