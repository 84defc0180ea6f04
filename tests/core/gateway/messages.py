"""Messages as workers' senders make them."""

from __future__ import annotations

import json
from typing import Any


def message_of(job_id: str, *, args: list[Any], kwargs: dict[str, Any], task: str = "IMPORT") -> bytes:
    return json.dumps(
        {"task_id": job_id, "task_name": task, "labels": {}, "labels_types": None, "args": args, "kwargs": kwargs}
    ).encode()
