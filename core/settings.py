"""What can be set, in one typed object, read from `TASKCAST_*` once at each process's door and passed down.

The secret has no default: `taskcast up` makes one into the data directory, every other start needs it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from taskcast.engine.address import check_url
from taskcast.errors import ConfigurationError


class Settings(BaseSettings):
    """Every setting of the server; the environment's name is the field's, upper case, after `TASKCAST_`."""

    model_config = SettingsConfigDict(env_prefix="TASKCAST_", env_file=".env", extra="ignore")

    data_dir: Path = Field(Path(".taskcast"), description="Folder of the embedded servers' data, files and logs.")
    redis_url: str | None = Field(
        None,
        description="Your own Valkey or Redis, also by Sentinel or as a cluster; without it the embedded one runs.",
    )
    database_url: str | None = Field(None, description="Your own PostgreSQL; without it the embedded one runs.")
    prefix: str = Field(
        "taskcast", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="Prefix of all keys on the queue server."
    )
    host: str = Field("127.0.0.1", description="Address that gateway and dashboard listen on.")
    gateway_port: int = Field(8000, ge=1, le=65535, description="Port of the gateway.")
    dashboard_port: int = Field(8080, ge=1, le=65535, description="Port of the dashboard.")
    gateway_url: str | None = Field(None, description="Where the dashboard finds the gateway; by default on this host.")
    public_url: str | None = Field(
        None, description="The dashboard's address as browsers see it, for the Origin check."
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses and networks whose X-Forwarded-For is believed: the dashboard's and your proxies'.",
    )
    admin_email: str = Field("admin@example.com", description="The first admin's e-mail address.")
    admin_password: SecretStr | None = Field(
        None, description="The first admin's password; made and printed once by default."
    )
    secret_key: SecretStr | None = Field(
        None, min_length=32, description="The secret all keys are derived from, 32 characters or more."
    )
    storage_url: str | None = Field(
        None, description="Where uploaded and made files lie (an fsspec URL); by default in the data directory."
    )
    procfile: Path | None = Field(None, description="Your own Procfile for `taskcast up`, with your own workers.")
    demo: bool = Field(True, description="Whether the sample household and its banks run.")
    log: str = Field("text", pattern="^(text|json)$", description="Format of the logs: text or json.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    on_forgotten: str = Field(
        "resend", pattern="^(resend|fail)$", description="What becomes of jobs that the queue server forgot."
    )
    service_token: SecretStr | None = Field(
        None, description="API token with which the jobs of upkeep call the gateway; `taskcast up` makes one by itself."
    )
    worker_queues: str | None = Field(
        None,
        description="Queues that the built-in workers serve, separated by commas; `*` for all, by default those of the built-in jobs.",
    )
    backup_dir: Path | None = Field(
        None, description="Where the dumps of the database are kept; by default in the data directory."
    )
    mailbox_url: SecretStr | None = Field(
        None, description="Mailbox that EMAIL_SYNC reads: imaps://user:password@host/INBOX, imap:// or maildir:///path."
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Where NOTIFICATION_DIGEST sends mail: smtps://user:password@host:465, smtp:// or outbox:///path.",
    )
    mail_from: str | None = Field(None, description="Address that mail is sent from.")
    retention_days: int = Field(30, ge=1, description="Days that ended jobs are kept.")
    log_retention_days: int = Field(7, ge=1, description="Days that the log lines of completed jobs are kept.")
    upload_max_bytes: int = Field(
        100 * 1024 * 1024, ge=1024, description="Largest file that can be uploaded, in bytes."
    )

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        if url:
            try:
                check_url(url)
            except ConfigurationError as error:
                raise ValueError(str(error)) from None
        return url

    @property
    def gateway_address(self) -> str:
        """The gateway's URL as other processes on this host reach it."""
        return self.gateway_url or f"http://127.0.0.1:{self.gateway_port}"

    def need_redis_url(self) -> str:
        """Return the queue server's URL.

        Raises:
            ConfigurationError: if it is not set.
        """
        if not self.redis_url:
            raise ConfigurationError(
                "TASKCAST_REDIS_URL is not set; start with `taskcast up`, or give your server's URL"
            )
        return self.redis_url

    def need_database_url(self) -> str:
        """Return PostgreSQL's URL.

        Raises:
            ConfigurationError: if it is not set.
        """
        if not self.database_url:
            raise ConfigurationError(
                "TASKCAST_DATABASE_URL is not set; start with `taskcast up`, or give your server's URL"
            )
        return self.database_url

    def need_secret(self) -> str:
        """Return the secret.

        Raises:
            ConfigurationError: if it is not set.
        """
        if self.secret_key is None:
            raise ConfigurationError(
                "TASKCAST_SECRET_KEY is not set; give 32 random characters or more, the same to every process"
            )
        return self.secret_key.get_secret_value()


def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        ConfigurationError: naming each wrong variable and what is wrong with it.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"TASKCAST_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(wrong) from None
