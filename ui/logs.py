"""How the dashboard logs: a readable line, or one JSON object a line, like the other processes."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from ui.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Send all logs to standard error in the format and from the level that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if settings.log == "json" else logging.Formatter(TEXT, datefmt="%H:%M:%S"))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "asyncio", "websockets", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


TEXT = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"


class Json(logging.Formatter):
    """One object: `at`, `level`, `logger`, `message`, and a stack trace where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": at, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(line)
