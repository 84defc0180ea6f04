"""The door of the demo's process: `python -m workers.household`, or nothing at all with `TASKCAST_DEMO=0`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime, time, timedelta

from core.storage.connection import connected
from taskcast.ending import end
from taskcast.errors import ConfigurationError
from workers.app import settings
from workers.broker import broker, file_store
from workers.finance.periods import today
from workers.household.books import SEED, write_books
from workers.household.deliveries import Deliveries
from workers.household.letters import write_letters

AGAIN_S = 30.0
OFF = frozenset({"0", "false", "no", "off"})

logger = logging.getLogger("workers.household")


async def main() -> None:
    """Deliver sample statements until SIGTERM or Ctrl-C."""
    settings.need_redis_url()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await broker.startup()
    try:
        async with connected(settings.need_database_url(), pool_size=3):
            writing = asyncio.create_task(keep_books(), name="household-books")
            try:
                async with Deliveries(broker=broker, store=file_store()):
                    await stopped.wait()
            finally:
                await end(writing)
    finally:
        await broker.shutdown()


async def keep_books() -> None:
    """Write the household's books up to today, and again each day; PostgreSQL and the store may still be starting."""
    while True:
        try:
            books = await write_books(file_store(), until=today())
            await write_letters(settings.data_dir / "household", until=books.last_day, seed=SEED)
        except Exception:
            logger.exception("the sample household's books could not be written; trying again")
            await asyncio.sleep(AGAIN_S)
            continue
        logger.info(
            "the books hold %s bookings since %s, %s of them new", books.transactions, books.first_day, books.added
        )
        tomorrow = datetime.combine(books.last_day + timedelta(days=1), time(), UTC)
        await asyncio.sleep(max(1.0, (tomorrow - datetime.now(UTC)).total_seconds()))


def run() -> int:
    """Run the process and return its exit code."""
    if os.environ.get("TASKCAST_DEMO", "1").strip().lower() in OFF:
        logger.info("TASKCAST_DEMO is off, so the sample household stays away")
        return 0
    try:
        asyncio.run(main())
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    logging.basicConfig(
        level=os.environ.get("TASKCAST_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    logging.getLogger("tortoise").setLevel(logging.WARNING)
    sys.exit(run())
