"""A job's arguments as they are typed: `NAME=VALUE`, `NAME@FILE`, or one JSON object."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from taskcast.cli.gateway import Exit, Problem
from taskcast.client import Client

_TYPED = re.compile(r"([^=@]+)([=@])(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values, and files that are to be uploaded first."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    async def sent(self, client: Client) -> dict[str, Any]:
        """Upload the files; return the values by name, with each file's id in its place.

        Raises:
            GatewayError: if the gateway does not take a file.
        """
        ids = {name: (await client.upload(path))["id"] for name, path in self.files.items()}
        return self.values | ids


def typed(arguments: tuple[str, ...], *, data: str | None = None) -> Arguments:
    """Return what was typed; a value is JSON if it can be read as such, else a text. `data` is one JSON object.

    Raises:
        Problem: naming what is wrong and how it is written.
    """
    found = Arguments(_object(data) if data is not None else {})
    for argument in arguments:
        parts = _TYPED.fullmatch(argument)
        if parts is None:
            raise Problem(f"{argument!r}: write arguments as NAME=VALUE, or NAME@FILE to upload a file", Exit.USAGE)
        name, sign, text = parts.groups()
        if sign == "@":
            path = Path(text).expanduser()
            if not path.is_file():
                raise Problem(f"{name}: there is no file {text!r}; a text with @ is written {name}=...", Exit.USAGE)
            found.files[name] = path
            continue
        try:
            found.values[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found.values[name] = text
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Problem(f'--data: {error}; give a JSON object such as \'{{"file": "..."}}\'', Exit.USAGE) from None
