"""The built-in jobs, one module each; importing this package registers all of them with `workers.broker`."""

from __future__ import annotations

from workers.tasks import (
    account_reconciliation,
    backup_verification,
    budget_refresh,
    cache_cleanup,
    clean_old_jobs,
    data_export,
    email_sync,
    insights_generation,
    notification_digest,
    report_generation,
    stuck_check,
    transaction_import,
)

__all__ = [
    "account_reconciliation",
    "backup_verification",
    "budget_refresh",
    "cache_cleanup",
    "clean_old_jobs",
    "data_export",
    "email_sync",
    "insights_generation",
    "notification_digest",
    "report_generation",
    "stuck_check",
    "transaction_import",
]
