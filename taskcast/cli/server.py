"""`taskcast up` and `taskcast server NAME`: the server's folders are put on the path of these two alone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from taskcast.cli.gateway import Exit, Problem


@click.command()
def up() -> None:
    """Start everything here: servers, gateway, recorder, worker, scheduler, dashboard."""
    sys.exit(_supervisor("up"))


@click.command()
@click.argument("name")
def server(name: str) -> None:
    """Become one process of the Procfile: gateway, recorder, worker, scheduler or dashboard."""
    sys.exit(_supervisor("server", name))


def server_folder() -> Path | None:
    """Return where the server's folders are: the checkout's root, or `taskcast/_server` of the wheel."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_server", package.parent):
        if (folder / "core" / "supervisor").is_dir() and (folder / "Procfile").is_file():
            return folder
    return None


def _supervisor(*argv: str) -> int:
    folder = server_folder()
    if folder is None:
        raise Problem("the server is not part of this installation: pip install 'taskcast[server]'", Exit.ERROR)
    sys.path.insert(0, str(folder))
    try:
        supervisor = importlib.import_module("core.supervisor")
    except ImportError as error:
        raise Problem(f"the server needs more: pip install 'taskcast[server]' ({error})", Exit.ERROR) from None
    return int(supervisor.main(list(argv)))
