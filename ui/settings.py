"""What can be set of the dashboard, read from `TASKCAST_*` once at the process's door."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from taskcast.errors import ConfigurationError


class Settings(BaseSettings):
    """The dashboard's settings; the environment's name is the field's, upper case, after `TASKCAST_`."""

    model_config = SettingsConfigDict(env_prefix="TASKCAST_", env_file=".env", extra="ignore")

    host: str = Field("127.0.0.1", description="Address that gateway and dashboard listen on.")
    dashboard_port: int = Field(8080, ge=1, le=65535, description="Port of the dashboard.")
    gateway_port: int = Field(8000, ge=1, le=65535, description="Port of the gateway.")
    gateway_url: str | None = Field(None, description="Where the dashboard finds the gateway; by default on this host.")
    public_url: str | None = Field(
        None, description="The dashboard's address as browsers see it, for the Origin check."
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses and networks whose X-Forwarded-For is believed: the dashboard's and your proxies'.",
    )
    log: str = Field("text", pattern="^(text|json)$", description="Format of the logs: text or json.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    upload_max_bytes: int = Field(
        100 * 1024 * 1024, ge=1024, description="Largest file that can be uploaded, in bytes."
    )

    @property
    def gateway_address(self) -> str:
        """The gateway's URL."""
        return self.gateway_url or f"http://127.0.0.1:{self.gateway_port}"

    @property
    def public_origin(self) -> str | None:
        """Scheme, host and port of `public_url`, as browsers write them into `Origin`."""
        if not self.public_url:
            return None
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()


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
