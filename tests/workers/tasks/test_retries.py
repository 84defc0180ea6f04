"""Which errors of which job are worth another attempt, as the tasks' options say it and the worker reads them."""

from __future__ import annotations

import errno

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from tortoise.exceptions import DBConnectionError

from core.storage.files import FileNotStored, StoreUnavailable
from taskcast.errors import ConfigurationError, EngineFull, EngineUnavailable
from taskcast.failures import Failure
from taskcast.retries import is_worth_retrying
from workers.broker import broker
from workers.finance.budgets import BudgetUnknown
from workers.finance.entries import StatementUnreadable
from workers.finance.periods import PeriodWrong
from workers.finance.selection import AccountUnknown
from workers.finance.statement_lines import StatementUnknown
from workers.mail.mailboxes import MailboxAway, MailboxRefused
from workers.mail.sending import SmtpAway, SmtpRefused
from workers.upkeep.backups import BackupBroken, BackupImpossible, BackupInterrupted

ALL = (
    "EMAIL_SYNC", "TRANSACTION_IMPORT", "REPORT_GENERATION", "INSIGHTS_GENERATION", "BUDGET_REFRESH", "NOTIFICATION_DIGEST",
    "CACHE_CLEANUP", "BACKUP_VERIFICATION", "ACCOUNT_RECONCILIATION", "DATA_EXPORT",
)  # fmt: skip
STORING = (
    "EMAIL_SYNC",
    "TRANSACTION_IMPORT",
    "REPORT_GENERATION",
    "CACHE_CLEANUP",
    "ACCOUNT_RECONCILIATION",
    "DATA_EXPORT",
)

WORTH: list[tuple[BaseException, tuple[str, ...]]] = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), ALL),
    (DBConnectionError("away"), ALL),
    (asyncpg.ConnectionDoesNotExistError("the connection was closed in the middle"), ALL),
    (asyncpg.CannotConnectNowError("the database system is starting up"), ALL),
    (asyncpg.AdminShutdownError("terminating connection"), ALL),
    (asyncpg.DiskFullError("no space left"), ALL),
    (asyncpg.DeadlockDetectedError("deadlock detected"), ALL),
    (TimeoutError(), ALL),
    (StoreUnavailable("full"), STORING),
    (MailboxAway("away"), ("EMAIL_SYNC",)),
    (EngineUnavailable("away"), ("EMAIL_SYNC",)),
    (EngineFull(), ("EMAIL_SYNC",)),
    (SmtpAway("away"), ("NOTIFICATION_DIGEST",)),
    (RedisConnectionError("away"), ("CACHE_CLEANUP",)),
    (BackupInterrupted("away"), ("BACKUP_VERIFICATION",)),
]
FINAL: list[tuple[BaseException, tuple[str, ...]]] = [
    (
        PeriodWrong(),
        ("REPORT_GENERATION", "INSIGHTS_GENERATION", "BUDGET_REFRESH", "ACCOUNT_RECONCILIATION", "DATA_EXPORT"),
    ),
    (AccountUnknown(), ("REPORT_GENERATION", "INSIGHTS_GENERATION", "ACCOUNT_RECONCILIATION", "DATA_EXPORT")),
    (BudgetUnknown(), ("BUDGET_REFRESH",)),
    (StatementUnknown(), ("ACCOUNT_RECONCILIATION",)),
    (StatementUnreadable("file", "is none", "export it again"), ("TRANSACTION_IMPORT", "ACCOUNT_RECONCILIATION")),
    (FileNotStored("gone"), ("TRANSACTION_IMPORT", "ACCOUNT_RECONCILIATION")),
    (MailboxRefused(), ("EMAIL_SYNC",)),
    (SmtpRefused(), ("NOTIFICATION_DIGEST",)),
    (BackupBroken(), ("BACKUP_VERIFICATION",)),
    (BackupImpossible(), ("BACKUP_VERIFICATION",)),
    (ConfigurationError("not set"), ALL),
    (asyncpg.NumericValueOutOfRangeError("numeric field overflow"), ALL),
    (ZeroDivisionError(), ALL),
]


@pytest.mark.parametrize(
    ("error", "tasks", "again"),
    [(*each, True) for each in WORTH] + [(*each, False) for each in FINAL],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_only_what_another_attempt_may_mend_is_tried_again(
    error: BaseException, tasks: tuple[str, ...], again: bool
) -> None:
    failure = Failure.of(error)

    found = {task: is_worth_retrying(failure, broker.options_of(task)) for task in tasks}

    assert found == dict.fromkeys(tasks, again)
    assert all(broker.options_of(task).max_attempts >= 3 for task in tasks)
