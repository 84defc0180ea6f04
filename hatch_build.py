"""Puts the server's folders into the wheel, below `taskcast/_server`, where they shadow nobody's own `core`."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SERVER = ("core", "workers", "schedules", "ui", "migrations", "Procfile")


class ServerFolders(BuildHookInterface[Any]):
    """Adds the folders to a real wheel; an editable install runs from the checkout and needs no copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what goes where."""
        if version == "standard":
            build_data["force_include"].update({folder: f"taskcast/_server/{folder}" for folder in SERVER})
