"""What the workers' process reads from the environment; the same variables as the server's, without its settings module."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    backup_dir: Path
    retention_days: int

    def need_redis_url(self) -> str:
        """Return the queue server's URL.

        Raises:
            ConfigurationError: if it is not set.
        """
        return _need(self.redis_url, "TASKCAST_REDIS_URL")

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
        backup_dir=Path(get("TASKCAST_BACKUP_DIR") or data_dir / "backups"),
        retention_days=int(get("TASKCAST_RETENTION_DAYS") or 30),
    )


def _need(value: str | None, name: str) -> str:
    if value is None:
        raise ConfigurationError(f"{name} is not set; start with `taskcast up`, or give your server's URL")
    return value
