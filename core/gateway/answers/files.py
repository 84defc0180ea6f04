"""What a stored file is in answers."""

from __future__ import annotations

from core.gateway.answers.answer import Answer


class File(Answer):
    """A stored file."""

    id: str
    name: str
    size_bytes: int
    sha256: str
