"""How many jobs may run at once and how often they may begin: what a task says, and the key that a job counts under.

The engine keeps the limits; here they are only read and made into a job's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from string import Formatter
from types import NoneType
from typing import Any, Self

import msgspec

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_PERIOD_S = 366 * 86400
MOST = 1_000_000
KEY_LENGTH = 255

_TEXT = re.compile(r"(\d{1,7})/(\d+(?:\.\d+)?)?([smhd])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Rate(msgspec.Struct, frozen=True):
    """At most `count` jobs may begin in a burst, and `count` in every `period_s` seconds from then on."""

    count: int
    period_s: float

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read `"10/m"` (s, m, h, d; `"10/30s"`), or a pair (count, seconds).

        Raises:
            ValueError: for anything else.
        """
        count, period_s = cls._parts(value)
        if not 1 <= count <= MOST or not 0.001 <= period_s <= LONGEST_PERIOD_S:
            raise ValueError(f"must be 1 to {MOST} jobs in 0.001 seconds to 366 days, not {value!r}")
        return cls(count, period_s)

    @staticmethod
    def _parts(value: object) -> tuple[int, float]:
        if isinstance(value, Rate):
            return value.count, value.period_s
        if isinstance(value, str) and (found := _TEXT.fullmatch(value.strip())):
            return int(found[1]), float(found[2] or 1) * UNITS_S[found[3]]
        if isinstance(value, tuple | list) and len(value) == 2:
            count, period_s = value
            if type(count) is int and type(period_s) in {int, float}:
                return count, float(period_s)
        raise ValueError(f"must be such as '10/m' (s, m, h or d) or (10, 60) for a count and seconds, not {value!r}")

    @property
    def period_ms(self) -> int:
        """The period in whole milliseconds."""
        return max(1, round(self.period_s * 1000))

    def __str__(self) -> str:
        for unit, seconds in UNITS_S.items():
            if self.period_s == seconds:
                return f"{self.count}/{unit}"
        return f"{self.count}/{f'{self.period_s:.3f}'.rstrip('0').rstrip('.')}s"


def check_key(name: str, key: str) -> str:
    """Return a limit's key.

    Raises:
        ValueError: if it is empty, longer than 255 characters or holds control characters.
    """
    if not 1 <= len(key) <= KEY_LENGTH or _CONTROL.search(key):
        raise ValueError(f"{name}: must be a text of 1 to {KEY_LENGTH} printable characters, not {key[:300]!r}")
    return key


def names_in(template: str) -> list[str]:
    """Return the arguments that a template such as `"tenant:{tenant}"` asks for, in order.

    Raises:
        ValueError: if it is no template, or asks for more than the plain value of an argument.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"concurrency_key: {template!r} is no template: {error}") from None
    names = []
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(
                f"concurrency_key: write the plain name of an argument in braces, as in 'tenant:{{tenant}}', not "
                f"{template!r}"
            )
        names.append(name)
    return names


def check_template(template: str) -> str:
    """Return a template that can become a key.

    Raises:
        ValueError: naming what is wrong.
    """
    names_in(template)
    return check_key("concurrency_key", template)


def check_parameters(template: str, parameters: Collection[str] | None, hides: Callable[[str], bool]) -> None:
    """Refuse a template that asks for a secret, as keys are shown, or for what the task cannot be given.

    `parameters` are the names it takes, None for any.

    Raises:
        ValueError: naming the argument.
    """
    for name in names_in(template):
        if parameters is not None and name not in parameters:
            listed = ", ".join(parameters) or "none"
            raise ValueError(f"concurrency_key: the task has no parameter {name!r} to be given; there are {listed}")
        if hides(name):
            raise ValueError(f"concurrency_key: {name!r} is the name of a secret, and keys are shown")


def key_of(template: str, arguments: Mapping[str, Any]) -> str:
    """Return the key that `template` gives for a job's arguments by name.

    Raises:
        ValueError: naming the argument that is missing, or the key if it is too long.
        TypeError: naming the argument that is no text, number or truth value.
    """
    for name in names_in(template):
        if name not in arguments:
            raise ValueError(f"concurrency_key: {template!r} needs the argument {name!r}, which was not given")
        kind = type(arguments[name])
        if not issubclass(kind, str | int | float | NoneType):
            raise TypeError(f"concurrency_key: the argument {name!r} is no text or number but {kind.__name__}")
    return check_key("concurrency_key", template.format_map(arguments))
