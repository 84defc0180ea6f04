"""Reading a Procfile: one process a line, `name: command`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from taskcast.errors import ConfigurationError

LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$")


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Return the commands by name, in the file's order, each split as a shell would.

    Raises:
        ConfigurationError: if the file is missing, or a line is no `name: command`.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    commands: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.match(line)
        if not match:
            raise ConfigurationError(f"{path}, line {number}: {line!r} is no `name: command`")
        commands[match[1]] = shlex.split(match[2])
    return commands
