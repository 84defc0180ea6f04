"""What the answers of all routes have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What every answer has in common."""

    model_config = ConfigDict(extra="forbid")


class AtLeast(Answer):
    """A total that would take too long to count."""

    at_least: int
