"""The names of a function's parameters, so that a job's arguments are stored by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Parameters:
    """The parameters of one function, or of none that is known here.

    Attributes:
        positions: the names of those that may be given by position, in order.
        names: the names of all that may be given by name.
        defaults: what those have that need not be given.
        takes_any: whether it takes arguments of any name.
    """

    __slots__ = ("_rest", "defaults", "names", "positions", "takes_any")

    def __init__(self, function: Callable[..., Any] | None) -> None:
        self.positions: list[str] = []
        self.names: list[str] = []
        self.defaults: dict[str, Any] = {}
        self.takes_any = function is None
        self._rest: str | None = None
        if function is None:
            return
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}:
                self.positions.append(parameter.name)
            elif parameter.kind is parameter.VAR_POSITIONAL:
                self._rest = parameter.name
            elif parameter.kind is parameter.VAR_KEYWORD:
                self.takes_any = True
            if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
                self.names.append(parameter.name)
            if parameter.default is not parameter.empty:
                self.defaults[parameter.name] = parameter.default

    def by_name(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name.

        Those of `*rest` make a list under its name; those no parameter is known for are named by their place: "0", "1".
        """
        if not args:
            return dict(kwargs)
        named = dict(zip(self.positions, args, strict=False))
        more = args[len(self.positions) :]
        if more and self._rest is not None:
            named[self._rest] = list(more)
        else:
            for place, value in enumerate(more, start=len(self.positions)):
                named[str(place)] = value
        named.update(kwargs)
        return named
