"""The recorder's process: `python -m core.recorder`; with the rescuer, the reconciler, the pruner and the stuck check."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from datetime import timedelta

from core.logs import configure_logging
from core.pruner import Pruner
from core.reconciler import Reconciler
from core.recorder.recorder import Recorder
from core.rescuer import Rescuer
from core.resender import Resender
from core.secrets import MessageCipher
from core.settings import Settings, load_settings
from core.storage.connection import connected
from core.stuck import StuckCheck, StuckWatch
from taskcast.engine.engine import Engine
from taskcast.errors import ConfigurationError

logger = logging.getLogger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Record until `stop` is set."""
    redis_url, cipher = settings.need_redis_url(), MessageCipher(settings.need_secret())
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(connected(settings.need_database_url(), pool_size=4))
        engine = await stack.enter_async_context(Engine.connect(redis_url, settings.prefix))
        recorder = Recorder(engine=engine, redis_url=redis_url, cipher=cipher)
        await stack.enter_async_context(recorder)
        await stack.enter_async_context(Rescuer(engine=engine))
        resender = Resender(engine=engine, cipher=cipher, on_forgotten=settings.on_forgotten)
        await stack.enter_async_context(Reconciler(engine=engine, recorder=recorder, resender=resender))
        stuck = StuckCheck(engine=engine, resender=resender)
        await stack.enter_async_context(StuckWatch(check=stuck))
        jobs, logs = timedelta(days=settings.retention_days), timedelta(days=settings.log_retention_days)
        await stack.enter_async_context(Pruner(engine=engine, jobs=jobs, logs=logs))
        logger.info("the recorder runs")
        await stop.wait()
    logger.info("the recorder has stopped", extra={"position": recorder.position, **recorder.counted, **stuck.counted})


def main() -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings)
        asyncio.run(_until_signal(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"recorder: {error}\n")
        return 2
    return 0


async def _until_signal(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, stop)


if __name__ == "__main__":
    sys.exit(main())
