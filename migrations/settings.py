"""The one place that names both Tortoise apps; aerich reads `TORTOISE` from here.

TASKCAST_DATABASE_URL=... aerich upgrade --app core
"""

from __future__ import annotations

import os
from typing import Any

from core.storage.address import credentials

APPS: dict[str, list[str]] = {
    "core": ["core.storage.models", "aerich.models"],
    "finance": ["workers.finance.models"],
}


def tortoise_config(url: str, *, pool_size: int = 10) -> dict[str, Any]:
    """Return Tortoise's configuration for the database at `url`, of any usual PostgreSQL spelling."""
    # A plan made for the values at hand: what fits a rare state is slow for a common one.
    server = {"application_name": "taskcast", "plan_cache_mode": "force_custom_plan", "jit": "off"}
    pool = {"minsize": 1, "maxsize": pool_size, "timeout": 10, "command_timeout": 120, "server_settings": server}
    return {
        "connections": {
            "default": {"engine": "tortoise.backends.asyncpg", "credentials": {**pool, **credentials(url)}},
        },
        "apps": {app: {"models": models, "default_connection": "default"} for app, models in APPS.items()},
        "use_tz": True,
        "timezone": "UTC",
    }


TORTOISE = tortoise_config(os.environ.get("TASKCAST_DATABASE_URL") or "asyncpg://localhost/taskcast")
