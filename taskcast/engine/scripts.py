"""The Lua scripts as texts: a head made from `Names` and the table of moves, `lib.lua`, what a script includes, itself.

The texts are the same for every installation; the prefix travels as an argument. Works for any client, with asyncio or
without: `call_with` says what to send.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from taskcast.names import Names
from taskcast.states import MOVES

FOLDER = Path(__file__).parent / "lua"
INCLUDE = "-- include:"


class Script:
    """One script: its text and its SHA-1, by which the server knows it."""

    __slots__ = ("name", "sha", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@cache
def load(name: str, *, events: bool = True) -> Script:
    """Return a script by the name of its file; without `events` it writes none (for the benchmark alone)."""
    body = (FOLDER / f"{name}.lua").read_text()
    first = body.splitlines()[0]
    includes = first.removeprefix(INCLUDE).replace(",", " ").split() if first.startswith(INCLUDE) else []
    parts = [_head(events=events), (FOLDER / "lib.lua").read_text()]
    parts += [(FOLDER / f"{include}.lua").read_text() for include in includes]
    return Script(name, "\n".join([*parts, body]))


def _head(*, events: bool) -> str:
    """Return the names of keys and the table of moves as Lua.

    A move is found as the piece of JSON that its event bears, so that checking and writing it is one look-up.
    """
    keys = Names("")
    literals = {
        "SEQ": keys.seq,
        "LIVE": keys.live,
        "CONTROL": keys.control,
        "BELL": keys.bell,
        "LANES": keys.lanes,
        "LANE": keys.lane("", 0).removesuffix(":0"),
        "SHARES": keys.shares,
        "JOB": keys.job(""),
        "TOMB": keys.tombstone(""),
        "DELAYED": keys.delayed,
        "COUNTS": keys.counts,
        "WORKERS": keys.workers,
        "LEASE": keys.lease(""),
        "HELD": keys.held(""),
        "RUN": keys.run,
        "DEDUP": keys.dedup(""),
        "TOLD": keys.told(""),
        "RESULT": keys.result_prefix() + ":",
    }
    names = ", ".join(literals)
    texts = ", ".join(f"'{key.removeprefix(keys.tag)}'" for key in literals.values())
    moves = []
    for was, states in MOVES.items():
        was_json = "null" if was is None else f'"{was}"'
        arrows = ", ".join(f"""{state} = ',"was":{was_json},"state":"{state}","data":'""" for state in sorted(states))
        moves.append(f"{'new' if was is None else was} = {{{arrows}}}")
    return f"local {names} = {texts}\nlocal MOVES = {{{', '.join(moves)}}}\nlocal EVENTS = {str(events).lower()}"
