"""The one place that names both Tortoise apps; aerich reads `TORTOISE` from here.

    TASKCAST_DATABASE_URL=... aerich upgrade --app core
"""

from __future__ import annotations

import os
from typing import Any

APPS: dict[str, list[str]] = {
    "core": ["core.storage.models", "aerich.models"],
    "finance": ["workers.finance.models"],
}


def tortoise_config(url: str) -> dict[str, Any]:
    """Return Tortoise's configuration for the database at `url` (`postgres://` or `asyncpg://`)."""
    return {
        "connections": {"default": url},
        "apps": {app: {"models": models, "default_connection": "default"} for app, models in APPS.items()},
        "use_tz": True,
        "timezone": "UTC",
    }


TORTOISE = tortoise_config(os.environ.get("TASKCAST_DATABASE_URL", "asyncpg://localhost/taskcast"))
