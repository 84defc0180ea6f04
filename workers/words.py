"""Counts in words, as the summaries and log lines of jobs have them."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 mail`, `1,204 mails`; `many` where an s would be wrong."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def listed(*parts: str) -> str:
    """Return what there is to say, in one line; empty parts are left out."""
    return ", ".join(part for part in parts if part)
