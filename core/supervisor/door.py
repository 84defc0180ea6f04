"""The door of `taskcast up` and `taskcast server NAME`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from core.settings import load_settings
from core.supervisor.procfile import read_procfile
from core.supervisor.up import ROOT, Up
from taskcast.errors import TaskcastError


def main(argv: Sequence[str]) -> int:
    """Run `up`, or `server NAME` in place of this process; return the exit code."""
    try:
        if list(argv[:1]) == ["server"]:
            return _server(*argv[1:2])
        asyncio.run(Up(load_settings()).run())
    except TaskcastError as error:
        print(f"taskcast: {error}", file=sys.stderr)  # noqa: T201 - the answer to a command
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _server(name: str = "") -> int:
    """Become the Procfile's process `name`; return only if there is none."""
    commands = read_procfile(ROOT / "Procfile")
    if name not in commands:
        print(f"taskcast: there is no process {name!r}; there are {', '.join(commands)}", file=sys.stderr)  # noqa: T201
        return 2
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.chdir(ROOT)
    os.execvp(commands[name][0], commands[name])  # noqa: S606 - the Procfile's own command
    raise AssertionError("execvp does not return")
