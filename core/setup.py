"""What a first start needs, in one process: the tables, the first admin, and the tokens of this host.

`python -m core.setup` answers with one JSON object: `{"email", "password"}`, the password only if it was made now.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from core.auth_tokens import digest, new_api_token
from core.first_admin import ensure_first_admin
from core.logs import configure_logging
from core.permissions import Role
from core.settings import Settings, load_settings
from core.storage import tokens
from core.storage.connection import connected
from migrations.upgrade import upgrade
from taskcast.errors import TaskcastError


async def set_up(settings: Settings) -> dict[str, str | None]:
    """Bring the database to its present form; make the first admin and the tokens of this host.

    Raises:
        ConfigurationError: if a setting is in the way.
    """
    await upgrade(settings.need_database_url())
    async with connected(settings.need_database_url()):
        password = await ensure_first_admin(settings)
        await ensure_token(settings.data_dir, "cli-token", name="command line of this host")
        await ensure_token(settings.data_dir, "service-token", name="jobs of this host")
    return {"email": settings.admin_email, "password": password}


async def ensure_token(data_dir: Path, file: str, *, name: str) -> None:
    """Keep an admin's API token in a file that only its owner can read, made again when it was revoked or lost.

    Whoever may read this data directory may do all that Taskcast does: its command line and its own jobs.
    """
    path = data_dir / file
    if path.exists():
        found = await tokens.find_token(digest(path.read_text().strip()))
        if found and found.revoked_at is None:
            return
    token = new_api_token()
    await tokens.create_token(
        name=name,
        role=Role.ADMIN,
        token_hash=digest(token),
        user_id=None,
        created_by="taskcast up",
        expires_at=None,
    )
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(token + "\n")
    draft.rename(path)


def main() -> int:
    """Set up, answer on standard output, and return the exit code."""
    try:
        settings = load_settings()
        configure_logging(settings)
        answer = asyncio.run(set_up(settings))
    except TaskcastError as error:
        sys.stderr.write(f"taskcast: {error}\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
