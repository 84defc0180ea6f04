"""Captures what code inside a job writes with the standard `logging`, and puts it into the job's log."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from taskcast.context import current
from taskcast.values import text_of

OWN_LOGGERS = ("taskcast", "taskiq.receiver")
"""What these write is about the worker, not about the job; it would also come back to itself."""

STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JobLogHandler(logging.Handler):
    """Hands records that were written inside a job to that job; all others cost one look-up."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text, level, extra fields and stack trace."""
        job = current.get()
        if job is None or record.name.startswith(OWN_LOGGERS):
            return
        try:
            trace = None
            if record.exc_info and record.exc_info[0] is not None:
                trace = "".join(traceback.format_exception(*record.exc_info))
            elif record.stack_info:
                trace = record.stack_info
            context: dict[str, Any] = {"logger": record.name}
            for name in record.__dict__.keys() - STANDARD_FIELDS:
                context[name] = record.__dict__[name]
            job._keep_line(_text_of(record), record.levelname, context, trace)
        except Exception:
            self.handleError(record)


def _text_of(record: logging.LogRecord) -> str:
    """Return the record's text; one whose arguments do not fit its format is kept with them beside it."""
    try:
        return record.getMessage()
    except Exception:
        return f"{text_of(record.msg)} {[text_of(value) for value in record.args or ()]}"


_installed: list[JobLogHandler] = []


def install(level: int = logging.NOTSET) -> JobLogHandler:
    """Begin to capture records of `level` and above; the loggers' own levels decide first."""
    handler = JobLogHandler(level)
    _installed.append(handler)
    if len(_installed) == 1:
        logging.getLogger().addHandler(handler)
    return handler


def uninstall(handler: JobLogHandler) -> None:
    """End what `install` began; several receivers in one process share one handler."""
    if handler not in _installed:
        return
    root = logging.getLogger()
    root.removeHandler(_installed[0])
    _installed.remove(handler)
    if _installed:
        root.addHandler(_installed[0])
