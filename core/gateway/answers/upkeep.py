"""What cleaning and the check for stuck jobs came to."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from core.gateway.answers.answer import Answer


class Cleaned(Answer):
    """What clean came to."""

    count: int | None = Field(description="How many jobs were deleted; null while it goes on.")
    operation: str | None = Field(description="The id of the operation; null of a dry run.")


class Finding(Answer):
    """A job that looks stuck."""

    job: str
    reason: str = Field(description="past_timeout, unknown_to_engine, misplaced, owner_lost, no_worker")
    action: str = Field(description="What was done about it.")


class StuckReport(Answer):
    """What a check for stuck jobs found."""

    checked: int = Field(description="How many unfinished jobs were looked at.")
    found: list[Finding]
    at: datetime
