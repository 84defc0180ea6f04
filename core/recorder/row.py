"""One row of `jobs` on its way through a batch, and which of its columns must be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from taskcast.states import FINAL

LOADED = (
    "id", "queue_name", "type", "status", "seq", "created_at", "updated_at", "priority", "attempts", "errors",
    "deliveries", "max_attempts", "user_id", "processed_by", "duration_ms", "waited_ms", "final_reason",
    "is_duplicate", "cancelled_by", "cancel_reason", "cancel_requested_at", "cancel_seen_at", "stuck_at",
    "stuck_reason", "queued_at", "run_at", "started_at", "completed_at", "failed_at", "cancelled_at",
)  # fmt: skip
"""The columns that are read before a batch and written with every move; the large ones are written only when set."""

UNTOUCHED, PROGRESSED, MOVED = 0, 1, 2

Key = tuple[str, str, str]
"""Type, queue and status: what `job_counts` counts by."""


@dataclass(slots=True)
class Row:
    """The small columns of a job, and the large ones where this batch sets them."""

    id: str
    queue_name: str
    type: str
    status: str
    seq: int
    created_at: datetime
    updated_at: datetime
    priority: int = 2
    attempts: int = 0
    errors: int = 0
    deliveries: int = 0
    max_attempts: int = 1
    user_id: str | None = None
    processed_by: str | None = None
    duration_ms: int | None = None
    waited_ms: int | None = None
    final_reason: str | None = None
    is_duplicate: bool = False
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    cancel_requested_at: datetime | None = None
    cancel_seen_at: datetime | None = None
    stuck_at: datetime | None = None
    stuck_reason: str | None = None
    queued_at: datetime | None = None
    run_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    cancelled_at: datetime | None = None
    # What is known of the large columns in the table.
    bare: bool = True  # made from an event's head alone: data and options are not known yet
    has_error: bool = False
    # What this batch sets.
    defined: bool = False
    data: str | None = None
    timeout_s: float | None = None
    deduplication_key: str | None = None
    rate_limit_key: str | None = None
    limits: str | None = None
    max_deliveries: int = 3
    metadata: str = "{}"
    progressed: bool = False
    progress: str | None = None
    has_result: bool = False
    result: str | None = None
    renamed: bool = False
    failed: bool = False
    error: str | None = None
    stack_trace: str | None = None
    message: bytes | None = None
    # How it stands to the table.
    stored: bool = False
    before: Key | None = field(default=None)
    gone: bool = False
    purge: bool = False  # its logs and attempts belong to an earlier life
    touch: int = UNTOUCHED

    @property
    def is_final(self) -> bool:
        """Tell whether the job has ended."""
        return self.status in FINAL

    @property
    def key(self) -> Key | None:
        """What it counts as now."""
        return None if self.gone else (self.type, self.queue_name, self.status)

    def move_on(self) -> None:
        """Forget that the job looked stuck, because it has moved."""
        self.stuck_at = self.stuck_reason = None

    def set_progress(self, progress: str | None) -> None:
        """Set the progress, or clear it."""
        self.progressed, self.progress = True, progress

    def set_result(self, result: str | None) -> None:
        """Set the result, or clear it."""
        self.has_result, self.result = True, result

    def set_error(self, error: str | None, stack_trace: str | None) -> None:
        """Set the error, or clear it; clearing what is clear costs nothing."""
        if error is None and stack_trace is None and not self.has_error and not self.failed:
            return
        self.failed, self.error, self.stack_trace = True, error, stack_trace
        self.has_error = error is not None or stack_trace is not None
