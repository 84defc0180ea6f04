"""Starts, watches and stops everything that `taskcast up` runs."""

from core.supervisor.door import main

__all__ = ["main"]
