"""How the server's processes log: a readable line, or one JSON object a line (`TASKCAST_LOG=json`)."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from core.settings import Settings

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
QUIET = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "tortoise": logging.WARNING, "asyncio": logging.WARNING}
"""Loggers of libraries that say more than anybody wants to read, and from which level on they may."""


def configure_logging(settings: Settings) -> None:
    """Send all logs to standard error in the format and from the level that the settings name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log == "json" else TextFormatter())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(max(level, logging.getLevelName(settings.log_level)))
    logging.captureWarnings(True)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _PLAIN}


class TextFormatter(logging.Formatter):
    """One line for a person: time, level, logger, message, and the facts as `key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the traceback below it where there is one."""
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        facts = "".join(f" {key}={value!r}" for key, value in _facts(record).items())
        line = f"{at} {record.levelname:<7} {record.name}: {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object for a program: `at`, `level`, `logger`, `message`, and the facts beside them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; what JSON does not know is written as text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "at": at,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _facts(record)
        if record.exc_info:
            line["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
