"""The Lua scripts as texts: a head made from `Names` and the table of moves, `lib.lua`, what a script includes, itself.

The texts are the same for every installation; the prefix travels as an argument. A server runs a text from its first
line at each call, so that of head and `lib.lua` a script gets only the paragraphs it needs.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from taskcast.names import Names
from taskcast.states import MOVES, JobState

FOLDER = Path(__file__).parent / "lua"
INCLUDE = "-- include:"

_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMENT = re.compile(r"--.*")
_DEFINED = re.compile(r"^local (?:function )?(\w+(?:, \w+)*)", re.MULTILINE)


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
    return Script(name, compose((FOLDER / f"{name}.lua").read_text(), events=events))


def compose(body: str, *, events: bool = True) -> str:
    """Return the whole text of a script from its own part.

    Constants, what is shared, and the own part stand in functions, each in the one before: so every function finds what
    it uses of the outer parts without a search through all locals that others use, which takes a tenth of a lone call.
    """
    first = body.splitlines()[0]
    includes = first.removeprefix(INCLUDE).replace(",", " ").split() if first.startswith(INCLUDE) else []
    own = "\n".join([*((FOLDER / f"{include}.lua").read_text() for include in includes), body])
    constants, *shared = (FOLDER / "lib.lua").read_text().split("\n\n")
    head = [*_head(events=events), constants]
    needed = _needed([*head, *shared], own)
    outer, inner = ([part for part in needed if part in parts] for parts in (head, shared))
    return _with_keys("\n".join([*outer, "return (function()", *inner, "return (function()", own, "end)()", "end)()"]))


def _needed(paragraphs: list[str], text: str) -> list[str]:
    """Return the paragraphs that define what the text, or one of them that is needed itself, speaks of."""
    words, needed = _words(text), list[str]()
    for paragraph in reversed(paragraphs):  # in Lua a local is defined before it is used
        defined = {name for names in _DEFINED.findall(paragraph) for name in names.split(", ")}
        if not defined.isdisjoint(words):
            words |= _words(paragraph)
            needed.insert(0, paragraph)
    return needed


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", text)))


def _head(*, events: bool) -> list[str]:
    """Return the table of moves, and whether events are written, as paragraphs of Lua.

    A move is found as the piece of JSON that its event bears, and the event's name: checking and writing are one look-up.
    """
    moves = []
    for was, states in MOVES.items():
        was_json = "null" if was is None else f'"{was}"'
        arrows = "\n".join(
            f"""  if state == '{state}' then return ',"was":{was_json},"state":"{state}","data":', '{_event(state)}' end"""
            for state in sorted(states)
        )
        moves.append(f"if was == '{'new' if was is None else was}' then\n{arrows}\n")
    arrow = f"local function arrow(was, state)\n{'else'.join(moves)}end\nend"
    return [arrow, f"local EVENTS = {str(events).lower()}"]


@cache
def _keys() -> dict[str, str]:
    """Return what stands in the scripts for each key, and its text without the tag."""
    keys = Names("")
    texts = {
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
        "PAUSED": keys.paused,
        "HOLDS": keys.holds,
        "HOLD": keys.hold("", "", 0).removesuffix(":0 "),
        "WAKES": keys.wakes,
        "CONCURRENCY": keys.concurrency(""),
        "RATE": keys.rate(""),
        "RESULT": keys.result_prefix() + ":",
    }
    return {name: text.removeprefix(keys.tag) for name, text in texts.items()}


def _with_keys(text: str) -> str:
    """Write the texts of keys where their names stand: locals would be made anew at every call."""
    return _KEY.sub(lambda found: f"'{_keys()[found[0]]}'", text)


def _event(state: JobState) -> str:
    return "job.started" if state is JobState.RUNNING else f"job.{state}"


_KEY = re.compile(rf"\b(?:{'|'.join(_keys())})\b")
