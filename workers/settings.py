"""What the workers' process reads from the environment; the same variables as the server's, without its settings module."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from taskcast.errors import ConfigurationError
from taskcast.names import DEFAULT_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Where the servers and the files are."""

    redis_url: str | None
    database_url: str | None
    storage_url: str | None
    data_dir: Path
    prefix: str
    gateway_url: str
    service_token: str | None
    queues: str | None
    backup_dir: Path
    retention_days: int
    mailbox_url: str | None
    smtp_url: str | None
    mail_from: str | None
    public_url: str | None

    def need_redis_url(self) -> str:
        """Return the queue server's URL.

        Raises:
            ConfigurationError: if it is not set.
        """
        return _need(self.redis_url, "TASKCAST_REDIS_URL")

    def served_queues(self, own: Iterable[str]) -> list[str] | None:
        """Return the queues that the workers serve, None for all; `own` are those of the built-in jobs.

        Programs of your own may run beside the built-in workers: their jobs are not for these, and would only be handed back.
        """
        if self.queues is None:
            return sorted(set(own))
        names = [name for part in self.queues.split(",") if (name := part.strip())]
        return None if "*" in names else names

    def need_mailbox_url(self) -> str:
        """Return the mailbox's URL: the variable's, or the sample household's Maildir where it was made.

        Raises:
            ConfigurationError: if there is none.
        """
        sample = (self.data_dir / "household" / "mail").absolute()
        if self.mailbox_url is None and (sample / "new").is_dir():
            return f"maildir://{sample}"
        return _need(self.mailbox_url, "TASKCAST_MAILBOX_URL", "imaps://user:password@host/INBOX or maildir:///path")

    def need_smtp(self) -> tuple[str, str]:
        """Return the URL that mail is sent to and the sender's address; the sample household's outbox where it was made.

        Raises:
            ConfigurationError: if one of them is not set.
        """
        sample = (self.data_dir / "household" / "outbox").absolute()
        if self.smtp_url is None and sample.is_dir():
            return f"outbox://{sample}", self.mail_from or "taskcast@household.example"
        url = _need(self.smtp_url, "TASKCAST_SMTP_URL", "smtps://user:password@host:465")
        return url, _need(self.mail_from, "TASKCAST_MAIL_FROM", "the sender's address")

    def need_service_token(self) -> str:
        """Return the token for calling the gateway: the variable's, or the one that `taskcast up` keeps in the data directory.

        Raises:
            ConfigurationError: if there is none.
        """
        kept = self.data_dir / "service-token"
        if self.service_token is None and not kept.exists():
            raise ConfigurationError(
                "TASKCAST_SERVICE_TOKEN is not set; make one with `taskcast token create`, or start with `taskcast up`"
            )
        return self.service_token or kept.read_text().strip()

    def need_database_url(self) -> str:
        """Return PostgreSQL's URL.

        Raises:
            ConfigurationError: if it is not set.
        """
        return _need(self.database_url, "TASKCAST_DATABASE_URL")


def worker_settings(environment: Mapping[str, str] = os.environ) -> WorkerSettings:
    """Return the settings of this process; an empty variable counts as not set."""

    def get(name: str) -> str | None:
        return environment.get(name) or None

    data_dir = Path(get("TASKCAST_DATA_DIR") or ".taskcast")
    return WorkerSettings(
        redis_url=get("TASKCAST_REDIS_URL"),
        database_url=get("TASKCAST_DATABASE_URL"),
        storage_url=get("TASKCAST_STORAGE_URL"),
        data_dir=data_dir,
        prefix=get("TASKCAST_PREFIX") or DEFAULT_PREFIX,
        gateway_url=get("TASKCAST_GATEWAY_URL") or f"http://127.0.0.1:{get('TASKCAST_GATEWAY_PORT') or 8000}",
        service_token=get("TASKCAST_SERVICE_TOKEN"),
        queues=get("TASKCAST_WORKER_QUEUES"),
        backup_dir=Path(get("TASKCAST_BACKUP_DIR") or data_dir / "backups"),
        retention_days=int(get("TASKCAST_RETENTION_DAYS") or 30),
        mailbox_url=get("TASKCAST_MAILBOX_URL"),
        smtp_url=get("TASKCAST_SMTP_URL"),
        mail_from=get("TASKCAST_MAIL_FROM"),
        public_url=get("TASKCAST_PUBLIC_URL"),
    )


def _need(value: str | None, name: str, what: str = "your server's URL, or start with `taskcast up`") -> str:
    if value is None:
        raise ConfigurationError(f"{name} is not set; give {what}")
    return value
