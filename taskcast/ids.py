"""Ids of jobs: ours are UUIDv7, those of others are kept when they are harmless."""

from __future__ import annotations

import hashlib
import re

from uuid_utils import uuid7

FOREIGN_ID = re.compile(r"[A-Za-z0-9._~:-]{1,128}")
QUEUE_NAME = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def new_id() -> str:
    """Return a new UUIDv7 (RFC 9562) in its usual 36 characters; ids sort by the time they were made."""
    return str(uuid7())


def job_id_for(task_id: str) -> tuple[str, str | None]:
    """Return `(job id, foreign id or None)` for any Taskiq task id.

    An id of other characters or more than 128 of them becomes `x-` and 32 hex digits of its SHA-256; the original is
    then the second value, to be kept in `metadata.foreign_id`.
    """
    if FOREIGN_ID.fullmatch(task_id):
        return task_id, None
    return "x-" + hashlib.sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()[:32], task_id


def check_queue_name(name: str) -> str:
    """Return `name` if it can name a queue.

    Raises:
        ValueError: if it has other characters than letters, digits and `. _ ~ -`, or not 1 to 64 of them.
    """
    if not QUEUE_NAME.fullmatch(name):
        raise ValueError(f"queue: {name[:80]!r} is no queue name; use 1 to 64 letters, digits, '.', '_', '~' or '-'")
    return name
