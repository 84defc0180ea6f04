"""Which jobs somebody wants to see, and the SQL condition that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

WORD = re.compile(r"[^\W_]+")
ID_START = re.compile(r"[A-Za-z0-9._~:-]{4,128}")
AFTER_ALL = "\x7f"  # sorts after every character that an id may have


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Keys are ANDed, the values of one key ORed; an empty list or None asks for nothing.

    `since` and `until` bound the time of creation (until exclusively). `q` is words, the last of them as begun, of the
    task's name and the error; or the beginning of an id.
    """

    status: list[str] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    user_id: list[str] = field(default_factory=list)
    priority: list[int] = field(default_factory=list)
    final_reason: list[str] = field(default_factory=list)
    worker: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None

    @property
    def is_counted(self) -> bool:
        """Tell whether `job_counts` knows how many jobs match."""
        return not (
            self.user_id or self.priority or self.final_reason or self.worker or self.since or self.until or self.q
        )


class Parameters:
    """The parameters of one statement: `add` returns the placeholder of a value."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any) -> str:
        """Return `$n` for the value."""
        self.values.append(value)
        return f"${len(self.values)}"


def conditions(wanted: JobFilter, parameters: Parameters, *, without: frozenset[str] = frozenset()) -> list[str]:
    """Return what a row of `jobs` must fulfil, leaving out the keys that the caller sees to."""
    lists = (
        ("status", "status", wanted.status, "text"),
        ("type", "type", wanted.type, "text"),
        ("queue", "queue_name", wanted.queue, "text"),
        ("user_id", "user_id", wanted.user_id, "text"),
        ("priority", "priority", wanted.priority, "int2"),
        ("final_reason", "final_reason", wanted.final_reason, "text"),
    )
    found = []
    for key, column, values, kind in lists:
        if not values or key in without:
            continue
        if len(values) == 1:
            found.append(f"{column} = {parameters.add(values[0])}::{kind}")
        else:
            found.append(f"{column} = ANY({parameters.add(list(values))}::{kind}[])")
    if wanted.worker:
        found.append(f"processed_by = {parameters.add(wanted.worker)}::text")
    if wanted.since:
        found.append(f"created_at >= {parameters.add(wanted.since)}::timestamptz")
    if wanted.until:
        found.append(f"created_at < {parameters.add(wanted.until)}::timestamptz")
    if wanted.q and wanted.q.strip():
        found.append(_search(wanted.q.strip(), parameters))
    return found


def _search(text: str, parameters: Parameters) -> str:
    words = [word[:200] for word in WORD.findall(text)][:20]
    either = []
    if words:
        query = " & ".join(f"'{word}'" for word in words) + ":*"
        either.append(f"words @@ to_tsquery('simple', {parameters.add(query)}::text)")
    if ID_START.fullmatch(text):
        either.append(
            f'(id >= {parameters.add(text)}::text COLLATE "C" AND id < {parameters.add(text + AFTER_ALL)}::text'
            ' COLLATE "C")'
        )
    return f"({' OR '.join(either)})" if either else "false"
