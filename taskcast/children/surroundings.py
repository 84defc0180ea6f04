"""What a child must share with its worker to run its tasks: where modules are found, which, and how logging is set up."""

from __future__ import annotations

import importlib
import logging
import sys
from types import ModuleType

import msgspec
from taskiq import AsyncBroker

from taskcast import logs
from taskcast.broker import JobBroker


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the worker that another process can take on.

    Attributes:
        path: `sys.path`.
        modules: what to import, in the order in which the worker did.
        levels: the loggers' own levels; the root's name is "".
        log_format: of the worker's output to the terminal, None if it has none.
        capture_logs: see `JobBroker`.
    """

    path: list[str]
    modules: list[str]
    levels: dict[str, int]
    log_format: str | None
    capture_logs: int | None

    @classmethod
    def of(cls, broker: JobBroker) -> Surroundings:
        """Return this process's, for those tasks of a broker that run in child processes."""
        wanted = {
            task.original_func.__module__
            for name, task in broker.get_all_tasks().items()
            if broker.options_of(name).executor == "process"
        }
        loggers = {"": logging.getLogger()} | {
            name: logger
            for name, logger in list(logging.root.manager.loggerDict.items())
            if isinstance(logger, logging.Logger)
        }
        return cls(
            path=list(sys.path),
            # The order counts where a broker's module and its tasks' modules import each other.
            modules=[name for name, module in list(sys.modules.items()) if name in wanted or _holds(module, broker)],
            levels={name: logger.level for name, logger in loggers.items() if logger.level},
            log_format=_terminal_format(),
            capture_logs=broker.capture_logs,
        )

    def take_on(self) -> None:
        """Import the modules and set logging up; what importing raises comes out."""
        for name in self.modules:
            for value in list(vars(importlib.import_module(name)).values()):
                if isinstance(value, AsyncBroker):
                    value.is_worker_process = True
        if self.log_format is not None and not logging.getLogger().handlers:
            logging.basicConfig(format=self.log_format)
        for name, level in self.levels.items():
            logging.getLogger(name or None).setLevel(level)
        if self.capture_logs is not None:
            logs.install(self.capture_logs)


def _holds(module: ModuleType, broker: JobBroker) -> bool:
    name = getattr(module, "__name__", "")
    if name in {"__main__", "__mp_main__"} or name.startswith(("taskcast.", "taskiq")):
        return False
    return any(value is broker for value in list(getattr(module, "__dict__", {}).values()))


def _terminal_format() -> str | None:
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler and handler.stream in {sys.stderr, sys.stdout}:
            formatter = handler.formatter
            return getattr(formatter, "_fmt", None) if formatter is not None else logging.BASIC_FORMAT
    return None
